"""subaddress (RFC 5233): `:user` and `:detail`, by the separator of the accounts' addresses."""

from typing import Final

from sora.sieve.extension import ADDRESS_PART, AddressPart, Extension, Tag
from sora.sieve.run import Run


def _user(run: Run, local: str, domain: str) -> str | None:
    if not domain:
        return None
    user, found, _ = _split(run, local)
    return user if found else local


def _detail(run: Run, local: str, domain: str) -> str | None:
    _, found, detail = _split(run, local)
    return detail if found and domain else None


def _split(run: Run, local: str) -> tuple[str, str, str]:
    """As `sora.addresses` splits: what begins with the separator has no detail."""
    separator = run.context.separator
    if not separator or local.startswith(separator):
        return local, "", ""
    return local.partition(separator)


EXTENSION: Final = Extension(
    "subaddress",
    address_parts=(
        AddressPart(Tag("user", group=ADDRESS_PART), _user),
        AddressPart(Tag("detail", group=ADDRESS_PART), _detail),
    ),
)
