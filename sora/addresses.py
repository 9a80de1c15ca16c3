"""Mail addresses of accounts: `user+detail@domain`, parsed, folded and split.

The one folding of addresses (G22, G50): the local part and the domain are caseless, the
domain is kept in its A-label form (RFC 5891, RFC 6531), and the detail (RFC 5233) is no part of the
identity. What is checked is what is recorded. A local part that needs quotes (RFC 5321 §4.1.2)
is kept without them and written with them.
"""

import re
import unicodedata
from typing import Final

import idna
from attrs import frozen

from sora.errors import BadArgument

MAX_LOCAL_OCTETS: Final = 64
"""RFC 5321 §4.5.3.1.1"""
MAX_DOMAIN_OCTETS: Final = 255
"""RFC 5321 §4.5.3.1.2"""

_ATOM = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]+\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")


@frozen
class Address:
    """An address as it identifies an account.

    `local` is as it was written, without quotes and detail; `domain` is in lower-case A-labels.
    """

    local: str
    domain: str
    detail: str | None = None

    @property
    def key(self) -> str:
        """What addresses are compared by: folded, and without the detail."""
        return f"{fold_local(self.local)}@{self.domain}"

    @property
    def base(self) -> str:
        """The address without its detail, as it was written."""
        return f"{_quote(self.local)}@{self.domain}"

    def __str__(self) -> str:
        detail = "" if self.detail is None else f"+{self.detail}"
        return f"{_quote(self.local + detail)}@{self.domain}"


def fold_local(local: str) -> str:
    """Fold a local part for comparison: NFC, caseless."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())


def parse_address(text: str, separator: str = "+") -> Address:
    """Read `user+detail@domain`.

    Quoted local parts (RFC 5321 §4.1.2) are unquoted. `separator` begins the detail
    (RFC 5233); an empty one means that addresses have no details.

    Raises:
        BadArgument: it is not an address.
    """
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise BadArgument(f"{text!r} is not an address: it needs the form user@domain")
    local = _unquote(local)
    if len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL_OCTETS:
        raise BadArgument(f"The local part of the address is longer than {MAX_LOCAL_OCTETS} octets")
    if any(character < " " or character == "\x7f" for character in local):
        raise BadArgument("The local part of the address has a control character")
    detail: str | None = None
    if separator:
        base, found, rest = local.partition(separator)
        if found and base:
            local, detail = base, rest
    return Address(local, fold_domain(domain), detail)


def fold_domain(domain: str) -> str:
    """The domain in lower-case A-labels (RFC 5891).

    Raises:
        BadArgument: it is not a domain name.
    """
    folded = unicodedata.normalize("NFKC", domain).lower().rstrip(".")
    if not folded.isascii():
        folded = _a_labels(folded)
    if not folded or len(folded) > MAX_DOMAIN_OCTETS:
        raise BadArgument(f"{domain!r} is not a domain name")
    if not all(_LABEL.match(label) for label in folded.split(".")):
        raise BadArgument(f"{domain!r} is not a domain name")
    return folded


def _a_labels(domain: str) -> str:
    """As IDNA2008 has it, and as IDNA2003 has it for what that forbids and people use (emoji)."""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        try:
            return domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise BadArgument(f"{domain!r} is not a domain name") from None


def _quote(local: str) -> str:
    if all(_ATOM.match(part) for part in local.split(".")):
        return local
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def _unquote(local: str) -> str:
    if len(local) >= 2 and local[0] == local[-1] == '"':
        return re.sub(r"\\(.)", r"\1", local[1:-1])
    if not all(_ATOM.match(part) for part in local.split(".")):
        raise BadArgument(f"{local!r} is not the local part of an address")
    return local
