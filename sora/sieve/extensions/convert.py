"""convert (RFC 6558): parts of a message as another media type; an action that tells how it went.

There are two conversions: of text/plain into another charset, and of text/html into text/plain.
Parameters are those of RFC 5259 for text: `charset` (UTF-8 unless it is said) and
`unknown-character-replacement`. Anything else is not available: nothing is changed then, the test
is false, and it is no error (§2).
"""

from base64 import encodebytes
from typing import Final

from attrs import frozen

from sora.mail import html
from sora.mail.charsets import codec_of
from sora.mail.message import Part
from sora.sieve.body import read
from sora.sieve.call import Call
from sora.sieve.contents import children, strictly, walk
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Test
from sora.sieve.message import Header, HeaderField
from sora.sieve.run import Run

PLAIN: Final = "text/plain"
HTML: Final = "text/html"
CHARSET: Final = "charset"
REPLACEMENT: Final = "unknown-character-replacement"
_CONVERTED: Final = 256
"""Octets that are converted for one instruction."""
_LONGER: Final = 2
"""How many times `limits.body` a changed message may have."""
_LABEL: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&+-^_`{}~."
)
_MAX_LINE: Final = 998
_OF_THE_OLD: Final = (
    "content-type",
    "content-transfer-encoding",
    "content-md5",
    "content-length",
    "mime-version",
)
"""Fields that say of a part what is another thing now."""


@frozen
class _Conversion:
    """What is asked for, as far as it can be done."""

    is_from_html: bool
    label: str
    codec: str
    replacement: str | None


def _convert(run: Run, call: Call) -> Asking[bool]:
    wanted = call.string(run, "from").strip().lower()
    conversion = _conversion(
        wanted, call.string(run, "to").strip().lower(), call.strings(run, "parameters")
    )
    body = yield from read(run)
    root = body.tree(run)
    parts = [body.part(run)] if body.loops else list(walk(root))
    parts = [part for part in parts if _is(part, wanted)]
    if not parts:
        return _told(run, True)
    if conversion is None or (body.is_cut(run)):
        return _told(run, False)
    assert body.octets is not None
    made: list[tuple[Part, bytes]] = []
    for part in parts:
        run.spend((part.end - part.body) // _CONVERTED + 1)
        octets = _converted(body.octets, part, conversion)
        if octets is None:
            return _told(run, False)
        made.append((part, octets))
    header, octets = run.header, body.octets
    for part, text in reversed(made):
        new_header, content = _entity(body.header(run, part), text, conversion.label)
        if part is root:
            header, octets = new_header, new_header.octets() + content
        else:
            # The line end before a delimiter belongs to it.
            content = content.removesuffix(b"\r\n")
            octets = octets[: part.start] + new_header.octets() + content + octets[part.end :]
    start = len(header.octets()) if parts[0] is root else root.body
    if len(octets) - start > _LONGER * run.limits.body:
        return _told(run, False)
    body.replace(run, header, octets[start:])
    return _told(run, True)


def _told(run: Run, went_well: bool) -> bool:
    run.note("convert" if went_well else "convert: not done")
    return went_well


def _is(part: Part, wanted: str) -> bool:
    return not children(part) and part.type.kind.decode("latin-1").lower() == wanted


def _conversion(source: str, to: str, parameters: tuple[str, ...]) -> _Conversion | None:
    """What is asked for; None when it is not available."""
    given: dict[str, str] = {}
    for parameter in filter(None, parameters):
        name, equals, value = parameter.partition("=")
        name = name.strip().lower()
        if not equals or name in given or name not in (CHARSET, REPLACEMENT):
            return None
        given[name] = value.strip() if name == CHARSET else value
    label = given.get(CHARSET, "utf-8")
    codec = codec_of(label)
    if codec is None or not label or not set(label) <= _LABEL:
        return None
    if to != PLAIN or source not in (PLAIN, HTML):
        return None
    return _Conversion(source == HTML, label.lower(), codec, given.get(REPLACEMENT))


def _converted(data: bytes, part: Part, conversion: _Conversion) -> bytes | None:
    """The octets of a part in the charset that is wanted; None when that cannot be: it is not what
    it says to be, or has characters that the charset has not."""
    text = strictly(data, part)
    if text is None:
        return None
    if conversion.is_from_html:
        text = html.to_text(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        text += "\n"
    text = text.replace("\n", "\r\n")
    try:
        if conversion.replacement is not None:
            unknown = [one for one in set(text) if not _fits(one, conversion.codec)]
            text = text.translate({ord(one): conversion.replacement for one in unknown})
        return text.encode(conversion.codec)
    except UnicodeError:
        return None


def _fits(character: str, codec: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeError:
        return False
    return True


def _entity(header: Header, octets: bytes, label: str) -> tuple[Header, bytes]:
    """A part with this content: its header, with what it says of other things than content, and its
    body in 7 bits. A line that could be a delimiter is hidden: the sender chose the boundary."""
    is_plain = (
        octets.isascii()
        and b"\0" not in octets
        and b"\n--" not in b"\n" + octets
        and max(map(len, octets.split(b"\r\n"))) <= _MAX_LINE
        and not label.startswith(("utf-7", "utf-16", "utf-32", "hz", "iso-2022"))
    )
    if not is_plain:
        octets = encodebytes(octets).replace(b"\n", b"\r\n")
    encoding = "7bit" if is_plain else "base64"
    kept = [one for one in header.fields if one.name not in _OF_THE_OLD]
    kept = [
        one if one.line.endswith(b"\n") else _field(one.name, one.line + b"\r\n") for one in kept
    ]
    if any(one.name and not one.name.startswith("content-") for one in kept):
        # Only a whole message says that it is MIME (RFC 2045 §4).
        kept.append(_field("mime-version", b"MIME-Version: 1.0\r\n"))
    kept += [
        _field("content-type", f"Content-Type: text/plain; charset={label}\r\n".encode()),
        _field("content-transfer-encoding", f"Content-Transfer-Encoding: {encoding}\r\n".encode()),
    ]
    return Header(kept), octets


def _field(name: str, line: bytes) -> HeaderField:
    return HeaderField(name, line)


EXTENSION: Final = Extension(
    "convert",
    words=(
        Test(
            "convert",
            _convert,
            (
                Parameter("from", Kind.STRING),
                Parameter("to", Kind.STRING),
                Parameter("parameters", Kind.STRINGS),
            ),
            acts=True,
        ),
    ),
)
