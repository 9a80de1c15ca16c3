"""What an operator can do with quotas (RFC 9208)."""

from attrs import evolve, frozen

from sora.errors import Superseded
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IQuotas
from sora.storage.rows import Quota, QuotaLimits

KEEP = -1
"""A limit that stays as it is."""
TRIES = 5
"""how often limits are read and set, while others set them too"""


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
        With `replaces` only where these are the limits. Raises Superseded where they are others;
        without it, only when somebody else sets limits again and again."""
        account_id = await self.owners.account_id(whose)
        wanted = {"storage": storage, "messages": messages, "mailboxes": mailboxes}
        changes = {name: limit for name, limit in wanted.items() if limit != KEEP}
        tries = 0
        while True:
            quota: Quota = await self.quotas.quota(account_id)
            limits = evolve(quota.limits, **changes)
            try:
                # Those that are kept are of now, also when somebody else has just set them.
                await self.quotas.set(account_id, limits, None, replaces or quota.limits)
            except Superseded:
                tries += 1
                if replaces is not None or tries == TRIES:
                    raise
            else:
                return evolve(quota, limits=limits)

    async def allow(self, email: str, allowed: bool) -> None:
        """Say whether a user may set the quotas of his domain (SETQUOTA)."""
        await self.quotas.allow((await self.owners.user(email)).id, allowed)
