"""Parameters of MAIL and RCPT (RFC 5321 §4.1.2): words to values.

One that is not known is 555, one with a wrong value 501 (RFC 5321 §4.1.1.11); none may come twice.
"""

import re
from collections.abc import Sequence
from typing import Final

from sora.errors import BadArgument
from sora.mail.dsn import By, Notify, OriginalRecipient, Ret
from sora.mail.xtext import decode_unitext, decode_xtext
from sora.mailbox.envelope import Body

MAX_ENVID: Final = 100
"""characters (RFC 3461 §4.4)"""
MAX_ORCPT: Final = 500
"""characters (RFC 3461 §4.2)"""

Parameters = dict[str, str | None]

_KEYWORD: Final = re.compile(r"[A-Z0-9][A-Z0-9-]*\Z")
_SIZE: Final = re.compile(r"[0-9]{1,20}\Z")
_BY: Final = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)\Z", re.IGNORECASE)
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+\Z")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e\t]*\Z")


class UnknownParameter(BadArgument):
    """A parameter of MAIL or RCPT is not known."""


def split_parameters(text: str) -> Parameters:
    """Names in capitals, with the values that they have.

    Raises:
        BadArgument: one of them has no name, or comes twice (RFC 3461 §4.5).
    """
    found: Parameters = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if not _KEYWORD.match(name) or (equals and not value):
            raise BadArgument("A parameter has the form NAME or NAME=value")
        if name in found:
            raise BadArgument(f"{name[:40]} is said twice")
        found[name] = value if equals else None
    return found


def require_known(parameters: Parameters, known: Sequence[str]) -> None:
    """Raises UnknownParameter for any other."""
    for name in parameters:
        if name not in known:
            raise UnknownParameter(f"The parameter {name[:40]} is not known")


def read_size(parameters: Parameters) -> int | None:
    """SIZE (RFC 1870 §5): how many octets the message is thought to have."""
    value = _value(parameters, "SIZE")
    if value is None:
        return None
    if not _SIZE.match(value):
        raise BadArgument("SIZE is a number of at most 20 digits")
    return int(value)


def read_body(parameters: Parameters) -> Body:
    """BODY (RFC 6152 §2, RFC 3030 §3)."""
    value = _value(parameters, "BODY")
    if value is None:
        return Body.SEVEN_BITS
    try:
        return Body(value.upper())
    except ValueError:
        known = ", ".join(each.value for each in Body)
        raise BadArgument(f"BODY is one of {known}") from None


def read_flag(parameters: Parameters, name: str) -> bool:
    """A parameter that may have no value (SMTPUTF8, RFC 6531 §3.4)."""
    if name not in parameters:
        return False
    if parameters[name] is not None:
        raise BadArgument(f"{name} has no value")
    return True


def read_ret(parameters: Parameters) -> Ret | None:
    """RET (RFC 3461 §4.3)."""
    value = _value(parameters, "RET")
    if value is None:
        return None
    try:
        return Ret(value.upper())
    except ValueError:
        raise BadArgument("RET is FULL or HDRS") from None


def read_envid(parameters: Parameters) -> str | None:
    """ENVID (RFC 3461 §4.4), decoded."""
    value = _value(parameters, "ENVID")
    if value is None:
        return None
    if len(value) > MAX_ENVID:
        raise BadArgument(f"ENVID has at most {MAX_ENVID} characters")
    return _printable("ENVID", value)


def read_by(parameters: Parameters) -> By | None:
    """BY (RFC 2852 §4)."""
    value = _value(parameters, "BY")
    if value is None:
        return None
    found = _BY.match(value)
    if not found:
        raise BadArgument("BY is seconds;N or seconds;R, with a T when each hop is to be told")
    seconds, trace = int(found[1]), bool(found[3])
    if found[2] in "Nn":
        return By(seconds, "N", trace)
    if seconds <= 0:
        raise BadArgument("BY in mode R needs time that is left")
    return By(seconds, "R", trace)


def read_notify(parameters: Parameters) -> Notify | None:
    """NOTIFY (RFC 3461 §4.1)."""
    value = _value(parameters, "NOTIFY")
    if value is None:
        return None
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return Notify.NEVER
    found = Notify.NEVER
    for word in words:
        if word not in ("SUCCESS", "FAILURE", "DELAY"):
            raise BadArgument("NOTIFY is NEVER, or of SUCCESS, FAILURE and DELAY, with commas")
        found |= Notify[word]
    return found


def read_orcpt(parameters: Parameters) -> OriginalRecipient | None:
    """ORCPT (RFC 3461 §4.2, RFC 6533 §3), decoded."""
    value = _value(parameters, "ORCPT")
    if value is None:
        return None
    if len(value) > MAX_ORCPT:
        raise BadArgument(f"ORCPT has at most {MAX_ORCPT} characters")
    kind, semicolon, address = value.partition(";")
    if not semicolon or not _ATOM.match(kind) or not address:
        raise BadArgument("ORCPT is type;address")
    if kind.lower() != "utf-8":
        return OriginalRecipient(kind.lower(), _printable("ORCPT", address))
    try:
        return OriginalRecipient("utf-8", decode_unitext(address))
    except ValueError:
        raise BadArgument("The address of ORCPT is not encoded as RFC 6533 says") from None


def _value(parameters: Parameters, name: str) -> str | None:
    """A value that the parameter must have when it is there."""
    if name not in parameters:
        return None
    value = parameters[name]
    if value is None:
        raise BadArgument(f"{name} needs a value")
    return value


def _printable(name: str, value: str) -> str:
    try:
        text = decode_xtext(value)
    except ValueError:
        raise BadArgument(f"The value of {name} is not xtext (RFC 3461 §4)") from None
    if not _PRINTABLE.match(text):
        raise BadArgument(f"{name} has printable ASCII characters only")
    return text
