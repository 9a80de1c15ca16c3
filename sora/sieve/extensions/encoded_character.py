"""encoded-character (RFC 5228 §2.4.2.4): `${hex:40}` and `${unicode:40}` in strings."""

import re
from typing import Final

from sora.sieve.call import Template
from sora.sieve.checking import Checking
from sora.sieve.extension import Extension

_BLANK: Final = r"[ \t\r\n]"
_HEX: Final = rf"\$\{{hex:({_BLANK}*+[0-9a-f]{{1,2}}+(?:{_BLANK}++[0-9a-f]{{1,2}}+)*+{_BLANK}*+)\}}"
_UNICODE: Final = rf"\$\{{unicode:({_BLANK}*+[0-9a-f]++(?:{_BLANK}++[0-9a-f]++)*+{_BLANK}*+)\}}"
_ENCODED: Final = re.compile(f"{_HEX}|{_UNICODE}", re.IGNORECASE)


def _decode(checking: Checking, at: int, value: "str | Template") -> "str | Template":
    if not isinstance(value, str) or "${" not in value:
        return value

    def octets(found: "re.Match[str]") -> str:
        if found[1] is not None:
            numbers = [int(pair, 16) for pair in found[1].split()]
            return bytes(numbers).decode("utf-8", "surrogateescape")
        return "".join(_character(checking, at, digits) for digits in found[2].split())

    decoded = _ENCODED.sub(octets, value)
    # Octets of several sequences can make one character.
    return decoded.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _character(checking: Checking, at: int, digits: str) -> str:
    digits = digits.lstrip("0") or "0"
    number = int(digits, 16) if len(digits) <= 6 else 0x110000
    if 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        checking.error(at, f"There is no Unicode character {digits[:16]} (in hexadecimal digits)")
        return ""
    return chr(number)


EXTENSION: Final = Extension("encoded-character", text=_decode)
