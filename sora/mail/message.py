"""A message as a tree of parts, each with its offsets in the octets of the message.

One pass over the octets, with a stack of the parts that are open: a header block is read, then
the next delimiter line of any open multipart ends what is open inside, and begins the next part
or closes the multipart. Nothing is copied but header blocks.

What is broken still gives a tree. A multipart without a boundary, or whose boundary never comes,
has one part of text that is its whole body. An unterminated one ends where its parent ends. Beyond
MAX_DEPTH levels or MAX_PARTS parts nothing is taken apart further: what is there stays one part.
"""

from typing import Final

from attrs import define, field

from sora.mail import headers
from sora.mail.content_type import MESSAGE, TEXT, ContentType, parse_token
from sora.mail.content_type import parse as parse_type
from sora.mail.headers import Field
from sora.mail.multipart import MAX_BOUNDARY, Delimiter, Delimiters

MAX_DEPTH: Final = 100
MAX_PARTS: Final = 12_000

_OPAQUE: Final = ContentType(b"APPLICATION", b"OCTET-STREAM")


@define(eq=False)
class Part:
    """A part, or the whole message. Offsets are octets from the begin of the message.

    `start` to `body` is the header block, with its empty line; `body` to `end` the body.
    `parts` are the parts of a multipart; `message` is what a message/rfc822 holds.
    """

    start: int
    body: int
    end: int
    fields: list[Field]
    type: ContentType
    depth: int
    parts: list["Part"] = field(factory=list)
    message: "Part | None" = None
    boundary: bytes = b""

    @property
    def multipart(self) -> bool:
        """Whether it is a multipart; then it has at least one part."""
        return bool(self.parts)

    @property
    def encoding(self) -> bytes:
        """Its transfer encoding, as it was sent."""
        return parse_token(headers.first(self.fields, b"content-transfer-encoding"), b"7BIT")


def parse(data: bytes) -> Part:
    """The tree of a message. Never raises, and takes time linear in its size."""
    return _Parser(data).parse()


class _Parser:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._delimiters: Delimiters[Part] = Delimiters(data)
        self._stack: list[Part] = []
        self._count = 0
        self._empty_line: tuple[int, int] = (-1, -1)
        # Messages of many parts have few different header blocks.
        self._blocks: dict[tuple[bytes, ContentType], tuple[list[Field], ContentType]] = {}

    def parse(self) -> Part:
        root = self._begin(0, TEXT, 1)
        place = self._stack[-1].body
        size = len(self._data)
        while found := self._delimiters.find(place, size):
            if self._count >= MAX_PARTS and not found.closes:
                break
            self._end(found)
            place = found.end
            if found.closes:
                self._delimiters.close(found.owner.boundary, found.owner)
            else:
                owner = found.owner
                default = MESSAGE if owner.type.subtype.lower() == b"digest" else TEXT
                owner.parts.append(self._begin(place, default, owner.depth + 1))
                # The header may have been cut short by a delimiter, which comes next.
                place = self._stack[-1].body
        for part in self._stack:
            self._finish(part, size)
        return root

    # -------------------------------------------------------------- begin

    def _begin(self, start: int, default: ContentType, depth: int) -> Part:
        """Read the header block at `start` and open the part, and those that begin with it."""
        part = self._open(start, default, depth)
        inner = part
        while inner.type.kind in (b"message/rfc822", b"message/global"):
            if inner.depth >= MAX_DEPTH:
                inner.type = _OPAQUE
                break
            inner.message = self._open(inner.body, TEXT, inner.depth + 1)
            inner = inner.message
        return part

    def _open(self, start: int, default: ContentType, depth: int) -> Part:
        body = self._header_end(start)
        fields, kind = self._fields(self._data[start:body], default)
        part = Part(start, body, -1, fields, kind, depth)
        self._stack.append(part)
        self._count += 1
        if kind.type.lower() == b"multipart" and depth < MAX_DEPTH:
            boundary = (kind.get(b"boundary") or b"").rstrip(b" \t\r\n")
            if 0 < len(boundary) < MAX_BOUNDARY:
                part.boundary = boundary
                self._delimiters.open(boundary, part)
        return part

    def _fields(self, block: bytes, default: ContentType) -> tuple[list[Field], ContentType]:
        known = self._blocks.get((block, default))
        if known is None:
            fields = headers.fields(block)
            known = fields, parse_type(headers.first(fields, b"content-type"), default)
            if len(block) < 500:
                self._blocks[block, default] = known
        return known

    def _header_end(self, start: int) -> int:
        """Where the header block ends: after its empty line, or at a delimiter before that, to
        which the line end before it belongs (RFC 2046 §5.1.1)."""
        data = self._data
        if start == 0:
            return headers.header_end(data)
        first, after = self._next_empty_line(start - 1)
        limit = headers.cut(data, start, first + 1 if first >= 0 else len(data))
        found = self._delimiters.find(start, limit)
        if found is not None:
            return max(found.start, start)
        return after if limit == first + 1 else limit

    def _next_empty_line(self, place: int) -> tuple[int, int]:
        """The line feed before the next empty line, and the end of that line. Remembered, so
        that parts without one do not make the rest of the message be searched again."""
        first, after = self._empty_line
        if first < place and (first, after) != (-1, 0):
            found = headers.EMPTY_LINE.search(self._data, place)
            # (-1, 0): there is none to the end.
            self._empty_line = found.span() if found else (-1, 0)
        return self._empty_line

    # -------------------------------------------------------------- end

    def _end(self, found: Delimiter[Part]) -> None:
        """End everything that is open inside the delimiter's owner."""
        while self._stack[-1] is not found.owner:
            self._finish(self._stack.pop(), found.start)

    def _finish(self, part: Part, end: int) -> None:
        part.end = max(end, part.body)
        if part.boundary:
            self._delimiters.close(part.boundary, part)
        if part.type.type.lower() == b"multipart" and not part.parts:
            # One part of text that is the whole body: nothing of the message is hidden.
            part.parts.append(Part(part.body, part.body, part.end, [], TEXT, part.depth + 1))
