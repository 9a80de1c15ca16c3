"""The steps in which a domain goes: `IPurging` in PostgreSQL. The functions are in
`0057_domain_purge.sql`."""

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import IPurging
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import AccountHoldings, ClosedPage, OwnHoldings


@implementer(IPurging)
class Purging:
    """`IPurging` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def own_holdings(self, name: str, limit: int) -> OwnHoldings:
        async def work(tx: Tx) -> OwnHoldings:
            row = await tx.one(
                "select o_purging, o_mailboxes, o_messages, o_size, o_scripts, o_rules, o_aliases,"
                " o_alias_domains, o_guests from domain_holdings_v1(%s, %s)",
                (name, limit),
            )
            assert row is not None, "a function without a set gives one row"
            purging_at, mailboxes, messages, size, scripts, rules, aliases, domains, guests = row
            return OwnHoldings(
                purging_at=purging_at,
                mailboxes=mailboxes,
                messages=int(messages),
                size=int(size),
                scripts=scripts,
                rules=rules,
                aliases=aliases,
                alias_domains=tuple(domains),
                guests=tuple(guests),
            )

        return await self._database.run("domain_holdings", work, write=False)

    @deferred
    async def account_holdings(self, name: str, after: str, limit: int) -> AccountHoldings:
        async def work(tx: Tx) -> AccountHoldings:
            row = await tx.one(
                "select o_last, o_accounts, o_deleted, o_mailboxes, o_messages, o_size, o_rights,"
                " o_elsewhere, o_catch_alls from account_holdings_v1(%s, %s, %s)",
                (name, after, limit),
            )
            assert row is not None, "a function without a set gives one row"
            last, accounts, deleted, mailboxes, messages, size, rights, elsewhere, catch_alls = row
            return AccountHoldings(
                last=last,
                accounts=accounts,
                deleted=deleted,
                mailboxes=mailboxes,
                messages=messages,
                size=size,
                rights=rights,
                elsewhere=tuple(elsewhere),
                catch_alls=tuple(catch_alls),
            )

        return await self._database.run("account_holdings", work, write=False)

    @deferred
    async def mark(self, name: str) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select purge_domain_v1(%s)", (name,))

        await self._database.run("purge_domain", work, write=True)

    @deferred
    async def disable(self, name: str, after: str, limit: int) -> ClosedPage:
        return await self._close(name, after, limit, False)

    @deferred
    async def delete(self, name: str, after: str, limit: int) -> ClosedPage:
        return await self._close(name, after, limit, True)

    async def _close(self, name: str, after: str, limit: int, ends: bool) -> ClosedPage:
        async def work(tx: Tx) -> ClosedPage:
            rows = await tx.all(
                "select o_key, o_address from close_accounts_v1(%s, %s, %s, %s)",
                (name, after, limit, ends),
            )
            addresses = tuple(address for _, address in rows)
            return ClosedPage(addresses, rows[-1][0] if rows else None)

        return await self._database.run("close_accounts", work, write=True)

    @deferred
    async def free_addresses(self, name: str, limit: int) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value("select free_addresses_v1(%s, %s)", (name, limit)) or 0

        return await self._database.run("free_addresses", work, write=True)

    @deferred
    async def end(self, name: str) -> bool:
        async def work(tx: Tx) -> bool:
            return bool(await tx.value("select end_domain_v1(%s)", (name,)))

        return await self._database.run("end_domain", work, write=True)
