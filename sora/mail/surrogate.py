"""A header in ASCII in the place of one that is not: for clients that do not take UTF-8
(RFC 6856 §2.1, RFC 6858).

Text and names become encoded words, parameters of MIME are written as RFC 2231 has it, domains
become A-labels. An address whose local part is not ASCII cannot be written at all: it becomes an
empty group whose name shows it (RFC 6858 §2.1). Fields that are ASCII stay as they are, octet by
octet. 8-bit octets that are no UTF-8 are read as `sora.mail.encoded_words` reads them.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from sora.errors import BadArgument
from sora.mail.address_list import MISSING_DOMAIN, MailAddress
from sora.mail.address_list import parse as parse_addresses
from sora.mail.compose import addr_spec, needs_smtputf8, structured, unstructured
from sora.mail.encoded_words import decode, raw

_FIELD: Final = re.compile(rb"[^\n]*\n?(?:[ \t][^\n]*\n?)*")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_NAME: Final = re.compile(rb"([!-9;-~]+)[ \t]*:")
_ADDRESSES: Final = frozenset(
    prefix + name
    for prefix in (b"", b"resent-")
    for name in (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
) | {b"disposition-notification-to", b"return-receipt-to", b"errors-to", b"mail-followup-to"}
_TOKENS: Final = frozenset(
    {b"received", b"return-path", b"delivered-to", b"date", b"message-id", b"references"}
    | {b"in-reply-to", b"mime-version", b"content-transfer-encoding", b"content-id"}
)
_PARAMETER: Final = re.compile(r"([!#$&+\-.^_`|~\w]+)\*?=(\"(?:[^\"\\]|\\.)*\"|[^;\s]*)")
_ESCAPE: Final = re.compile(r"\\(.)")
_OCTETS_OF_WORD: Final = 42


def surrogate(header: bytes) -> bytes:
    """The header block, with its empty line if it has one, in ASCII. Never raises."""
    return b"".join(map(_field, _FIELD.findall(header)))


def _field(lines: bytes) -> bytes:
    if lines.isascii():
        return lines
    found = _NAME.match(lines)
    if found is None:
        return _questioned(lines)
    name, key = found[1].decode("ascii"), found[1].lower()
    value = _FOLD.sub(b"", lines[found.end() :]).strip(b" \t\r\n")
    try:
        if key in _ADDRESSES:
            return structured(name, ", ".join(_addresses(value)))
        if key in _TOKENS:
            return _questioned(lines)
        if key.startswith(b"content-") and key != b"content-description":
            return structured(name, _PARAMETER.sub(_parameter, raw(value)))
        return unstructured(name, decode(value))
    except BadArgument:
        return _questioned(lines)


def _questioned(lines: bytes) -> bytes:
    """The last resort: what cannot be said is not said."""
    return lines.decode("ascii", "replace").replace("\ufffd", "?").encode("ascii")


def _addresses(value: bytes) -> Iterator[str]:
    """The addresses of a field, without the marks of groups; at least an empty group."""
    found = [one for one in parse_addresses(value) if one.mailbox and one.host]
    if not found:
        yield "undisclosed-recipients:;"
    for one in found:
        yield _address(one)


def _address(one: MailAddress) -> str:
    name = decode(one.name or b"")
    address = raw(one.mailbox or b"")
    if one.host != MISSING_DOMAIN:
        address += "@" + raw(one.host or b"")
    if "@" not in address or needs_smtputf8(address):
        return " ".join(_words(f"{name} {address}".strip())) + " :;"
    spec = addr_spec(address)
    if not name:
        return spec
    return " ".join(_words(name)) + f" <{spec}>"


def _words(text: str) -> Iterator[str]:
    """Encoded words of whole characters (RFC 2047 §5), of ASCII too: so nothing is quoted."""
    piece = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _OCTETS_OF_WORD:
            yield _word(piece)
            piece = b""
        piece += octets
    yield _word(piece)


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{b64encode(octets).decode('ascii')}?="


def _parameter(found: "re.Match[str]") -> str:
    """A parameter as RFC 2231 §4 writes it, when it is not ASCII."""
    name, value = found[1], found[2]
    if value.isascii():
        return found[0]
    if value.startswith('"'):
        value = _ESCAPE.sub(r"\1", value[1:-1])
    return f"{name}*=utf-8''{quote(value, safe='')}"
