"""A message for a server that takes 7 bits only (RFC 6152 §3): parts with 8-bit octets in
quoted-printable or base64.

Nothing else changes. What is signed or encrypted is not touched, since nobody could verify it any
more; nor can header fields in UTF-8, or octets between parts, be said otherwise: such a message
cannot be converted.
"""

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterator
from typing import Final

from sora.mail import message
from sora.mail.message import Part

_CLOSED: Final = (b"multipart/signed", b"multipart/encrypted")
_IDENTITY: Final = (b"7bit", b"8bit", b"binary")
_ENCODING: Final = re.compile(
    rb"^Content-Transfer-Encoding[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n", re.IGNORECASE | re.MULTILINE
)
_VERSION: Final = re.compile(rb"^MIME-Version[ \t]*:", re.IGNORECASE | re.MULTILINE)


class NotConvertible(Exception):
    """It cannot be said in 7 bits, for a reason."""


def in_seven_bits(data: bytes) -> bytes:
    """The message in 7 bits. Takes a few times its size in memory. Raises NotConvertible."""
    root = message.parse(data)
    pieces: list[bytes] = []
    place = 0
    for part, is_whole in _changed(root, data, True):
        pieces.append(data[place : part.start])
        header = data[part.start : part.body]
        if part.parts or part.message is not None:
            pieces.append(_ENCODING.sub(b"Content-Transfer-Encoding: 7bit\r\n", header))
            place = part.body
            continue
        octets = data[part.body : part.end]
        if part.type.type.lower() == b"text":
            text = octets.replace(b"\r\n", b"\n")
            encoding, body = b"quoted-printable", b2a_qp(text, istext=True)
        else:
            encoding, body = b"base64", encodebytes(octets).removesuffix(b"\n")
        pieces += [_with_encoding(header, encoding, is_whole), body.replace(b"\n", b"\r\n")]
        place = part.end
    pieces.append(data[place:])
    made = b"".join(pieces)
    if not made.isascii():
        raise NotConvertible("its header, or what is between its parts, is not in ASCII")
    return made


def _changed(part: Part, data: bytes, is_whole: bool) -> Iterator[tuple[Part, bool]]:
    """Parts with 8-bit octets in them, from the outermost on, in their order; and whether each is a
    whole message."""
    if data[part.body : part.end].isascii():
        return
    if part.type.kind.lower() in _CLOSED:
        raise NotConvertible("it is signed or encrypted")
    if part.encoding.lower() not in _IDENTITY:
        raise NotConvertible("a part is not in the encoding that it names")
    yield part, is_whole
    if part.message is not None:
        yield from _changed(part.message, data, True)
    for inner in part.parts:
        yield from _changed(inner, data, False)


def _with_encoding(header: bytes, encoding: bytes, is_whole: bool) -> bytes:
    line = b"Content-Transfer-Encoding: %b\r\n" % encoding
    if is_whole and not _VERSION.search(header):
        line = b"MIME-Version: 1.0\r\n" + line
    if _ENCODING.search(header):
        return _ENCODING.sub(line, header, count=1)
    end = b"\r\n" if header.endswith(b"\r\n") else b"\n"
    if header in (b"", b"\n", b"\r\n"):
        return line + (header or end)
    return header.removesuffix(end) + line + end
