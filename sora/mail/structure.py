"""BODYSTRUCTURE and BODY (RFC 3501 §7.4.2), as wire text.

`extended` is made once, at arrival, and stored; `basic` makes the form without extension data
from it. Types, parameters and encodings are as they were sent, but for parameters that came in
pieces (RFC 2231 §6); what was not sent is the default of RFC 2045 §5.2 in capitals, as in the
examples of RFC 3501.
"""

import re
from collections.abc import Iterable
from typing import Final

from attrs import define

from sora.mail import envelope, headers
from sora.mail.content_type import Parameters, joined, parse_disposition
from sora.mail.imap_strings import nstring, string
from sora.mail.message import Part

_LANGUAGE: Final = re.compile(rb"[^\s,()]+")


def extended(root: Part, data: bytes) -> bytes:
    """BODYSTRUCTURE of a message."""
    pieces: list[bytes] = []
    _write(root, data, pieces)
    return b"".join(pieces)


def _write(part: Part, data: bytes, pieces: list[bytes]) -> None:
    if part.parts:
        pieces.append(b"(")
        for inner in part.parts:
            _write(inner, data, pieces)
        pieces.append(b" %s %s" % (string(part.type.subtype), _parameters(part.type.parameters)))
    else:
        _write_single(part, data, pieces)
    pieces.append(_extension(part))


def _write_single(part: Part, data: bytes, pieces: list[bytes]) -> None:
    kind = part.type
    pieces.append(
        b"(%s %s %s %s %s %s %d"
        % (
            string(kind.type),
            string(kind.subtype),
            _parameters(kind.parameters),
            nstring(headers.first(part.fields, b"content-id") or None),
            nstring(headers.first(part.fields, b"content-description") or None),
            string(part.encoding),
            part.end - part.body,
        )
    )
    if part.message is not None:
        pieces.append(b" %s " % envelope.read(part.message.fields).wire)
        _write(part.message, data, pieces)
    if part.message is not None or kind.type.lower() == b"text":
        pieces.append(b" %d" % data.count(b"\n", part.body, part.end))
    pieces.append(b" " + nstring(headers.first(part.fields, b"content-md5") or None))


def _extension(part: Part) -> bytes:
    """Disposition, language, location, and the end of the part."""
    disposition = language = location = None
    for name, value in part.fields:
        # Few fields of a header are about content.
        if name.startswith(b"content-"):
            if name == b"content-disposition":
                disposition = disposition or parse_disposition(value)
            elif name == b"content-language":
                language = language or value
            elif name == b"content-location":
                location = location or value
    if disposition is None and language is None and location is None:
        return b" NIL NIL NIL)"
    wire = b"NIL"
    if disposition is not None:
        wire = b"(%s %s)" % (string(disposition[0]), _parameters(disposition[1]))
    return b" %s %s %s)" % (wire, _languages(language), nstring(location or None))


def _languages(value: bytes | None) -> bytes:
    tags = _LANGUAGE.findall(value) if value else []
    if len(tags) > 1:
        return b"(%s)" % b" ".join([string(tag) for tag in tags])
    return string(tags[0]) if tags else b"NIL"


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(%s)" % b" ".join([b"%s %s" % (string(a), string(b)) for a, b in joined(parameters)])


# ------------------------------------------------------------------ without extension data

_ELEMENT: Final = re.compile(
    rb' ?(?:(\()|(\))|("(?:[^"\\]++|\\.)*+")|\{(\d+)\}\r\n|([^\s()"{]+))', re.DOTALL
)


def basic(structure: bytes) -> bytes:
    """BODY, the form without extension data, from BODYSTRUCTURE as `extended` writes it."""
    return _Shortener(structure).body()


@define
class _Shortener:
    """Copies the elements of a body that are not extension data."""

    source: bytes
    place: int = 0

    def body(self) -> bytes:
        """The body that begins here, shortened."""
        self._element()  # its parenthesis
        kept: list[bytes] = []
        if self.source[self.place : self.place + 1] == b"(":
            while self.source[self.place : self.place + 1] == b"(":
                kept.append(self.body())
            kept.append(b" " + self._value())
        else:
            # Type, subtype, parameters, id, description, encoding, octets.
            kept += self._values(7)
            kind, subtype = kept[0].upper(), kept[1].strip().upper()
            if kind == b'"TEXT"':
                kept += self._values(1)
            elif kind == b'"MESSAGE"' and subtype in (b'"RFC822"', b'"GLOBAL"'):
                kept += self._values(1)
                self.place += 1  # the space before the body
                kept += [b" ", self.body(), *self._values(1)]
        while self._value() != b")":
            pass
        return b"(%s)" % b"".join(kept)

    def _values(self, count: int) -> Iterable[bytes]:
        return [self._value(spaced=True) for _ in range(count)]

    def _value(self, spaced: bool = False) -> bytes:
        """The element here, a list as a whole."""
        start = self.place
        depth = 0
        while True:
            opens, closes = self._element()
            depth += opens - closes
            if depth <= 0:
                break
        text = self.source[start : self.place]
        return text if spaced else text.lstrip(b" ")

    def _element(self) -> tuple[bool, bool]:
        found = _ELEMENT.match(self.source, self.place)
        if found is None:
            raise ValueError(f"not a body structure at octet {self.place}")
        self.place = found.end() + int(found[4] or 0)
        return found[1] is not None, found[2] is not None
