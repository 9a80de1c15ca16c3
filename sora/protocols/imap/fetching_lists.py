"""FETCH of what lists of messages are made of: flags, UIDs, and values that never change.

This is how a client shows a mailbox, so it is done for many messages at once: values that were
read before come from memory (`sora.mailbox.columns`), the others with one statement for 1,000
messages, and while the lines of these are written the next 1,000 are being read. A line is
never made for itself: its pieces are laid side by side for a whole portion, and joined once.
Nothing here may cost a microsecond for a message that can be spared.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred

from sora.protocols.imap.fetch_items import (
    FetchItem,
    FlagsItem,
    KeptItem,
    ModSeqItem,
    UidItem,
)
from sora.protocols.imap.session import Session
from sora.protocols.imap.updates import flag_text

LINES: Final = 1000
"""messages that are looked up, or read, together"""
PORTION: Final = 256
"""lines written before the client is waited for, when they hold more than flags"""


def tells_flags(items: Sequence[FetchItem], session: Session) -> bool:
    """Whether an answer with these items tells a client all that an update about changed flags
    would tell: for one that counts on modseqs, these as well (RFC 7162 §3.1)."""
    kinds = set(map(type, items))
    return FlagsItem in kinds and (ModSeqItem in kinds or not session.enabled.condstore)


@frozen
class _Batch:
    """Messages, and for each `KeptItem` their values; None where storage knows nothing."""

    uids: Sequence[int]
    columns: list[list[bytes | None]]


class ListFetching:
    """One FETCH of items that are all covered (`covers`)."""

    def __init__(self, session: Session, items: Sequence[FetchItem]) -> None:
        self._session = session
        self._selected = session.mailbox
        self._view = session.mailbox.view
        self._items = items
        self._kept = [item for item in items if isinstance(item, KeptItem)]
        self._tells_flags = tells_flags(items, session)
        self._texts = _FlagTexts(self._flags_of_key)
        self._by_uid = session.enabled.uidonly
        word = b"UIDFETCH" if self._by_uid else b"FETCH"
        self._line = b"* %d " + word + b" (" + b" ".join(map(_form, items)) + b")\r\n"

    @staticmethod
    def covers(items: Sequence[FetchItem]) -> bool:
        """Whether a FETCH of these items, that sets no flags, can be answered here."""
        return all(
            type(item) in (FlagsItem, UidItem, ModSeqItem)
            or (isinstance(item, KeptItem) and item.column is not None)
            for item in items
        )

    async def answer(self, uids: Sequence[int]) -> int:
        """Write the lines; gives for how many messages."""
        answered = 0
        batch = await self._batch(uids[:LINES])
        for start in range(0, len(uids), LINES):
            following = uids[start + LINES : start + 2 * LINES]
            ahead = Deferred.fromCoroutine(self._batch(following)) if following else None
            try:
                answered += await self._write(batch)
            except BaseException:
                if ahead is not None:
                    ahead.addErrback(lambda failure: None)  # nobody waits for it any more
                raise
            if ahead is not None:
                batch = await ahead
        return answered

    # ---------------------------------------------------------- values

    async def _batch(self, uids: Sequence[int]) -> _Batch:
        columns = [self._selected.reading.kept(item.column, uids) for item in self._kept]
        if any(None in column for column in columns):
            await self._read(uids, columns)
        return _Batch(uids, columns)

    async def _read(self, uids: Sequence[int], columns: list[list[bytes | None]]) -> None:
        """Read what is not known; one statement."""
        unknown = [
            place for place, values in enumerate(zip(*columns, strict=True)) if None in values
        ]
        place_of = {uids[place]: place for place in unknown}
        read = await self._selected.reading.columns(
            list(place_of), [item.source for item in self._kept]
        )
        for item, column in zip(self._kept, columns, strict=True):
            texts = list(map(item.text, read.values[item.source]))
            self._selected.reading.keep(item.column, read.uids, texts)
            for uid, text in zip(read.uids, texts, strict=True):
                column[place_of[uid]] = text

    # ---------------------------------------------------------- lines

    async def _write(self, batch: _Batch) -> int:
        step = PORTION if self._kept else LINES
        answered = 0
        for start in range(0, len(batch.uids), step):
            uids = batch.uids[start : start + step]
            columns = [column[start : start + step] for column in batch.columns]
            # Between here and the lines nothing is awaited: they say what is true now.
            self._session.telling.keywords()
            text, count = self._lines(uids, columns)
            answered += count
            if self._tells_flags:
                self._view.told(uids, self._selected.highest_modseq)
            self._session.write(text)
            await self._session.drain()
        return answered

    def _lines(self, uids: Sequence[int], columns: list[list[bytes | None]]) -> tuple[bytes, int]:
        """The lines of the messages that are still there."""
        run = self._view.run_of(uids)
        modseqs: Sequence[int]
        if run is not None:
            first, keys, modseqs = run
            numbers: Sequence[int] = range(first, first + len(keys))
        else:
            states = list(self._view.flags_of(uids))
            numbers = [state.number for state in states]
            keys = [~state.mask if state.recent else state.mask for state in states]
            modseqs = [state.modseq for state in states]
            there = {state.uid for state in states}
            columns = [list(compress(column, map(there.__contains__, uids))) for column in columns]
            uids = [state.uid for state in states]
        if any(None in column for column in columns):
            # Storage does not have them any more, though nobody has said so yet.
            whole = [None not in values for values in zip(*columns, strict=True)]
            numbers = list(compress(numbers, whole))
            keys, uids = list(compress(keys, whole)), list(compress(uids, whole))
            modseqs = list(compress(modseqs, whole))
            columns = [list(compress(column, whole)) for column in columns]
        return self._joined(numbers, uids, keys, modseqs, columns), len(numbers)

    def _joined(
        self,
        numbers: Sequence[int],
        uids: Sequence[int],
        keys: Iterable[int],
        modseqs: Iterable[int],
        columns: Iterable[Sequence[bytes | None]],
    ) -> bytes:
        values: list[Iterable[int | bytes | None]] = [uids if self._by_uid else numbers]
        texts = iter(columns)
        for item in self._items:
            if isinstance(item, UidItem):
                values.append(uids)
            elif isinstance(item, ModSeqItem):
                values.append(modseqs)
            elif isinstance(item, FlagsItem):
                values.append(map(self._texts.__getitem__, keys))
            else:
                values.append(next(texts))
        return (self._line * len(numbers)) % tuple(chain.from_iterable(zip(*values, strict=True)))

    def _flags_of_key(self, key: int) -> bytes:
        recent = key < 0
        return b"(%b)" % flag_text(self._selected.keywords, ~key if recent else key, recent)


def _form(item: FetchItem) -> bytes:
    """How an item stands in a line, with the place for its value."""
    return item.name.replace(b"%", b"%%") + _PLACES.get(type(item), b" %b")


_PLACES: Final[dict[type[FetchItem], bytes]] = {UidItem: b" %d", ModSeqItem: b" (%d)"}


class _FlagTexts(dict[int, bytes]):
    """Texts of flags by mask, inverted for those that are \\Recent; made when they are needed."""

    def __init__(self, make: Callable[[int], bytes]) -> None:
        self._make = make

    def __missing__(self, key: int) -> bytes:
        made = self[key] = self._make(key)
        return made
