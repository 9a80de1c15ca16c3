"""The address parts of RFC 5228 §2.7.4: `:all`, `:localpart`, `:domain`."""

from typing import TYPE_CHECKING, Final

from sora.mail.address_list import MailAddress
from sora.sieve.extension import ADDRESS_PART, AddressPart, Tag
from sora.sieve.message import address_text

if TYPE_CHECKING:
    from sora.sieve.call import Call
    from sora.sieve.run import Run


def _all(run: "Run", local: str, domain: str) -> str:
    return f"{local}@{domain}" if domain else local


def _localpart(run: "Run", local: str, domain: str) -> str | None:
    return local if domain else None


def _domain(run: "Run", local: str, domain: str) -> str | None:
    return domain if local else None


def part_of(run: "Run", call: "Call", address: MailAddress) -> str | None:
    """What a test compares of an address; None if it has no such part."""
    assert call.address_part is not None
    return call.address_part.part(run, *address_text(address))


def counted(address: MailAddress) -> str | None:
    """What `:count` counts: an address with a local part and a domain."""
    local, domain = address_text(address)
    return f"{local}@{domain}" if local and domain else None


ALL: Final = AddressPart(Tag("all", group=ADDRESS_PART), _all)
LOCALPART: Final = AddressPart(Tag("localpart", group=ADDRESS_PART), _localpart)
DOMAIN: Final = AddressPart(Tag("domain", group=ADDRESS_PART), _domain)
