"""What an operator can do with quotas (RFC 9208)."""

from attrs import evolve, frozen

from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IQuotas
from sora.storage.rows import Quota, QuotaLimits

KEEP = -1
"""A limit that stays as it is."""


@frozen
class QuotaOperations:
    """Limits of accounts. Errors are those of `sora.errors`."""

    owners: OwnerLookup
    quotas: IQuotas

    async def show(self, whose: Whose) -> Quota:
        """What an account has, and may have."""
        quota: Quota = await self.quotas.quota(await self.owners.account_id(whose))
        return quota

    async def set(
        self,
        whose: Whose,
        storage: int | None = KEEP,
        messages: int | None = KEEP,
        mailboxes: int | None = KEEP,
        replaces: QuotaLimits | None = None,
    ) -> Quota:
        """Set limits: octets, messages, mailboxes; None is no limit, `KEEP` leaves one as it is.
        With `replaces` only where these are the limits. Raises Superseded where they are others."""
        account_id = await self.owners.account_id(whose)
        quota: Quota = await self.quotas.quota(account_id)
        wanted = {"storage": storage, "messages": messages, "mailboxes": mailboxes}
        changes = {name: limit for name, limit in wanted.items() if limit != KEEP}
        limits = evolve(quota.limits, **changes)
        await self.quotas.set(account_id, limits, None, replaces)
        return evolve(quota, limits=limits)

    async def allow(self, email: str, allowed: bool) -> None:
        """Say whether a user may set the quotas of his domain (SETQUOTA)."""
        await self.quotas.allow((await self.owners.user(email)).id, allowed)
