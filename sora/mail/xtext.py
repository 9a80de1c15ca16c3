"""xtext (RFC 3461 §4): text as the value of a parameter; and unitext, its sister for addresses
beyond ASCII (RFC 6533 §3)."""

import re
from typing import Final

_XTEXT: Final = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*\Z")
_HEXCHAR: Final = re.compile(r"\+([0-9A-F]{2})")
_NOT_XCHAR: Final = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x7e]")

_UNITEXT: Final = re.compile(
    r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e\x80-\U0010ffff]|\\x\{[0-9A-F]{2,6}\})+\Z"
)
_EMBEDDED: Final = re.compile(r"\\x\{([0-9A-F]+)\}")
_NOT_QCHAR: Final = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e]")
_SURROGATES: Final = range(0xD800, 0xE000)


def encode_xtext(text: str) -> str:
    """ASCII text as xtext; what is not ASCII is encoded as the octets of its UTF-8."""
    return _NOT_XCHAR.sub(
        lambda found: "".join(f"+{octet:02X}" for octet in found[0].encode()), text
    )


def decode_xtext(text: str) -> str:
    """The text that xtext stands for; octets beyond ASCII are read as UTF-8.

    Raises:
        ValueError: it is not xtext.
    """
    if not _XTEXT.match(text):
        raise ValueError("This is not xtext")
    if "+" not in text:
        return text
    octets = _HEXCHAR.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1")
    return octets.decode()  # UnicodeDecodeError is a ValueError


def encode_unitext(address: str) -> str:
    """An address in the form that is ASCII alone: `utf-8-addr-xtext`."""
    return _NOT_QCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", address)


def decode_unitext(text: str) -> str:
    """The address that `utf-8-addr-xtext` or `utf-8-addr-unitext` stands for.

    Raises:
        ValueError: it is neither.
    """
    if not _UNITEXT.match(text):
        raise ValueError("This is not an encoded address")
    return _EMBEDDED.sub(_character, text)


def _character(found: "re.Match[str]") -> str:
    number = int(found[1], 16)
    if number in _SURROGATES:
        raise ValueError("A surrogate is no character")
    return chr(number)  # ValueError beyond U+10FFFF
