"""Sieve scripts: `IScripts` in PostgreSQL. The functions are in `0021_scripts.sql` and
`0052_script_conditions.sql`.

A lost answer (G14) is read back by doing the same again: to put, to activate, to deactivate twice
is to have done it once; a rename knows its own operation; and what a lost deletion does not find
any more is deleted.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from uuid import UUID, uuid4

from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import NoSuchScript, OutcomeUnknown
from sora.storage.interfaces import IScripts
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import ScriptLimits, ScriptPosition, ScriptRow


@implementer(IScripts)
class Scripts:
    """`IScripts` in PostgreSQL."""

    def __init__(self, database: Database, new_uuid: Callable[[], UUID] = uuid4) -> None:
        self._database = database
        self._new_uuid = new_uuid

    @deferred
    async def list(self, account_id: int) -> Sequence[ScriptRow]:
        async def work(tx: Tx) -> Sequence[ScriptRow]:
            rows = await tx.all(
                "select name, size, position, changed_at from scripts where account_id = %s"
                " order by name",
                (account_id,),
            )
            return [
                ScriptRow(name, size, None if stands is None else ScriptPosition(stands), changed)
                for name, size, stands, changed in rows
            ]

        return await self._database.run("list_scripts", work, write=False)

    @deferred
    async def get(self, account_id: int, name: str) -> str:
        async def work(tx: Tx) -> str:
            row = await tx.one(
                "select source from scripts where account_id = %s and name = %s",
                (account_id, name),
            )
            if row is None:
                raise NoSuchScript(f"There is no script {name}.")
            return str(row[0])

        return await self._database.run("get_script", work, write=False)

    @deferred
    async def require_room(
        self, account_id: int, name: str, size: int, limits: ScriptLimits
    ) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "select require_room_for_script_v1(%s, %s, %s, %s, %s, %s)",
                (account_id, name, size, limits.size, limits.scripts, limits.total),
            )

        await self._database.run("room_for_script", work, write=False)

    @deferred
    async def put(
        self,
        account_id: int,
        name: str,
        source: str,
        limits: ScriptLimits,
        position: ScriptPosition | None = None,
        replaces: str | None = None,
    ) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "select put_script_v2(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    account_id,
                    name,
                    source,
                    len(source.encode()),
                    None if position is None else position.value,
                    limits.size,
                    limits.scripts,
                    limits.total,
                    replaces,
                ),
            )

        await self._twice("put_script", work)

    @deferred
    async def activate(
        self, account_id: int, name: str, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> None:
        await self._stand(account_id, name, position)

    @deferred
    async def deactivate(
        self, account_id: int, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> None:
        await self._stand(account_id, None, position)

    async def _stand(self, account_id: int, name: str | None, position: ScriptPosition) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select activate_script_v1(%s, %s, %s)", (account_id, name, position.value))

        await self._twice("activate_script", work)

    @deferred
    async def delete(self, account_id: int, name: str) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select delete_script_v1(%s, %s)", (account_id, name))

        try:
            await self._database.run("delete_script", work, write=True)
        except OutcomeUnknown:
            with suppress(NoSuchScript):
                await self._database.run("delete_script", work, write=True)

    @deferred
    async def rename(self, account_id: int, old: str, new: str) -> None:
        operation = str(self._new_uuid())

        async def work(tx: Tx) -> None:
            await tx.do(
                "select rename_script_v1(%s, %s, %s, %s::uuid)", (account_id, old, new, operation)
            )

        await self._twice("rename_script", work)

    async def _twice(self, name: str, work: Callable[[Tx], Awaitable[None]]) -> None:
        try:
            await self._database.run(name, work, write=True)
        except OutcomeUnknown:
            await self._database.run(name, work, write=True)
