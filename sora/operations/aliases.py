"""What an operator can do with aliases: addresses of accounts that only receive."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from sora.addresses import fold_domain, parse_address
from sora.operations.accounts import address_of
from sora.operations.paging import all_of
from sora.storage.interfaces import IAliases
from sora.storage.rows import AliasRow

MAX_ALIASES: Final = 1000
"""aliases that an account may have"""


@frozen
class AliasOperations:
    """Aliases: create, list, show, delete. Errors are those of `sora.errors`."""

    aliases: IAliases

    async def create(self, email: str, alias: str) -> AliasRow:
        """Let mail for `alias` be that of the account that has `email`. Raises NoSuchAccount,
        AlreadyExists, TooMany."""
        row: AliasRow = await self.aliases.add(address_of(email), address_of(alias), MAX_ALIASES)
        return row

    async def list(self, email: str | None = None, domain: str | None = None) -> list[AliasRow]:
        """All aliases; those of an account, or in a domain."""
        return await all_of(
            lambda after, limit: self.page(email, domain, after, limit),
            lambda row: parse_address(row.address, "").key,
        )

    async def page(
        self, email: str | None, domain: str | None, after: str, limit: int
    ) -> Sequence[AliasRow]:
        """At most `limit` of them, ascending by address, above the address key `after`."""
        account = None if email is None else address_of(email)
        name = None if domain is None else fold_domain(domain)
        rows: Sequence[AliasRow] = await self.aliases.list(account, name, after, limit)
        return rows

    async def show(self, alias: str) -> AliasRow:
        """One alias. Raises NoSuchAccount."""
        row: AliasRow = await self.aliases.show(address_of(alias))
        return row

    async def delete(self, alias: str) -> None:
        """Remove an alias. Raises NoSuchAccount."""
        await self.aliases.delete(address_of(alias))
