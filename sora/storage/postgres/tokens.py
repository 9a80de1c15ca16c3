"""What this process knows of mailboxes: the modseq that a read must not be older than (G21).

Whoever hears of a modseq notes it here: the adapters from every answer that has one, the open
mailboxes from every write of this process and from the doorbell of others. So it is at least
what any session of this process has been told.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from attrs import frozen

MOST: Final = 100_000
"""Mailboxes that are known at a time; of others the primary is asked."""


@frozen
class Token:
    """A modseq, and since when this process knows it (its own clock)."""

    modseq: int
    since: float


class Tokens:
    """Tokens by mailbox id, bounded: the one noted longest ago goes first."""

    def __init__(self, seconds: Callable[[], float], most: int = MOST) -> None:
        self._seconds = seconds
        self._most = most
        self._known: OrderedDict[int, Token] = OrderedDict()

    def note(self, mailbox_id: int, modseq: int) -> None:
        """A mailbox was heard to be at this modseq, or beyond."""
        known = self._known.get(mailbox_id)
        if known is not None and known.modseq >= modseq:
            return
        self._known[mailbox_id] = Token(modseq, self._seconds())
        self._known.move_to_end(mailbox_id)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def get(self, mailbox_id: int) -> Token | None:
        """What is known of a mailbox."""
        return self._known.get(mailbox_id)
