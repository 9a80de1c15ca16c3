"""The items of FETCH (RFC 3501 §6.4.5, §7.4.2): what each is called, needs, and looks like.

An item says which columns it `wants` before storage is asked, so that one FETCH asks once for
all its items. Items with `from_view` need no storage at all. A section of the body says which
octets of the content it needs (`extent`), and whether the answer is these octets as they
are (`is_raw`), so that large ones can be streamed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Protocol

from attrs import define, frozen

from sora.errors import Unavailable
from sora.mail.flags import Keywords
from sora.mail.section import Extent, Section, locate, render
from sora.mail.structure import basic
from sora.mailbox.spool import Spool
from sora.mailbox.updates import FlagUpdate
from sora.protocols.imap.enabled import Enabled
from sora.protocols.imap.updates import flag_text
from sora.protocols.imap.wire.dates import write_date_time
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.sections import Partial, read_partial, read_section, section_name
from sora.protocols.imap.wire.write import string
from sora.storage.rows import Column, StoredMessage, Want

NOTHING: Final[frozenset[Want]] = frozenset()


@define
class Fetched:
    """One message on its way into an answer: what the view says of it, what storage says, and
    its whole content, if it was read."""

    state: FlagUpdate
    keywords: Keywords
    stored: StoredMessage | None = None
    content: bytes | None = None

    @property
    def row(self) -> StoredMessage:
        """What storage said; items that are not `from_view` may ask for it."""
        assert self.stored is not None
        return self.stored


class Line(Protocol):
    """The answer for a message whose content is not in memory, as an item writes it."""

    def add(self, octets: bytes) -> None:
        """Add octets to the line."""

    async def octets(self, row: StoredMessage, start: int, end: int) -> bytes:
        """Octets of the content, all of them in memory. Raises Unavailable."""

    async def stream(
        self, row: StoredMessage, start: int, end: int, deliver: Callable[[bytes], None]
    ) -> None:
        """Hand octets of the content to `deliver` in pieces. Raises Unavailable."""

    async def pour(self, spool: Spool) -> None:
        """Add the octets of a spool, and let go of them. Raises StorageFull."""

    def spool(self) -> Spool:
        """Room for octets that are made before their size can be told."""


class FetchItem:
    """The root of all items."""

    name: bytes
    """as the answer calls it"""
    from_view: ClassVar[bool] = False
    sees: bool = False
    """whether fetching it sets \\Seen"""

    @classmethod
    def parse(cls, scan: Scanner, word: bytes) -> "FetchItem":
        """Read what follows the item's word."""
        return cls()

    @property
    def wants(self) -> frozenset[Want]:
        """The columns it needs."""
        return NOTHING

    @property
    def needs_octets(self) -> bool:
        """Whether it is made from octets of the content."""
        return False

    def value(self, fetched: Fetched) -> bytes:
        """What the answer says after the name."""
        raise NotImplementedError

    async def write(self, fetched: Fetched, line: Line) -> None:
        """Add the same to the line of a message whose content is not in memory."""
        line.add(self.value(fetched))


class FlagsItem(FetchItem):
    """FLAGS"""

    name = b"FLAGS"
    from_view = True

    def value(self, fetched: Fetched) -> bytes:
        return b"(" + flag_text(fetched.keywords, fetched.state.mask, fetched.state.recent) + b")"


class UidItem(FetchItem):
    """UID"""

    name = b"UID"
    from_view = True

    def value(self, fetched: Fetched) -> bytes:
        return b"%d" % fetched.state.uid


class ModSeqItem(FetchItem):
    """MODSEQ (RFC 7162 §3.1.4.2)"""

    name = b"MODSEQ"
    from_view = True

    def value(self, fetched: Fetched) -> bytes:
        return b"(%d)" % fetched.state.modseq


def update_items(enabled: Enabled) -> Sequence[FetchItem]:
    """What has to be told of a message whose flags have changed (RFC 7162 §3.2.4); a line of
    UIDFETCH begins with the UID anyway."""
    if not enabled.condstore:
        return (FlagsItem(),)
    return (
        (FlagsItem(), ModSeqItem()) if enabled.uidonly else (UidItem(), FlagsItem(), ModSeqItem())
    )


class KeptItem(FetchItem):
    """An item made of one column that never changes; its values may be kept for the next time."""

    source: ClassVar[Column]

    @property
    def column(self) -> bytes | None:
        """What its values are kept under; None when they are not."""
        return self.name

    def text(self, value: Any) -> bytes:
        """What the answer says after the name, from the value of the column."""
        return bytes(value) or b"NIL"

    def value(self, fetched: Fetched) -> bytes:
        return self.text(_OF_ROW[self.source](fetched.row))


_OF_ROW: Final[dict[Column, Callable[[StoredMessage], Any]]] = {
    Column.SIZE: lambda row: row.size,
    Column.DATE: lambda row: row.internal_date,
    Column.ENVELOPE: lambda row: row.envelope or b"",
    Column.STRUCTURE: lambda row: row.structure or b"",
    Column.HEADER: lambda row: (row.trace or b"") + (row.header or b""),
    Column.EMAIL_ID: lambda row: row.email_id,
    Column.SAVE_DATE: lambda row: row.save_date,
    Column.PREVIEW: lambda row: row.preview or "",
}


class InternalDateItem(KeptItem):
    """INTERNALDATE"""

    name = b"INTERNALDATE"
    source = Column.DATE

    def text(self, value: datetime) -> bytes:
        return write_date_time(value)


