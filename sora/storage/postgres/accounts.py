"""Accounts in PostgreSQL: `IAccounts`.

None of these writes has an operation's id. When the answer of one is lost, `OutcomeUnknown`
goes to the operator, who can look and repeat: each says clearly when it was done already.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, cast
from uuid import UUID

from zope.interface import implementer

from sora.addresses import Address
from sora.deferreds import deferred
from sora.errors import NoSuchAccount
from sora.mail.mailbox_names import name_key
from sora.storage.interfaces import IAccounts
from sora.storage.interfaces.accounts import EVERYBODY
from sora.storage.postgres import packing
from sora.storage.postgres.account_lists import search_for
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    AccountFilter,
    AccountRow,
    ActiveScript,
    NewMailbox,
    NewSecret,
    Operation,
    Recipient,
    RecipientScripts,
)

Dedup = Literal["domain", "account", "global"]

_FIRST: Final = Operation(UUID(int=0))
"""The operation in the events of an account's first mailboxes: nobody reads it back."""


@implementer(IAccounts)
class Accounts:
    """`IAccounts` in PostgreSQL.

    `dedup` says which accounts share contents: new accounts get their scope by it.
    """

    def __init__(self, database: Database, dedup: Dedup = "domain") -> None:
        self._database = database
        self._dedup = dedup

    @deferred
    async def create(
        self,
        address: Address,
        secrets: Sequence[NewSecret],
        mailboxes: Sequence[NewMailbox],
    ) -> AccountRow:
        kinds, verifiers = packing.secrets(secrets)
        boxes = [
            {
                "n": name_key(new.name),
                "k": name_key(new.name),
                "u": new.special_use,
                "s": new.subscribed,
            }
            for new in mailboxes
        ]

        async def work(tx: Tx) -> AccountRow:
            row = await tx.one(
                "select r.*, false, null, '', null, null, null from create_account_v1("
                f"%s, %s, %s, %s, %s::text[], %s::text[], %s, {packing.OPERATION}) r",
                (
                    address.base,
                    address.key,
                    address.domain,
                    self._dedup,
                    kinds,
                    verifiers,
                    json.dumps(boxes, ensure_ascii=False),
                    *packing.operation(_FIRST),
                ),
            )
            return packing.account(cast(tuple[Any, ...], row))

        return await self._database.run("create_account", work, write=True)

    @deferred
    async def show(self, address: Address) -> AccountRow:
        async def work(tx: Tx) -> AccountRow:
            row = await tx.one(
                "select r.* from account_row_v3(account_of_v1(%s)) r", (address.key,)
            )
            if row is None or row[0] is None:
                raise NoSuchAccount(f"There is no account {address.base}.")
            return packing.account(row)

        return await self._database.run("show_account", work, write=False)

    @deferred
    async def list(
        self, which: AccountFilter = EVERYBODY, after: str = "", limit: int = 1000
    ) -> Sequence[AccountRow]:
        async def work(tx: Tx) -> Sequence[tuple[Any, ...]]:
            return await tx.all(search.sql, search.values)

        found: list[AccountRow] = []
        following: str | None = after
        while following is not None and len(found) < limit:
            search = search_for(which, following, limit - len(found))
            rows = await self._database.run("list_accounts", work, write=False)
            found += [packing.account(row) for _, *row in rows if row[0] is not None]
            following = rows[0][0] if rows else None
        return found

    @deferred
    async def disable(self, address: Address, disabled: bool, reason: str = "") -> AccountRow:
        async def work(tx: Tx) -> AccountRow:
            row = await tx.one(
                "select r.* from disable_account_v2(%s, %s, %s) r",
                (address.key, disabled, reason),
            )
            return packing.account(cast(tuple[Any, ...], row))

        return await self._database.run("disable_account", work, write=True)

    @deferred
    async def closed(self, keys: Sequence[str]) -> Sequence[str]:
        async def work(tx: Tx) -> Sequence[str]:
            # `offset 0`: address by address, whatever else there is.
            rows = await tx.all(
                "select k.key from unnest(%s::text[]) k (key), lateral (select account_id"
                " from credentials where address_key = k.key offset 0) c, lateral (select 1"
                " from accounts where id = c.account_id"
                " and (disabled or deleted_at is not null) offset 0) a",
                (list(keys),),
            )
            return [key for (key,) in rows]

        return await self._database.run("closed_accounts", work, write=False)

    @deferred
    async def delete(self, address: Address) -> None:
        await self._mark(address, True)

    @deferred
    async def restore(self, address: Address) -> None:
        await self._mark(address, False)

    async def _mark(self, address: Address, deleted: bool) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select mark_account_v1(%s, %s)", (address.key, deleted))

        await self._database.run("mark_account", work, write=True)

    @deferred
    async def purge(self, address: Address) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select purge_account_v1(%s)", (address.key,))

        await self._database.run("purge_account", work, write=True)

    @deferred
    async def recipient(self, address: Address) -> Recipient | None:
        async def work(tx: Tx) -> Recipient | None:
            row = await tx.one(
                "select o_account, o_scope, o_address, o_keys, o_ids, o_quota, o_storage, o_most,"
                " o_messages, o_before, o_active, o_source, o_after, o_addresses,"
                " o_uses, o_used_ids, o_objects, o_object_ids"
                " from recipient_v3(%s, %s), recipient_filing_v1(o_account)",
                (address.key, address.domain),
            )
            if row is None:
                return None
            account_id, scope_id, primary, keys, ids, quota, storage, most, messages = row[:9]
            before, active, source, after, addresses, uses, used_ids, objects, object_ids = row[9:]
            return Recipient(
                account_id,
                scope_id,
                primary,
                dict(zip(keys or (), ids or (), strict=True)),
                quota,
                storage,
                RecipientScripts(
                    before, None if active is None else ActiveScript(active, source), after
                ),
                most,
                messages,
                tuple(addresses or ()),
                dict(zip(uses or (), used_ids or (), strict=True)),
                dict(zip(objects or (), object_ids or (), strict=True)),
            )

        return await self._database.run("recipient", work, write=False)
