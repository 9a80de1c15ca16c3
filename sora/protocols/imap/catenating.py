"""CATENATE (RFC 4469): a message put together from literals and parts of other messages.

Octets go from where they are stored into the spool in pieces, so that a message of any size costs
no more memory than a piece. A part is what FETCH BODY of it would be; \\Seen is not set.
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from sora.errors import BadURL, NoSuchMailbox, NoSuchMessage, NotPermitted, TooBig
from sora.mail.section import Extent
from sora.mailbox.spool import Spool
from sora.protocols.imap.fetch_items import SectionItem
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.sections import Partial
from sora.protocols.imap.wire.urls import MessageURL, spoken_url
from sora.storage.rows import BodyPlace, MailboxRow, StoredMessage, Want

PIECE: Final = 256 * 1024
MESSAGES_OF_FULL_SIZE: Final = 4
"""what all messages of a command may have together, in messages of the largest size"""
LARGEST_HEADER: Final = 1024 * 1024
"""octets of a part's header block from which fields are selected"""
_WANTS: Final = frozenset({Want.BODY, Want.PARTS, Want.HEADER})
_EVERYTHING: Final = Partial(0, (1 << 63) - 1)


@frozen
class _Source:
    mailbox: MailboxRow
    row: StoredMessage

    @property
    def place(self) -> BodyPlace:
        assert self.row.body is not None, "the message was read with Want.BODY"
        return self.row.body


class Catenation:
    """The messages that one command puts together. What is read of a source is kept for the
    URLs that name it again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._limit = session.limits.message
        self._left = MESSAGES_OF_FULL_SIZE * session.limits.message
        self._last: tuple[tuple[str, int], _Source] | None = None

    async def of(self, pieces: Sequence[Spool | MessageURL]) -> Spool:
        """A spool of all the pieces. Raises BadURL, TooBig, Unavailable, StorageFull."""
        whole = self._session.literals.spools.new()
        for piece in pieces:
            if isinstance(piece, MessageURL):
                await self._part(piece, whole)
            else:
                await self._text(piece, whole)
        return whole

    async def _text(self, text: Spool, whole: Spool) -> None:
        reader = text.open()
        try:
            while octets := reader.read(PIECE):
                self._write(whole, octets)
                await self._session.drain()
        finally:
            reader.close()
        text.close()

    async def _part(self, url: MessageURL, whole: Spool) -> None:
        source = await self._source(url)
        item = SectionItem(b"", url.section, None, False)
        extent = item.extent(source.row)
        partial = url.partial or _EVERYTHING
        if extent is None:
            octets = item.cut(source.row, None)
        elif url.section.what.startswith("HEADER.FIELDS"):
            octets = await self._fields(item, source, extent)
        else:
            await self._octets(item, source, extent, partial, whole)
            return
        if octets is None:
            raise BadURL(spoken_url(url.text))
        self._write(whole, octets[partial.start : partial.start + partial.count])

    async def _fields(self, item: SectionItem, source: _Source, extent: Extent) -> bytes | None:
        if extent.end - extent.start > LARGEST_HEADER:
            raise TooBig(f"The header of a part has more than {LARGEST_HEADER} octets")
        data = await self._session.account.body(source.place, extent.start, extent.end)
        return item.cut(source.row, data)

    async def _octets(
        self, item: SectionItem, source: _Source, extent: Extent, partial: Partial, whole: Spool
    ) -> None:
        """Octets as they stand in the content, behind the trace where it is the whole message."""
        trace = (source.row.trace or b"") if item.is_whole else b""
        size = len(trace) + extent.end - extent.start
        first, last = min(partial.start, size), min(partial.start + partial.count, size)
        self._check(whole, last - first)
        self._write(whole, trace[first:last])
        start = extent.start + max(0, first - len(trace))
        end = extent.start + max(0, last - len(trace))
        if end > start:
            await self._session.account.stream(
                source.place, start, end, lambda octets: self._write(whole, octets)
            )

    async def _source(self, url: MessageURL) -> _Source:
        key = (url.mailbox, url.uid)
        if self._last is None or self._last[0] != key:
            try:
                mailbox, row = await self._session.account.message(url.mailbox, url.uid, _WANTS)
            except (NoSuchMailbox, NoSuchMessage, NotPermitted):
                raise BadURL(spoken_url(url.text)) from None
            self._last = key, _Source(mailbox, row)
        source = self._last[1]
        if url.uidvalidity not in (None, source.mailbox.uidvalidity):
            raise BadURL(spoken_url(url.text))
        return source

    def _write(self, whole: Spool, octets: bytes) -> None:
        self._check(whole, len(octets))
        self._left -= len(octets)
        whole.write(octets)

    def _check(self, whole: Spool, more: int) -> None:
        if whole.size + more > self._limit:
            raise TooBig(f"A message may have {self._limit} octets")
        if more > self._left:
            raise TooBig(
                f"The messages of a command may have {MESSAGES_OF_FULL_SIZE * self._limit} octets"
            )
