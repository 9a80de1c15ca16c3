"""The contents of a message's parts as texts: what `body` and `extracttext` see.

Parts are decoded when they are asked for, and each by itself: no text crosses the border of a part
(RFC 5173 §5.2).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sora.mail import html, transfer
from sora.mail.charsets import codec_of
from sora.mail.charsets import decode as decode_charset
from sora.mail.content_type import decode_parameter
from sora.mail.message import Part

_CONTAINERS: Final = (b"message/rfc822", b"message/global")
_ENCODINGS: Final = (b"7bit", b"8bit", b"binary", b"quoted-printable", b"base64")


def raw(octets: bytes) -> str:
    """Octets that are in no charset that is told."""
    return decode_charset(octets)


def content(data: bytes, part: Part) -> str:
    """The body of one part, its transfer encoding and its charset decoded as well as can be."""
    octets = transfer.decode(data[part.body : part.end], part.encoding)
    if part.type.type.lower() != b"text":
        return raw(octets)
    return decode_charset(octets, decode_parameter(part.type.parameters, "charset") or "")


def transcoded(data: bytes, part: Part, limit: int) -> str:
    """At most `limit` characters of a text part in Unicode; "" if its encoding or charset is not
    known, or its octets are not in it (RFC 5703 §7)."""
    return (strictly(data, part) or "")[:limit]


def strictly(data: bytes, part: Part) -> str | None:
    """A text part in Unicode; None if its encoding or charset is not known, or its octets are not
    in it."""
    octets = data[part.body : part.end]
    encoding = part.encoding.lower()
    codec = codec_of(decode_parameter(part.type.parameters, "charset") or "us-ascii")
    if encoding not in _ENCODINGS or codec is None:
        return None
    try:
        # US-ASCII is often said of what is UTF-8.
        return transfer.decode(octets, encoding).decode("utf-8" if codec == "ascii" else codec)
    except UnicodeError:
        return None


def of_types(data: bytes, root: Part, wanted: Sequence[str]) -> Iterator[str]:
    """What `:content` sees (RFC 5173 §5.2): of a multipart what stands before and behind its parts,
    of a message in the message its header, of other parts all."""
    types = [one.lower() for one in wanted if _is_type(one)]
    for part in walk(root):
        kind = part.type.kind.decode("latin-1")
        if not any(one in ("", kind, kind.partition("/")[0]) for one in types):
            continue
        if part.parts:
            yield from _around(data, part)
        elif part.message is not None:
            yield raw(data[part.message.start : part.message.body])
        else:
            yield content(data, part)


def of_text(data: bytes, root: Part) -> Iterator[str]:
    """What `:text` sees: each text part; of HTML what a reader sees."""
    for part in walk(root):
        if not part.parts and part.message is None and part.type.type.lower() == b"text":
            text = content(data, part)
            yield html.to_text(text) if part.type.subtype.lower() == b"html" else text


def walk(root: Part) -> Iterator[Part]:
    """A part and all parts in it, depth first; messages in messages are parts, too."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed(children(part))


def children(part: Part) -> list[Part]:
    """The parts in a part: of a multipart, or the message that it holds."""
    return part.parts if part.message is None else [part.message]


def _is_type(text: str) -> bool:
    """Whether it can match any type: it has at most one slash, and not at an end."""
    return text.count("/") <= 1 and not text.startswith("/") and not text.endswith("/")


def _around(data: bytes, part: Part) -> Iterator[str]:
    first, last = part.parts[0], part.parts[-1]
    if first.start == part.body:
        # A multipart without any delimiter: its body is one part.
        yield ""
        return
    line = data.rfind(b"\n--", 0, first.start - 1)
    end = line - 1 if data[line - 1 : line] == b"\r" else line
    yield raw(data[part.body : max(end, part.body)])
    delimiter = data.find(b"\n", last.end, part.end)
    if delimiter >= 0:
        closing = data.find(b"\n", delimiter + 1, part.end)
        if closing >= 0:
            yield raw(data[closing + 1 : part.end])
