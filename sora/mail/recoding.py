"""Binary parts as base64 (RFC 3516 §4.4, §6).

A literal8 may bring a part with the transfer encoding `binary` and with NULs. Clients that know
IMAP alone cannot be given NULs: FETCH BODY has to be answered in an encoding that they know, and
so do ENVELOPE and BODYSTRUCTURE have to speak of it. Such a part is encoded once, when it comes;
BINARY gives the octets back as they were. All else of the message stays as it is, and a message
without such a part is not touched at all.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

from sora.mail import message
from sora.mail.message import Part

_LINE: Final = 57
"""octets of a line of base64"""
_AT_ONCE: Final = _LINE * 1024

_FIELD: Final = re.compile(
    rb"^Content-Transfer-Encoding[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)
_ENCODED: Final = b"Content-Transfer-Encoding: base64"


def recoded(data: bytes) -> Iterator[bytes] | None:
    """The message with its binary parts encoded, in pieces; None when it has none with a NUL."""
    binary = [part for part in _leaves(message.parse(data)) if _is_binary(part, data)]
    return _pieces(data, binary) if binary else None


def _leaves(part: Part) -> Iterator[Part]:
    if part.message is not None:
        yield from _leaves(part.message)
    elif part.parts:
        for inner in part.parts:
            yield from _leaves(inner)
    else:
        yield part


def _is_binary(part: Part, data: bytes) -> bool:
    return part.encoding.lower() == b"binary" and data.find(b"\0", part.body, part.end) >= 0


def _pieces(data: bytes, binary: list[Part]) -> Iterator[bytes]:
    place = 0
    for part in binary:
        yield data[place : part.start]
        # The parts that hold this one may be called binary too; they are then 8bit in truth.
        yield _FIELD.sub(_line, data[part.start : part.body], count=1)
        for start in range(part.body, part.end, _AT_ONCE):
            piece = data[start : min(start + _AT_ONCE, part.end)]
            yield b"".join(
                b64encode(piece[at : at + _LINE]) + b"\r\n" for at in range(0, len(piece), _LINE)
            )
        place = part.end
    yield data[place:]


def _line(found: "re.Match[bytes]") -> bytes:
    return _ENCODED + (b"\r" if found[0].endswith(b"\r") else b"")
