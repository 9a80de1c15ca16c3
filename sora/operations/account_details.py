"""All that is known of one account."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from sora.addresses import parse_address
from sora.operations.accounts import AccountOperations
from sora.operations.owners import Whose
from sora.operations.retention import RetentionOperations, RuleOf
from sora.storage.interfaces import IAliases, ICredentials, IQuotas, IScripts
from sora.storage.rows import (
    AccountRow,
    AliasRow,
    CredentialRow,
    Quota,
    ScriptPosition,
    ScriptRow,
)


@frozen
class AccountDetail:
    """An account with its addresses; `quota`, `script` (the name of the active one) and `retention`
    are those of a live one. `restorable_until` is when the grace of a deleted one ends."""

    account: AccountRow
    credentials: Sequence[CredentialRow]
    aliases: Sequence[AliasRow]
    quota: Quota | None
    script: str | None
    retention: Sequence[RuleOf]
    restorable_until: datetime | None


@frozen
class AccountDetails:
    """Reads accounts as a whole: five statements or six."""

    accounts: AccountOperations
    credentials: ICredentials
    aliases: IAliases
    quotas: IQuotas
    scripts: IScripts
    retention: RetentionOperations
    grace: timedelta

    async def show(self, email: str) -> AccountDetail:
        """One account, live or deleted, by any of its addresses. Raises NoSuchAccount."""
        row = await self.accounts.show(email)
        address = parse_address(row.address, "")
        credentials: Sequence[CredentialRow] = await self.credentials.list(address)
        aliases: Sequence[AliasRow] = await self.aliases.list(address)
        if row.deleted_at is not None:
            until = row.deleted_at + self.grace
            return AccountDetail(row, credentials, aliases, None, None, (), until)
        quota: Quota = await self.quotas.quota(row.id)
        scripts: Sequence[ScriptRow] = await self.scripts.list(row.id)
        active = [one.name for one in scripts if one.position is ScriptPosition.ACTIVE]
        rules = await self.retention.show(Whose(row.address))
        return AccountDetail(
            row, credentials, aliases, quota, next(iter(active), None), rules, None
        )
