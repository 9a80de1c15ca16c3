"""Content-Type, Content-Disposition and their parameters (RFC 2045 §5, RFC 2183, RFC 2231)."""

import re
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

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
_PIECE: Final = re.compile(rb"([^*]+)\*(0|[1-9]\d{0,2})(\*?)\Z")
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


def joined(parameters: Parameters) -> Parameters:
    """The parameters with continuations put together (RFC 2231 §3), as BODYSTRUCTURE has them
    (§6): `a*0="x"; a*1="y"` is `a="xy"`. If one piece is encoded, all of the value is, and the
    name has a star (§4.1). Pieces that do not follow on number 0 stay as they were sent."""
    if not any(b"*" in name for name, _ in parameters):
        return parameters
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in parameters:
        if found := _PIECE.match(name):
            numbered = pieces.setdefault(found[1].lower(), {})
            numbered.setdefault(int(found[2]), (value, bool(found[3])))
    runs = {base: _from_zero(numbered) for base, numbered in pieces.items()}
    whole: list[tuple[bytes, bytes]] = []
    for name, value in parameters:
        found = _PIECE.match(name)
        run = runs[found[1].lower()] if found else []
        if found is None or int(found[2]) >= len(run):
            whole.append((name, value))
        elif int(found[2]) == 0:
            whole.append(_put_together(found[1], run))
    return tuple(whole)


def _from_zero(numbered: dict[int, tuple[bytes, bool]]) -> list[tuple[bytes, bool]]:
    """The pieces up to the first number that is missing."""
    run: list[tuple[bytes, bool]] = []
    while len(run) in numbered:
        run.append(numbered[len(run)])
    return run


def _put_together(name: bytes, run: list[tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    if not any(encoded for _, encoded in run):
        return name, b"".join(value for value, _ in run)
    charset = b"" if run[0][1] else b"''"
    return name + b"*", charset + b"".join(
        value if encoded else quote_from_bytes(value, safe="").encode() for value, encoded in run
    )


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
