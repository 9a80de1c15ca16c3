"""The lists of maildrops that were opened lately: what a client that comes again every few minutes
has seen is not made and sent anew (`0049_maildrop_lists.sql`)."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from sora.storage.postgres import packing

OCTETS: Final = 32 * 1024 * 1024
"""Octets of all lists that a process keeps: those of two million messages."""
EACH: Final = 512
"""Octets of a list without messages."""
UNKNOWN: Final = (None,) * 6
"""The mark of a list that is not known."""


@frozen
class MaildropList:
    """The UIDs of a mailbox and the sizes of its messages, as they were at `modseq` in `epoch`.
    Neither array is changed by anybody."""

    mailbox_id: int
    uidvalidity: int
    epoch: int
    modseq: int
    uids: array
    sizes: array

    @property
    def mark(self) -> tuple[int, int, int, int, int, int]:
        """By what the database tells whether it goes on: its parameters of
        `open_maildrop_v2`."""
        return (
            self.mailbox_id,
            self.uidvalidity,
            self.epoch,
            self.modseq,
            self.uids[-1] if self.uids else 0,
            len(self.uids),
        )

    @property
    def octets(self) -> int:
        """What it takes."""
        return EACH + 2 * self.uids.itemsize * len(self.uids)


def listed(row: Sequence[Any], known: MaildropList | None) -> MaildropList:
    """The list that a row of `open_maildrop_v2` tells of, asked with the mark of `known`."""
    mailbox_id, uidvalidity, epoch, modseq, goes_on, uids_text, sizes_text = row
    uids, sizes = packing.numbers(uids_text), packing.numbers(sizes_text)
    if goes_on and known is not None:
        uids = known.uids + uids if uids else known.uids
        sizes = known.sizes + sizes if sizes else known.sizes
    return MaildropList(mailbox_id, uidvalidity, epoch, modseq, uids, sizes)


class Lists:
    """By account; those that were not asked for longest go."""

    def __init__(self, octets: int = OCTETS) -> None:
        self._left = octets
        self._lists: OrderedDict[int, MaildropList] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._lists)

    def of(self, account_id: int) -> MaildropList | None:
        """The list of an account, if it is kept."""
        return self._lists.get(account_id)

    def keep(self, account_id: int, found: MaildropList) -> None:
        """Keep a list in place of the one before."""
        before = self._lists.pop(account_id, None)
        if before is not None:
            self._left += before.octets
        self._lists[account_id] = found
        self._left -= found.octets
        while self._left < 0:
            _, oldest = self._lists.popitem(last=False)
            self._left += oldest.octets
