"""How FETCH is answered: what is asked of storage, in which portions, and what waits for whom.

Three ways, by what the items need:

* what lists are made of (FLAGS, UID, ENVELOPE, header fields): `fetching_lists`;
* items of extensions, and header fields that set \\Seen: one round trip for 1,000 messages,
  none for what the view knows;
* octets of bodies: small messages are read ahead in groups of bounded size, a large one by
  itself, its sections streamed from storage to the client, so that neither a slow client nor
  a message of 50 MB costs more memory than the connection's buffer.

A body that cannot be read now is never shown as an empty one (G8): its message is left out,
and the tagged answer says NO [UNAVAILABLE]. Once the size of a literal was announced there is
no way back: then the connection is cut.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from twisted.internet.defer import Deferred

from sora.deferreds import deferred
from sora.errors import ExpungeIssued, SoraError, Unavailable
from sora.mail.flags import SEEN
from sora.mail.rights import Rights
from sora.mail.section import Extent
from sora.mailbox.spool import Spool
from sora.mailbox.updates import FlagUpdate
from sora.net.ended import ConnectionEnded
from sora.protocols.imap.fetch_items import (
    NOTHING,
    Fetched,
    FetchItem,
    SectionItem,
    update_items,
)
from sora.protocols.imap.fetching_lists import LINES, ListFetching, tells_flags
from sora.protocols.imap.session import Session
from sora.protocols.imap.updates import fetch_opening
from sora.storage.rows import StoredMessage

SMALL: Final = 256 * 1024
"""octets up to which a body, or a piece of one, is held in memory as a whole"""
PORTION: Final = 256 * 1024
"""octets of answers after which the client is waited for"""
GROUP_OCTETS: Final = 2 * 1024 * 1024
GROUP_MESSAGES: Final = 64
"""how much is read together; and as much again while it is written"""


class Fetching:
    """One FETCH of certain items."""

    def __init__(self, session: Session, items: Sequence[FetchItem], by_uid: bool) -> None:
        self._session = session
        self._selected = session.mailbox
        self._view = session.mailbox.view
        self._items = list(items)
        self._by_uid = by_uid
        self._tells_flags = tells_flags(items, session)
        self._of_update = [
            item
            for item in update_items(session.enabled)
            if all(item.name != other.name for other in items)
        ]
        self._sees = any(item.sees for item in items) and Rights.SEE in self._selected.flag_rights
        self._unseen: set[int] = set()
        self._answered = 0
        self._written = 0
        self._failure: SoraError | None = None

    async def answer(self, uids: Sequence[int]) -> None:
        """Answer for these messages of the view.

        Raises what kept the answer from being whole: ExpungeIssued, Unavailable.
        """
        if not uids:
            return
        if not self._sees and ListFetching.covers(self._items):
            self._answered = await ListFetching(self._session, self._items).answer(uids)
        elif all(item.from_view for item in self._items):
            await self._items_from_view(uids)
        else:
            await self._from_storage(uids)
        if self._failure is not None:
            raise self._failure
        if self._answered < len(uids) and not self._by_uid:
            raise ExpungeIssued

    # ---------------------------------------------------------- from the view

    async def _items_from_view(self, uids: Sequence[int]) -> None:
        for start in range(0, len(uids), LINES):
            portion = uids[start : start + LINES]
            self._session.telling.keywords()
            for state in self._view.flags_of(portion):
                self._write(Fetched(state, self._selected.keywords))
            self._told(portion, self._selected.highest_modseq)
            await self._session.drain()

    def _told(self, uids: Sequence[int], modseq: int) -> None:
        """The client has the flags of these as they were at `modseq`."""
        if self._tells_flags:
            self._view.told(uids, modseq)

    # ---------------------------------------------------------- from storage

    async def _from_storage(self, uids: Sequence[int]) -> None:
        wants = NOTHING.union(*(item.wants for item in self._items))
        if self._sees:
            self._unseen = {
                state.uid for state in self._view.flags_of(uids) if not state.mask & SEEN
            }
        needs_octets = any(item.needs_octets for item in self._items)
        async for batch in self._selected.reading.read(uids, wants, self._sees):
            if needs_octets:
                await self._with_bodies(list(_groups(batch)))
            else:
                await self._without_bodies(batch)

    async def _without_bodies(self, batch: Sequence[StoredMessage]) -> None:
        by_uid = {row.uid: row for row in batch}
        for state in self._states(list(by_uid)):
            self._write(Fetched(state, self._selected.keywords, by_uid[state.uid]))
            if self._written >= PORTION:
                await self._drain()
        await self._drain()

    async def _with_bodies(self, groups: Sequence[Sequence[StoredMessage]]) -> None:
        """Answer with bodies; while those of one group are written, the next are being read."""
        ahead = self._contents(groups[0]) if groups else None
        for place, group in enumerate(groups):
            reading = ahead
            contents = None if reading is None else await reading
            ahead = self._contents(groups[place + 1]) if place + 1 < len(groups) else None
            try:
                if contents is None:
                    await self._large(group[0])
                else:
                    await self._small(group, contents)
            except BaseException:
                if ahead is not None:
                    ahead.addErrback(lambda failure: None)  # nobody waits for it any more
                raise

    def _contents(
        self, group: Sequence[StoredMessage]
    ) -> "Deferred[list[bytes | Exception]] | None":
        """The contents of small messages, on their way; None for a large one."""
        if len(group) == 1 and _size(group[0]) > SMALL:
            return None
        return Deferred.fromCoroutine(self._selected.reading.bodies(group))

    async def _small(
        self, group: Sequence[StoredMessage], contents: Sequence[bytes | Exception]
    ) -> None:
        by_uid: dict[int, tuple[StoredMessage, bytes]] = {}
        for row, content in zip(group, contents, strict=True):
            if isinstance(content, Exception):
                self._failed(content)
            else:
                by_uid[row.uid] = row, content
                self._count(row)
        for state in self._states(list(by_uid)):
            self._write(Fetched(state, self._selected.keywords, *by_uid[state.uid]))
            if self._written >= PORTION:
                await self._drain()
        await self._drain()

    def _states(self, uids: Sequence[int]) -> list[FlagUpdate]:
        """The flags as of now; the client learns them, whatever changes while it is waited for."""
        self._session.telling.keywords()
        states = list(self._view.flags_of(uids))
        modseq = self._selected.highest_modseq
        self._told(uids, modseq)
        self._view.told([state.uid for state in states if self._has_seen(state)], modseq)
        return states

    def _has_seen(self, state: FlagUpdate) -> bool:
        """Whether this very FETCH has set \\Seen, so that the flags are told."""
        return state.uid in self._unseen and bool(state.mask & SEEN)

    def _count(self, row: StoredMessage) -> None:
        """The client gets octets of it."""
        session = self._session
        age = session.connection.clock.seconds() - row.internal_date.timestamp()
        session.services.messages.fetched(age)

    async def _drain(self) -> None:
        self._written = 0
        await self._session.drain()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, SoraError):
            raise error
        self._answered += 1
        self._failure = self._failure or error

    # ---------------------------------------------------------- a line

    def _line_items(self, fetched: Fetched) -> Sequence[FetchItem]:
        """The items; and those of an update when this very FETCH has set \\Seen (RFC 3501
        §6.4.5, RFC 7162 §3.2.4)."""
        if self._has_seen(fetched.state):
            return [*self._items, *self._of_update]
        return self._items

    def _write(self, fetched: Fetched) -> None:
        try:
            values = [item.name + b" " + item.value(fetched) for item in self._line_items(fetched)]
        except SoraError as error:
            self._failed(error)
            return
        opening = fetch_opening(fetched.state, self._session.enabled)
        line = opening + b" ".join(values) + b")\r\n"
        self._session.write(line)
        self._written += len(line)
        self._answered += 1

    # ---------------------------------------------------------- large messages

    async def _large(self, row: StoredMessage) -> None:
        self._session.telling.keywords()
        modseq = self._selected.highest_modseq
        for state in list(self._view.flags_of((row.uid,))):
            fetched = Fetched(state, self._selected.keywords, row)
            line = LargeLine(self._session)
            try:
                await line.write(fetched, self._line_items(fetched))
            except SoraError as error:
                if line.is_begun:
                    self._session.cut_off()
                    raise ConnectionEnded from None
                self._failed(error)
            else:
                self._answered += 1
                self._count(row)
                self._told((row.uid,), modseq)
                if self._has_seen(state):
                    self._view.told((row.uid,), modseq)
            finally:
                line.close()


class LargeLine:
    """The answer for one message whose body is not held in memory."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._selected = session.mailbox
        self._pieces: list[bytes] = []
        self._spools = session.services.spools()
        self.is_begun = False
        """whether a part of it has gone out"""

    async def write(self, fetched: Fetched, items: Sequence[FetchItem]) -> None:
        """Write it. Raises Unavailable when a body cannot be read."""
        self._pieces.append(fetch_opening(fetched.state, self._session.enabled))
        for place, item in enumerate(items):
            self._pieces.append((b" " if place else b"") + item.name + b" ")
            if not isinstance(item, SectionItem):
                await item.write(fetched, self)
                continue
            extent = item.extent(fetched.row)
            if extent is None:
                self._pieces.append(item.value(fetched))
            elif item.is_raw:
                await self._raw(item, fetched.row, extent)
            else:
                data = await self._selected.reading.body(fetched.row, extent.start, extent.end)
                self._pieces.append(item.written(item.cut(fetched.row, data)))
        self._pieces.append(b")\r\n")
        self._go_out()
        await self._session.drain()

    def close(self) -> None:
        """Let go of what was made for it."""
        self._spools.close()

    # ---------------------------------------------------------- for items

    def add(self, octets: bytes) -> None:
        """See `fetch_items.Line`."""
        self._pieces.append(octets)

    async def octets(self, row: StoredMessage, start: int, end: int) -> bytes:
        """See `fetch_items.Line`."""
        return await self._selected.reading.body(row, start, end)

    async def stream(
        self, row: StoredMessage, start: int, end: int, deliver: Callable[[bytes], None]
    ) -> None:
        """See `fetch_items.Line`."""
        await self._selected.reading.stream(row, start, end, deliver)

    def spool(self) -> Spool:
        """See `fetch_items.Line`."""
        return self._spools.new()

    async def pour(self, spool: Spool) -> None:
        """See `fetch_items.Line`."""
        reader = spool.open()
        try:
            while octets := reader.read(SMALL):
                self._pieces.append(octets)
                if spool.size > SMALL:
                    self._go_out()
                    self.is_begun = True
                    await self._session.drain()
        finally:
            reader.close()
        spool.close()

    # ---------------------------------------------------------- sections

    async def _raw(self, item: SectionItem, row: StoredMessage, extent: Extent) -> None:
        """The trace, where the section is the whole message, and octets of the content."""
        trace = (row.trace or b"") if item.is_whole else b""
        size = len(trace) + extent.end - extent.start
        first, last = 0, size
        if item.partial is not None:
            first = min(item.partial.start, size)
            last = min(item.partial.start + item.partial.count, size)
        start = extent.start + max(0, first - len(trace))
        end = extent.start + max(0, last - len(trace))
        # The first piece is read before the size is announced: it shows that the body is there.
        ahead = min(end, start + SMALL)
        piece = await self._selected.reading.body(row, start, ahead) if ahead > start else b""
        self._pieces.append(b"{%d}\r\n" % (last - first))
        self._pieces.append(trace[first:last])
        self._pieces.append(piece)
        if end > ahead:
            self._go_out()
            self.is_begun = True
            await self._selected.reading.stream(row, ahead, end, self._deliver)

    @deferred
    async def _deliver(self, data: bytes) -> None:
        self._session.write(data)
        await self._session.drain()

    def _go_out(self) -> None:
        self._session.connection.write_all(self._pieces)
        self._pieces = []


def _size(row: StoredMessage) -> int:
    if row.body is None:
        raise Unavailable("A message was read without the place of its body")
    return row.body.size


def _groups(batch: Sequence[StoredMessage]) -> Iterator[list[StoredMessage]]:
    """Portions to be read ahead, in order; a large message is one of its own."""
    group: list[StoredMessage] = []
    octets = 0
    for row in batch:
        size = _size(row)
        if group and (size > SMALL or len(group) >= GROUP_MESSAGES or octets + size > GROUP_OCTETS):
            yield group
            group, octets = [], 0
        if size > SMALL:
            yield [row]
        else:
            group.append(row)
            octets += size
    if group:
        yield group
