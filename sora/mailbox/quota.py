"""Quotas as clients see them (RFC 9208): roots by name, and resources.

There is one root for all mailboxes of an owner. One's own is called `""`; that of another user is
his address, that of what belongs to a domain the domain's name. The numbers of another root are
told to who may read a mailbox of it (GETQUOTAROOT), and to who may set it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import evolve

from sora.addresses import fold_domain, parse_address
from sora.auth.interfaces import Identity
from sora.errors import BadArgument, NoSuchQuota, NotPermitted
from sora.mailbox.owners import Owners
from sora.mailbox.places import Place
from sora.storage.interfaces import IQuotas
from sora.storage.rows import Owner, Quota, QuotaLimits

OWN: Final = ""
UNIT: Final = 1024
"""octets of which STORAGE is told (RFC 9208 §5.1)"""
MAX_LIMIT: Final = 1 << 53


def resources(quota: Quota) -> Iterator[tuple[str, int, int]]:
    """Name, usage and limit of each resource that is limited (RFC 9208 §4.2.1, §5). What is
    used is rounded up, and what is allowed down: the limit itself is in octets."""
    limits = quota.limits
    if limits.storage is not None:
        yield "STORAGE", -(-quota.storage // UNIT), limits.storage // UNIT
    if limits.messages is not None:
        yield "MESSAGE", quota.messages, limits.messages
    if limits.mailboxes is not None:
        yield "MAILBOX", quota.mailboxes, limits.mailboxes


def limits_of(wanted: Mapping[str, int]) -> QuotaLimits:
    """The limits that SETQUOTA names; those that it does not name are none (RFC 9208 §4.1.3).

    Raises BadArgument for a resource that is not limited here, or a number that is too large.
    """
    limits = QuotaLimits()
    for name, limit in wanted.items():
        if limit > MAX_LIMIT:
            raise BadArgument(f"The limit {limit} is too large")
        match name:
            case "STORAGE":
                limits = evolve(limits, storage=limit * UNIT)
            case "MESSAGE":
                limits = evolve(limits, messages=limit)
            case "MAILBOX":
                limits = evolve(limits, mailboxes=limit)
            case _:
                raise BadArgument(f"The resource {name} cannot be limited")
    return limits


class QuotaRoots:
    """The quota roots of one session."""

    def __init__(self, identity: Identity, quotas: IQuotas, owners: Owners) -> None:
        self._me = Owner(identity.account_id, identity.scope_id, identity.address)
        self._quotas = quotas
        self._owners = owners

    @property
    def _domain(self) -> str:
        return (self._me.address or "").rpartition("@")[2]

    def name_of(self, place: Place) -> str:
        """The root that a mailbox counts for. No round trip."""
        return OWN if place.is_own else place.owner.address or self._domain

    async def of(self, place: Place) -> Quota:
        """What is used of it, for who may know. One round trip."""
        quota: Quota = await self._quotas.quota(place.owner.account_id)
        return quota

    async def get(self, root: str) -> Quota:
        """What is used of a root of one's own; of others NoSuchQuota. One round trip."""
        owner = await self._owner(root)
        if owner.account_id != self._me.account_id:
            raise NoSuchQuota(f"There is no quota root {root!r} of yours")
        quota: Quota = await self._quotas.quota(owner.account_id)
        return quota

    async def set(self, root: str, limits: QuotaLimits) -> Quota:
        """Set all limits of a root, and say what is used. Raises NotPermitted for who was not
        allowed to, whatever the root is."""
        try:
            owner = await self._owner(root)
        except NoSuchQuota:
            raise NotPermitted("You may not set this quota") from None
        await self._quotas.set(owner.account_id, limits, self._me.account_id)
        quota: Quota = await self._quotas.quota(owner.account_id)
        return quota

    async def _owner(self, root: str) -> Owner:
        if root == OWN:
            return self._me
        try:
            is_address = "@" in root
            address = parse_address(root, separator="") if is_address else None
            is_known = is_address or fold_domain(root) == self._domain
        except BadArgument:
            is_known, address = False, None
        owner = await self._owners.find(self._me.account_id, address) if is_known else None
        if owner is None:
            raise NoSuchQuota(f"There is no quota root {root!r} of yours")
        return owner
