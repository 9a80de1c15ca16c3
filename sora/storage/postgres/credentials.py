"""Addresses that log in, and their secrets: `ICredentials` in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from zope.interface import implementer

from sora.addresses import Address
from sora.deferreds import deferred
from sora.errors import NoSuchAccount
from sora.storage.interfaces import ICredentials
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import CredentialRow, Login, NewLogin, NewSecret, Secret

_ROW: Final = (
    "select c.id, c.account_id, c.address, c.is_primary, c.created_at, c.updated_at,"
    " (select jsonb_agg(jsonb_build_array("
    " kind, verifier, name, scopes, extract(epoch from expires)) order by kind, name)"
    " from secrets where credential_id = c.id), l.at, l.protocol, l.address from credentials c"
    " left join logins l on l.account_id = c.account_id and l.credential_id = c.id"
)


@implementer(ICredentials)
class Credentials:
    """`ICredentials` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def login(self, address: Address) -> Login | None:
        async def work(tx: Tx) -> Login | None:
            rows = await tx.all(
                "select a.id, a.scope_id, c.id, p.address, c.version, a.disabled,"
                " s.kind, s.verifier, s.name, s.scopes, s.expires"
                " from credentials c join accounts a on a.id = c.account_id"
                " join credentials p on p.account_id = a.id and p.is_primary"
                " left join secrets s on s.credential_id = c.id"
                " where c.address_key = %s and a.deleted_at is null order by s.kind, s.name",
                (address.key,),
            )
            if not rows:
                return None
            account_id, scope_id, credential_id, written, version, disabled = rows[0][:6]
            secrets = tuple(
                Secret(kind, verifier, name, tuple(scopes), expires)
                for kind, verifier, name, scopes, expires in (row[6:] for row in rows)
                if kind is not None
            )
            return Login(account_id, scope_id, credential_id, written, version, disabled, secrets)

        return await self._database.run("login", work, write=False)

    @deferred
    async def add(
        self, account: Address, alias: Address, secrets: Sequence[NewSecret]
    ) -> CredentialRow:
        kinds, verifiers = packing.secrets(secrets)

        async def work(tx: Tx) -> CredentialRow:
            await tx.do(
                "select add_credential_v1(%s, %s, %s, %s, %s::text[], %s::text[])",
                (account.key, alias.base, alias.key, alias.domain, kinds, verifiers),
            )
            return await self._shown(tx, alias)

        return await self._database.transaction("add_credential", work)

    @deferred
    async def list(self, account: Address) -> Sequence[CredentialRow]:
        async def work(tx: Tx) -> Sequence[CredentialRow]:
            rows = await tx.all(
                f"{_ROW} where c.account_id = account_of_v1(%s)"
                " order by c.is_primary desc, c.address_key",
                (account.key,),
            )
            if not rows:
                raise NoSuchAccount(f"There is no account {account.base}.")
            return [_credential(row) for row in rows]

        return await self._database.run("list_credentials", work, write=False)

    @deferred
    async def show(self, address: Address) -> CredentialRow:
        async def work(tx: Tx) -> CredentialRow:
            return await self._shown(tx, address)

        return await self._database.run("show_credential", work, write=False)

    async def _shown(self, tx: Tx, address: Address) -> CredentialRow:
        row = await tx.one(f"{_ROW} where c.address_key = %s", (address.key,))
        if row is None:
            raise NoSuchAccount(f"There is no credential {address.base}.")
        return _credential(row)

    @deferred
    async def delete(self, address: Address) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select delete_credential_v1(%s)", (address.key,))

        await self._database.run("delete_credential", work, write=True)

    @deferred
    async def set_secrets(self, address: Address, secrets: Sequence[NewSecret]) -> None:
        kinds, verifiers = packing.secrets(secrets)

        async def work(tx: Tx) -> None:
            await tx.do(
                "select replace_secrets_v2(%s, %s::text[], %s::text[])",
                (address.key, kinds, verifiers),
            )

        await self._database.run("set_secrets", work, write=True)

    @deferred
    async def make_primary(self, address: Address) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select make_primary_v1(%s)", (address.key,))

        await self._database.run("make_primary", work, write=True)

    @deferred
    async def note_logins(self, logins: Sequence[NewLogin]) -> None:
        columns = [
            [each.account_id for each in logins],
            [each.credential_id for each in logins],
            [each.age for each in logins],
            [each.protocol for each in logins],
            [each.address for each in logins],
        ]

        async def work(tx: Tx) -> None:
            await tx.do(
                "select note_logins_v1("
                "%s::bigint[], %s::bigint[], %s::float8[], %s::text[], %s::text[])",
                columns,
            )

        await self._database.run("note_logins", work, write=True)

    @deferred
    async def logins_since(self) -> datetime:
        async def work(tx: Tx) -> datetime:
            since: datetime = await tx.value("select logins_since from sora")
            return since

        return await self._database.run("logins_since", work, write=False)


def _credential(row: tuple[Any, ...]) -> CredentialRow:
    id_, account_id, address, primary, created_at, updated_at, secrets, *login = row
    return CredentialRow(
        id_,
        account_id,
        address,
        primary,
        created_at,
        updated_at,
        tuple(
            Secret(kind, verifier, name, tuple(scopes), _time(expires))
            for kind, verifier, name, scopes, expires in secrets or ()
        ),
        packing.last_login(login),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
