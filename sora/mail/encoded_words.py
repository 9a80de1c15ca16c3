"""Encoded words in header fields (RFC 2047), also those that break its rules in practice:
split in the middle of a character, with spaces or question marks inside, with wrong padding.
"""

import binascii
import re
from typing import Final

from sora.mail.charsets import decode as decode_charset
from sora.mail.text import clean
from sora.mail.transfer import decode_base64

# charset (with a language, RFC 2231 §5), encoding, text. The text may have question marks, but
# not many and none after "=", which would be the beginning of another word: that keeps the
# search linear.
_WORD: Final = re.compile(
    rb"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*(?:(?<!=)\?(?!=)[^?]*){0,6})\?="
)


def decode(value: bytes) -> str:
    """An unfolded header value -> text, without NUL. Never raises."""
    if b"=?" not in value:
        return raw(value)
    pieces: list[str] = []
    # Octets of adjacent words in one charset are joined before they are decoded: mailers
    # split words in the middle of a character, though RFC 2047 §5 forbids it.
    pending: list[bytes] = []
    charset = b""
    end = 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        label = word[1].lower()
        if between.strip() or label != charset:
            if pending:
                pieces.append(decode_charset(b"".join(pending), charset.decode("latin-1")))
            pending = []
            # White space between two encoded words is not there (RFC 2047 §6.2).
            if between.strip() or not end:
                pieces.append(raw(between))
        charset = label
        pending.append(_octets(word[2], word[3]))
        end = word.end()
    if pending:
        pieces.append(decode_charset(b"".join(pending), charset.decode("latin-1")))
    pieces.append(raw(value[end:]))
    return "".join(pieces)


def raw(value: bytes) -> str:
    """8-bit octets in a header: UTF-8 (RFC 6532) if they are that, else Windows-1252."""
    if value.isascii():
        return clean(value.decode("ascii"))
    return decode_charset(value)


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return decode_base64(text)
    # The Q encoding is quoted-printable with "_" as a space (RFC 2047 §4.2).
    return binascii.a2b_qp(text, header=True)
