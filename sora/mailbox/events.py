"""What clients do to messages, for the scripts that run because of it (RFC 6785).

Whoever writes on behalf of a session says so, after the commit: it costs nothing where nobody has
named a script, and never fails or delays what the client has asked for. What scripts do is no such
event, so there are no circles (§2.2.3, §6).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, Protocol

from attrs import frozen

from sora.mail.flags import Keywords
from sora.mailbox.state import MailboxState
from sora.storage.rows import Copied, Fate, Owner, Placed, States

Cause = Literal["APPEND", "COPY", "FLAG"]
"""`imap.cause` (§4.3); to move is to copy."""
CAUSES: Final[tuple[Cause, ...]] = ("APPEND", "COPY", "FLAG")


@frozen
class Touched:
    """A message, the flags that it has now, and those that are different (§4.5)."""

    uid: int
    flags: tuple[str, ...]
    changed: tuple[str, ...] = ()


@frozen
class MailboxEvent:
    """Something that a client did to messages of one mailbox.

    `owner` is whose mailbox it is, who calls it `mailbox`; `actor` is the address of the user who
    did it. `source_id` and `source` are the mailbox that messages were copied from.
    """

    cause: Cause
    owner: Owner
    mailbox_id: int
    mailbox: str
    actor: str
    messages: Sequence[Touched]
    source_id: int = 0
    source: str = ""


class Events(Protocol):
    """Where events go. `most` is how many messages of one command are looked at."""

    most: int

    def concern(self, account_id: int, cause: Cause) -> bool:
        """Whether there may be a script for it. At once, and with no round trip."""

    def happened(self, event: MailboxEvent) -> None:
        """Something has happened. It never fails."""


def placed_by(placed: Sequence[Placed], most: int) -> Mapping[int, Sequence[Touched]]:
    """New messages, by mailbox."""
    found: dict[int, list[Touched]] = {}
    for one in placed[:most]:
        if one.fate is Fate.PLACED:
            flags = _names(Keywords(one.keywords), one.mask)
            found.setdefault(one.mailbox_id, []).append(Touched(one.uid, flags))
    return found


def copied_by(copied: Copied, most: int) -> Sequence[Touched]:
    """The copies."""
    keywords = Keywords(copied.keywords)
    pairs = zip(copied.uids[:most], copied.masks[:most], strict=True)
    return [Touched(uid, _names(keywords, mask)) for uid, mask in pairs]


def changed_by(changed: States, state: MailboxState, most: int) -> Sequence[Touched]:
    """Messages whose flags were changed; `state` is as it was before."""
    return list(_changed(changed, state, most))


def _changed(changed: States, state: MailboxState, most: int) -> Iterator[Touched]:
    for uid, mask in zip(changed.uids[:most], changed.masks[:most], strict=True):
        place = state.index(uid)
        before = state.masks[place] if place >= 0 else 0
        if before != mask:
            names = _names(state.keywords, before ^ mask)
            yield Touched(uid, _names(state.keywords, mask), names)


def _names(keywords: Keywords, mask: int) -> tuple[str, ...]:
    return tuple(keywords.text(mask).split())
