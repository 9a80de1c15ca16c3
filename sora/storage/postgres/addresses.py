"""Where mail is addressed to beside credentials: `IAliases` and `IDomains` in PostgreSQL.

The functions are in `0024_addresses.sql`. As with accounts, no write has an operation's id: when an
answer is lost, the operator looks and repeats; what is set may be set twice.
"""

from collections.abc import Sequence

from zope.interface import implementer

from sora.addresses import Address
from sora.deferreds import deferred
from sora.errors import NoSuchAccount
from sora.storage.interfaces import IAliases, IDomains
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import AliasRow, DomainRow


@implementer(IAliases)
class Aliases:
    """`IAliases` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def add(self, account: Address, alias: Address, most: int) -> AliasRow:
        async def work(tx: Tx) -> AliasRow:
            await tx.do(
                "select add_alias_v1(%s, %s, %s, %s, %s)",
                (account.key, alias.base, alias.key, alias.domain, most),
            )
            return await _alias(tx, alias)

        return await self._database.transaction("add_alias", work)

    @deferred
    async def list(
        self,
        account: Address | None = None,
        domain: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> Sequence[AliasRow]:
        async def work(tx: Tx) -> Sequence[AliasRow]:
            rows = await tx.all(
                "select address, account_id, account, created_at from aliases_v1(%s, %s, %s, %s)",
                (None if account is None else account.key, domain, after, limit),
            )
            return [AliasRow(*row) for row in rows]

        return await self._database.run("list_aliases", work, write=False)

    @deferred
    async def show(self, alias: Address) -> AliasRow:
        async def work(tx: Tx) -> AliasRow:
            return await _alias(tx, alias)

        return await self._database.run("show_alias", work, write=False)

    @deferred
    async def delete(self, alias: Address) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select delete_alias_v1(%s)", (alias.key,))

        await self._database.run("delete_alias", work, write=True)


async def _alias(tx: Tx, alias: Address) -> AliasRow:
    row = await tx.one(
        "select a.address, a.account_id, c.address, a.created_at from aliases a"
        " join credentials c on c.account_id = a.account_id and c.is_primary"
        " where a.address_key = %s",
        (alias.key,),
    )
    if row is None:
        raise NoSuchAccount(f"There is no alias {alias.base}.")
    return AliasRow(*row)


@implementer(IDomains)
class Domains:
    """`IDomains` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def create(self, name: str) -> DomainRow:
        async def work(tx: Tx) -> DomainRow:
            await tx.do("select create_domain_v1(%s)", (name,))
            return await _domain(tx, name)

        return await self._database.transaction("create_domain", work)

    @deferred
    async def list(self, after: str = "", limit: int = 1000) -> Sequence[DomainRow]:
        async def work(tx: Tx) -> Sequence[DomainRow]:
            return await _domains(tx, None, after, limit)

        return await self._database.run("list_domains", work, write=False)

    @deferred
    async def show(self, name: str) -> DomainRow:
        async def work(tx: Tx) -> DomainRow:
            return await _domain(tx, name)

        return await self._database.run("show_domain", work, write=False)

    @deferred
    async def delete(self, name: str) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select delete_domain_v1(%s)", (name,))

        await self._database.run("delete_domain", work, write=True)

    @deferred
    async def set_catch_all(self, name: str, account: Address | None) -> None:
        async def work(tx: Tx) -> None:
            key = None if account is None else account.key
            await tx.do("select set_catch_all_v1(%s, %s)", (name, key))

        await self._database.run("set_catch_all", work, write=True)

    @deferred
    async def set_alias_of(self, name: str, of: str | None) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select set_alias_domain_v1(%s, %s)", (name, of))

        await self._database.run("set_alias_domain", work, write=True)


async def _domains(tx: Tx, name: str | None, after: str, limit: int) -> Sequence[DomainRow]:
    rows = await tx.all(
        "select name, created_at, accounts, aliases, catch_all, alias_of, purging_at"
        " from domains_v2(%s, %s, %s)",
        (name, after, limit),
    )
    return [DomainRow(*row) for row in rows]


async def _domain(tx: Tx, name: str) -> DomainRow:
    rows = await _domains(tx, name, "", 1)
    if not rows:
        raise NoSuchAccount(f"There is no domain {name}.")
    return rows[0]
