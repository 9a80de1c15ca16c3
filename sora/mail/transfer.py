"""Content transfer encodings (RFC 2045 §6), decoded whatever arrives.

`decode` is for texts that are searched and shown. `decoder` is for octets that are handed out as
they were before they were encoded (RFC 3516), piece by piece: what it gives does not depend on
how the octets were cut.
"""

import binascii
import re
from typing import Final, Protocol

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")


def decode(data: bytes, encoding: bytes) -> bytes:
    """The octets that were encoded. Never raises: an encoding that is not known, and what
    cannot be decoded, are left as they are or left out."""
    encoding = encoding.lower()
    if encoding == b"base64":
        return decode_base64(data)
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(data)
    return data


def decode_base64(data: bytes) -> bytes:
    """Base64 with foreign characters in it, without padding, or several after each other."""
    body = data.rstrip(b"= \t\r\n")
    if b"=" not in body:
        return _decode_run(body)
    # Padding in the middle: pieces that were encoded one by one and put together.
    return b"".join(_decode_run(run) for run in body.split(b"=") if run)


def _decode_run(run: bytes) -> bytes:
    try:
        return binascii.a2b_base64(run + b"==")
    except binascii.Error:
        digits = _NOT_BASE64.sub(b"", run)
        # One digit alone is six bits, which are no octet.
        whole = len(digits) - (len(digits) % 4 == 1)
        return binascii.a2b_base64(digits[:whole] + b"==")


class Decoder(Protocol):
    """Decodes octets that come in pieces."""

    def feed(self, data: bytes) -> bytes:
        """What is certain with these octets."""

    def finish(self) -> bytes:
        """The rest: no more comes."""


def decoder(encoding: bytes) -> Decoder | None:
    """A decoder for a Content-Transfer-Encoding, None for one that is not known."""
    kind = _DECODERS.get(encoding.lower())
    return None if kind is None else kind()


def is_identity(encoding: bytes) -> bool:
    """Whether this encoding leaves octets as they are (RFC 2045 §6.2)."""
    return _DECODERS.get(encoding.lower()) is _AsItIs


class _AsItIs:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Base64:
    """Foreign characters are left out, and padding ends a run of digits, wherever it stands."""

    _FOREIGN: Final = bytes(
        code for code in range(256) if _NOT_BASE64.match(bytes((code,))) and code != 0x3D
    )

    def __init__(self) -> None:
        self._digits = b""

    def feed(self, data: bytes) -> bytes:
        *runs, self._digits = (self._digits + data.translate(None, self._FOREIGN)).split(b"=")
        decoded = [_decode_run(run) for run in runs if run]
        whole = len(self._digits) // 4 * 4
        decoded.append(binascii.a2b_base64(self._digits[:whole]))
        self._digits = self._digits[whole:]
        return b"".join(decoded)

    def finish(self) -> bytes:
        digits, self._digits = self._digits, b""
        return _decode_run(digits) if digits else b""


MAX_BLANKS: Final = 998
"""White space at the end of a line is left out (RFC 2045 §6.7, rule 3) if it is no longer: no line
may be."""


class _QuotedPrintable:
    """An `=` that begins nothing known is left as it is; one at the very end is a soft line
    break before a line end that belongs to the delimiter behind it."""

    _BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]{1,%d}+(?=\r?\n)" % MAX_BLANKS)
    _STRAY: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,%d}+\r?\n)" % MAX_BLANKS)
    _OPEN: Final = re.compile(rb"(?:=[0-9A-Fa-f]?|=?(?<![ \t])[ \t]*+\r?)\Z")
    _LAST_BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]{1,%d}+\Z" % MAX_BLANKS)

    def __init__(self) -> None:
        self._open = b""

    def feed(self, data: bytes) -> bytes:
        data = self._open + data
        found = self._OPEN.search(data, max(0, len(data) - 2 * MAX_BLANKS))
        start = len(data) if found is None else max(found.start(), len(data) - MAX_BLANKS - 3)
        self._open = data[start:]
        return self._decoded(data[:start])

    def finish(self) -> bytes:
        data, self._open = self._LAST_BLANKS.sub(b"", self._open), b""
        return self._decoded(data.removesuffix(b"="))

    def _decoded(self, data: bytes) -> bytes:
        return binascii.a2b_qp(self._BLANKS.sub(b"", self._STRAY.sub(b"=3D", data)))


_DECODERS: Final[dict[bytes, type[Decoder]]] = {
    b"7bit": _AsItIs,
    b"8bit": _AsItIs,
    b"binary": _AsItIs,
    b"base64": _Base64,
    b"quoted-printable": _QuotedPrintable,
}