class SizeItem(KeptItem):
    """RFC822.SIZE"""

    name = b"RFC822.SIZE"
    source = Column.SIZE

    def text(self, value: int) -> bytes:
        return b"%d" % value


class EnvelopeItem(KeptItem):
    """ENVELOPE"""

    name = b"ENVELOPE"
    source = Column.ENVELOPE
    wants = frozenset({Want.ENVELOPE})


class StructureItem(KeptItem):
    """BODYSTRUCTURE"""

    name = b"BODYSTRUCTURE"
    source = Column.STRUCTURE
    wants = frozenset({Want.STRUCTURE})


class BasicStructureItem(KeptItem):
    """BODY: BODYSTRUCTURE without its extension data"""

    name = b"BODY"
    source = Column.STRUCTURE
    wants = frozenset({Want.STRUCTURE})

    def text(self, value: bytes) -> bytes:
        return basic(value or b"NIL")


class BodyItem(FetchItem):
    """BODY, BODY[section]<partial> and BODY.PEEK[section]<partial>"""

    @classmethod
    def parse(cls, scan: Scanner, word: bytes) -> FetchItem:
        if word == b"BODY" and scan.peek() != b"[":
            return BasicStructureItem()
        section = read_section(scan)
        partial = read_partial(scan)
        return SectionItem(
            section_name(section, partial), section, partial, sees=word != b"BODY.PEEK"
        )


class RFC822Item(FetchItem):
    """RFC822, RFC822.HEADER and RFC822.TEXT: sections under older names; and RFC822.PEEK of
    RFC 1730, for which Outlook asks to this day."""

    @classmethod
    def parse(cls, scan: Scanner, word: bytes) -> FetchItem:
        if word == b"RFC822.PEEK":
            return SectionItem(b"RFC822", Section(), None, sees=False)
        what = word.decode("ascii").partition(".")[2]
        return SectionItem(word, Section((), what, ()), None, sees=what != "HEADER")


@frozen
class SectionItem(KeptItem):
    """A section of the body, or `partial` octets of it."""

    name: bytes
    source: ClassVar[Column] = Column.HEADER

    section: Section
    partial: Partial | None
    sees: bool

    @property
    def wants(self) -> frozenset[Want]:
        if not self.needs_octets:
            return frozenset({Want.HEADER})
        if self.is_whole:
            return frozenset({Want.BODY})
        if self.section.path and self.section.what != "TEXT":
            # A part of a message that is not multipart is the text of the message itself.
            return frozenset({Want.BODY, Want.PARTS, Want.HEADER})
        return frozenset({Want.BODY, Want.PARTS})

    @property
    def column(self) -> bytes | None:
        """Header fields are kept, octets of bodies are not. The name does not say how many
        octets a partial asks for."""
        if self.needs_octets:
            return None
        return self.name if self.partial is None else self.name + b"%d" % self.partial.count

    @property
    def is_whole(self) -> bool:
        """Whether it is BODY[]."""
        return not self.section.path and not self.section.what

    @property
    def needs_octets(self) -> bool:
        """Whether the header block of the message does not hold the answer."""
        return bool(self.section.path) or self.section.what in ("", "TEXT")

    @property
    def is_raw(self) -> bool:
        """Whether the answer is octets of the content as they stand there."""
        return self.section.what in ("", "TEXT")

    def extent(self, row: StoredMessage) -> Extent | None:
        """The octets of the content that the answer is made from."""
        if not self.needs_octets:
            return None
        if self.is_whole:
            return Extent(0, row.body.size if row.body else 0)
        return locate(self.section, row.parts or "")

    def text(self, value: bytes) -> bytes:
        return self.written(render(self.section, b"", value, "", None))

    def value(self, fetched: Fetched) -> bytes:
        row = fetched.row
        extent = self.extent(row)
        data: bytes | None = None
        if extent is not None:
            if fetched.content is None:
                raise Unavailable("The body of a message cannot be read now")
            data = fetched.content[extent.start : extent.end]
        return self.written(self.cut(row, data))

    def cut(self, row: StoredMessage, data: bytes | None) -> bytes | None:
        """The section, from the octets of its extent; None when there is no such part."""
        if self.is_whole:
            return (row.trace or b"") + (data or b"")
        return render(self.section, row.trace or b"", row.header or b"", row.parts or "", data)

    def written(self, octets: bytes | None) -> bytes:
        """The section as nstring, cut to the partial."""
        if octets is None:
            return b"NIL"
        if self.partial is not None:
            octets = octets[self.partial.start : self.partial.start + self.partial.count]
        # Bodies are literals even when they are short: clients depend on it.
        return b"{%d}\r\n" % len(octets) + octets if self.needs_octets else string(octets)


FETCH_ITEMS: Final[dict[bytes, type[FetchItem]]] = {
    b"BODY": BodyItem,
    b"BODY.PEEK": BodyItem,
    b"BODYSTRUCTURE": StructureItem,
    b"ENVELOPE": EnvelopeItem,
    b"FLAGS": FlagsItem,
    b"INTERNALDATE": InternalDateItem,
    b"RFC822": RFC822Item,
    b"RFC822.HEADER": RFC822Item,
    b"RFC822.PEEK": RFC822Item,
    b"RFC822.SIZE": SizeItem,
    b"RFC822.TEXT": RFC822Item,
    b"UID": UidItem,
}
"""The items of RFC 3501; extensions add theirs in the dialect."""

MACROS: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"ALL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"),
    b"FAST": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"),
    b"FULL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"),
}
