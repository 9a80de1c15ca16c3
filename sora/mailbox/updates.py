"""What a client has to be told of its mailbox, before it becomes lines; see `sora.mailbox.view`."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import field, frozen

PORTION: Final = 1000
"""Messages whose flags are told together."""


@frozen
class FlagUpdate:
    """Flags of a message that the client knows are different now."""

    number: int
    uid: int
    mask: int
    modseq: int
    recent: bool = False


@frozen
class Updates:
    """What a client has to be told, in this order: EXPUNGE, EXISTS, RECENT, FLAGS, FETCH.

    `expunged` are (sequence number, uid), each number as it is when its line is sent;
    `exists` and `recent` are None when they did not change; `keywords` is True when there are
    new ones, so that FLAGS is due. `flags` of very many messages are `ManyFlags`.
    """

    expunged: Sequence[tuple[int, int]] = ()
    exists: int | None = None
    recent: int | None = None
    keywords: bool = False
    flags: "Sequence[FlagUpdate] | ManyFlags" = ()

    def __bool__(self) -> bool:
        return bool(
            self.expunged
            or self.exists is not None
            or self.recent is not None
            or self.keywords
            or self.flags
        )


NOTHING = Updates()


@frozen
class ManyFlags:
    """The flags of more than `PORTION` messages, each as it is when its turn comes: so they take
    no more memory than their UIDs, and can be told as slowly as the client reads."""

    _flags_of: Callable[[Sequence[int]], Iterator[FlagUpdate]] = field(alias="flags_of")
    _uids: "array[int]" = field(alias="uids")

    def __len__(self) -> int:
        return len(self._uids)

    def __iter__(self) -> Iterator[FlagUpdate]:
        for portion in self.portions():
            yield from portion

    def portions(self) -> Iterator[list[FlagUpdate]]:
        """The same in portions. Between two of them anything may happen in the mailbox, but
        nothing may be taken from the view."""
        for start in range(0, len(self._uids), PORTION):
            yield list(self._flags_of(self._uids[start : start + PORTION]))
