"""Content transfer encodings (RFC 2045 §6), decoded whatever arrives."""

import binascii
import re
from typing import Final

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
