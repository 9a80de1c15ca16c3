"""How much accounts may have: `IQuotas` in PostgreSQL."""

from typing import Any, cast

from attrs import astuple
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.storage.interfaces import IQuotas
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import Quota, QuotaLimits


@implementer(IQuotas)
class Quotas:
    """`IQuotas` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def quota(self, account_id: int) -> Quota:
        async def work(tx: Tx) -> Quota:
            row = await tx.one(
                "select o_storage, o_messages, o_mailboxes, o_storage_limit, o_messages_limit,"
                " o_mailboxes_limit from quota_v1(%s)",
                (account_id,),
            )
            storage, messages, mailboxes, *limits = cast(tuple[Any, ...], row)
            return Quota(int(storage), int(messages), mailboxes, QuotaLimits(*limits))

        return await self._database.run("quota", work, write=False)

    @deferred
    async def set(
        self,
        account_id: int,
        limits: QuotaLimits,
        asker: int | None,
        replaces: QuotaLimits | None = None,
    ) -> None:
        known = None if replaces is None else list(astuple(replaces))

        async def work(tx: Tx) -> None:
            await tx.do(
                "select set_quota_v2(%s, %s, %s, %s, %s, %s::bigint[])",
                (account_id, asker, *astuple(limits), known),
            )

        await self._twice("set_quota", work)

    @deferred
    async def allow(self, account_id: int, allowed: bool) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select allow_quota_v1(%s, %s)", (account_id, allowed))

        await self._twice("allow_quota", work)

    async def _twice(self, name: str, work: Any) -> None:
        """Doing it twice is doing it once: so a lost answer is read back (G14)."""
        try:
            await self._database.run(name, work, write=True)
        except OutcomeUnknown:
            await self._database.run(name, work, write=True)
