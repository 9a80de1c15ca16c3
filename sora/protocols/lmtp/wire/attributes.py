"""Attributes of XCLIENT and XFORWARD: what a trusted client says about whom it speaks for.

The syntax is that which Postfix documents: `NAME=value` in any number, values in xtext of at
most 255 characters. `[UNAVAILABLE]` and, where a name in DNS could not be asked for,
`[TEMPUNAVAIL]` are no value, and are None. Servers have to be ready for values that are not
encoded, as old clients send them.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final

from sora.errors import BadArgument
from sora.mail.xtext import decode_xtext

Attributes = Mapping[str, str | None]

MAX_VALUE: Final = 255
"""characters of a value"""

_NOTHING: Final = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
_NAME: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+\Z")
_WORD: Final = re.compile(r"[\x21-\x7e\x80-\U0010ffff]+\Z")
_PROTOCOL: Final = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_FORGING: Final = re.compile(r"[\x00-\x20\x7f()<>,;\\\"]")


def read_attributes(text: str, readers: "Mapping[str, Reader]") -> Attributes:
    """Attributes by their name in capitals.

    Raises:
        BadArgument: one is not known, comes twice, or has a wrong value.
    """
    found: dict[str, str | None] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if not equals or name not in readers:
            raise BadArgument(f"The attributes are {' '.join(readers)}")
        if name in found:
            raise BadArgument(f"{name} is said twice")
        found[name] = _read(name, value, readers[name])
    if not found:
        raise BadArgument("An attribute is needed")
    return found


def _read(name: str, value: str, read: "Reader") -> str | None:
    if len(value) > MAX_VALUE:
        raise BadArgument(f"{name} has at most {MAX_VALUE} characters")
    if value.upper() in _NOTHING:
        return None
    try:
        decoded = decode_xtext(value)
    except ValueError:
        decoded = value
    if decoded.upper() in _NOTHING:
        return None
    if not decoded or _FORGING.search(decoded):
        raise BadArgument(f"{name} has characters that it may not have")
    try:
        return read(decoded)
    except ValueError:
        raise BadArgument(f"{decoded!r} is no value of {name}") from None


def _address(value: str) -> str:
    """An IP address, as Python writes it; the prefix of an IPv6 address may be missing."""
    if value[:5].upper() != "IPV6:":
        return str(ip_address(value))
    address = IPv6Address(value[5:])
    return str(address.ipv4_mapped or address)


def _any_address(value: str) -> str:
    """An IP address, or one of another kind of network."""
    try:
        return _address(value)
    except ValueError:
        return _word(value)


def _port(value: str) -> str:
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise ValueError
    return value


def _smtp(value: str) -> str:
    if value.upper() not in ("SMTP", "ESMTP", "LMTP"):
        raise ValueError
    return value.upper()


def _source(value: str) -> str:
    if value.upper() not in ("LOCAL", "REMOTE"):
        raise ValueError
    return value.upper()


def _name(value: str) -> str:
    return _matching(_NAME, value)


def _word(value: str) -> str:
    return _matching(_WORD, value)


def _protocol(value: str) -> str:
    return _matching(_PROTOCOL, value)


def _matching(pattern: "re.Pattern[str]", value: str) -> str:
    if not pattern.match(value):
        raise ValueError
    return value


Reader = Callable[[str], str]

XCLIENT: Final[Mapping[str, Reader]] = {
    "NAME": _name,
    "ADDR": _address,
    "PORT": _port,
    "PROTO": _smtp,
    "HELO": _word,
    "LOGIN": _word,
    "DESTADDR": _address,
    "DESTPORT": _port,
}
XFORWARD: Final[Mapping[str, Reader]] = {
    "NAME": _name,
    "ADDR": _any_address,
    "PORT": _port,
    "PROTO": _protocol,
    "HELO": _word,
    "IDENT": _word,
    "SOURCE": _source,
}
