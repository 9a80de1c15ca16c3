"""Content-Type, Content-Disposition and their parameters (RFC 2045 §5, RFC 2183, RFC 2231)."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from attrs import frozen

from sora.mail.charsets import decode as decode_charset
from sora.mail.encoded_words import decode as decode_words

Parameters = tuple[tuple[bytes, bytes], ...]
"""Names and values as they were sent; quoted strings are unquoted."""

# A value is a quoted string, or anything up to the next semicolon: names of files are often
# sent with spaces and without quotes.
_PARAMETER: Final = re.compile(
    rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]++|\\.)*+)"?|([^;]*))', re.DOTALL
)
_TYPE: Final = re.compile(rb"\s*([!-'*+.0-9A-Z^-~-]+)\s*/\s*([!-'*+.0-9A-Z^-~-]+)\s*(?=[;\s(]|\Z)")
_TOKEN: Final = re.compile(rb"\s*([^\s;()]+)")
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
_MAX_PARAMETERS: Final = 100


@frozen
class ContentType:
    """A media type. Type and subtype are as they were sent; compare them with `kind`."""

    type: bytes
    subtype: bytes
    parameters: Parameters = ()

    @property
    def kind(self) -> bytes:
        """`type/subtype` in lower case."""
        return b"%s/%s" % (self.type.lower(), self.subtype.lower())

    def get(self, name: bytes) -> bytes | None:
        """The value of a parameter, as it was sent; the name is in lower case."""
        for other, value in self.parameters:
            if other.lower() == name:
                return value
        return None


TEXT: Final = ContentType(b"TEXT", b"PLAIN", ((b"CHARSET", b"US-ASCII"),))
"""What a part is that does not say it (RFC 2045 §5.2)."""
MESSAGE: Final = ContentType(b"MESSAGE", b"RFC822")
"""What a part of a digest is that does not say it (RFC 2046 §5.1.5)."""


def parse(value: bytes | None, default: ContentType = TEXT) -> ContentType:
    """A Content-Type value, unfolded. What is not one gives the default."""
    if value is None:
        return default
    found = _TYPE.match(value)
    if found is None:
        return default
    return ContentType(found[1], found[2], parse_parameters(value, found.end()))


def parse_disposition(value: bytes | None) -> tuple[bytes, Parameters] | None:
    """A Content-Disposition value -> (disposition, parameters), or None (RFC 2183)."""
    found = _TOKEN.match(value) if value else None
    if value is None or found is None:
        return None
    return found[1], parse_parameters(value, found.end())


def parse_token(value: bytes | None, default: bytes) -> bytes:
    """The first token of a value such as Content-Transfer-Encoding, without comments."""
    found = _TOKEN.match(value) if value else None
    return found[1] if found else default


def parse_parameters(value: bytes, start: int = 0) -> Parameters:
    """The parameters of a value, from the first semicolon on, as they were sent."""
    if b";" not in value:
        return ()
    parameters = []
    for found in _PARAMETER.finditer(value, start):
        name, quoted, plain = found.groups()
        if quoted is not None:
            content = _ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        else:
            content = plain.strip()
            if content.endswith(b")"):
                content = _without_comment(content)
        parameters.append((name, content))
        if len(parameters) == _MAX_PARAMETERS:
            break
    return tuple(parameters)


def _without_comment(content: bytes) -> bytes:
    """`us-ascii (Plain text)` -> `us-ascii` (RFC 2045 §5.1). Not by a regular expression: it
    would try again at each of a million spaces."""
    opening = content.rfind(b"(")
    if opening > 0 and content[opening - 1] in b" \t":
        return content[:opening].rstrip()
    return content


def decode_parameter(parameters: Parameters, name: str) -> str | None:
    """A parameter as text: continued and encoded ones (RFC 2231), encoded words, raw 8-bit."""
    wanted = name.lower().encode()
    pieces: dict[int, tuple[bytes, bool]] = {}
    plain: bytes | None = None
    for key, value in parameters:
        base, star, rest = key.lower().partition(b"*")
        if base != wanted:
            continue
        if not star:
            plain = value if plain is None else plain
            continue
        number = rest.rstrip(b"*") or b"0"
        if number.isdigit() and len(number) < 4:
            pieces.setdefault(int(number), (value, rest.endswith(b"*") or not rest))
    if not pieces:
        return None if plain is None else decode_words(plain)
    return _joined([pieces[number] for number in sorted(pieces)])


def _joined(pieces: list[tuple[bytes, bool]]) -> str:
    charset = b""
    value, encoded = pieces[0]
    if encoded and value.count(b"'") >= 2:
        charset, _language, value = value.split(b"'", 2)
        pieces = [(value, encoded), *pieces[1:]]
    octets = b"".join(unquote_to_bytes(piece) if coded else piece for piece, coded in pieces)
    return decode_charset(octets, charset.decode("latin-1"))
