"""mailto: URIs (RFC 6068), as the method of a notification (RFC 5436 §2).

What a URI may not say (who it is from, that it is not automatic, when it was made: §2.7) is left
out here, so that nobody who makes the message of it has to know.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from attrs import frozen

from sora.addresses import parse_address
from sora.errors import SoraError
from sora.mail.address_list import parse as parse_addresses

MAX_RECIPIENTS: Final = 10
MAX_HEADERS: Final = 20
MAX_LENGTH: Final = 8000
"""octets of a URI"""

# RFC 3986 §2: unreserved, percent-encoded, and what RFC 6068 §2 lets stand.
_SOME: Final = r"(?:[A-Za-z0-9\-._~!$'()*+,;:@/]|%[0-9A-Fa-f]{2})"
_URI: Final = re.compile(rf"(?i:mailto):({_SOME}*)(?:\?((?:{_SOME}|[?&=])*))?(?:#.*)?", re.DOTALL)
_NAME: Final = re.compile(r"[!-9;-~]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_IGNORED: Final = frozenset(
    [
        "auto-submitted",
        "bcc",
        "date",
        "from",
        "message-id",
        "mime-version",
        "received",
        "return-path",
        "sender",
    ]
)
_IGNORED_PREFIXES: Final = ("content-", "resent-", "x-sora-")


@frozen
class Mailto:
    """Whom to write, and what. Addresses are addr-specs; texts are decoded and without line ends,
    but `body` has them as CRLF. `headers` are what else the URI names, in its order."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    subject: str | None = None
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class BadMailto(ValueError):
    """Not a mailto: URI; what is wrong, as a sentence without a full stop."""


def parse(uri: str) -> Mailto:
    """Read a URI.

    Raises:
        BadMailto: it is none, or says more than is allowed.
    """
    if len(uri) > MAX_LENGTH:
        raise BadMailto("the URI is too long")
    found = _URI.fullmatch(uri)
    if found is None:
        raise BadMailto("this is not a valid mailto: URI")
    to = _addresses(found[1])
    cc: list[str] = []
    texts: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for pair in (found[2] or "").split("&") if found[2] else ():
        name, equals, value = pair.partition("=")
        name = _decoded(name)
        if not equals or not _NAME.fullmatch(name):
            raise BadMailto("a header in the mailto: URI is not valid")
        word = name.lower()
        if word == "to":
            to += _addresses(value)
        elif word == "cc":
            cc += _addresses(value)
        elif word in ("subject", "body"):
            texts.setdefault(word, _decoded(value))
        elif word not in _IGNORED and not word.startswith(_IGNORED_PREFIXES):
            headers.append((name, _line(_decoded(value))))
    if len(to) + len(cc) > MAX_RECIPIENTS:
        raise BadMailto(f"a mailto: URI may name at most {MAX_RECIPIENTS} recipients")
    if len(headers) > MAX_HEADERS:
        raise BadMailto(f"a mailto: URI may name at most {MAX_HEADERS} header fields")
    subject, body = texts.get("subject"), texts.get("body")
    return Mailto(
        tuple(dict.fromkeys(to)),
        tuple(address for address in dict.fromkeys(cc) if address not in to),
        None if subject is None else _line(subject),
        None if body is None else _lines(body),
        tuple(headers),
    )


def _addresses(text: str) -> list[str]:
    """The addresses of a list: commas between them are literal (RFC 6068 §2)."""
    found = []
    for one in text.split(","):
        if one:
            found.append(_address(_decoded(one)))
    return found


def _address(text: str) -> str:
    """An addr-spec; also `Name <addr-spec>`, which headers of URIs may have."""
    listed = parse_addresses(text.encode()) if "<" in text else []
    if len(listed) == 1 and listed[0].mailbox and listed[0].host:
        text = f"{listed[0].mailbox.decode()}@{listed[0].host.decode()}"
    try:
        parse_address(text)
    except SoraError:
        raise BadMailto(f"{text[:100]!r} in the mailto: URI is not an address") from None
    return text


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadMailto("the mailto: URI is not in UTF-8") from None


def _line(text: str) -> str:
    """No line end may come out of a URI into a header."""
    return _CONTROL.sub(" ", text).strip()


def _lines(text: str) -> str:
    return "\r\n".join(text.replace("\0", "").splitlines())
