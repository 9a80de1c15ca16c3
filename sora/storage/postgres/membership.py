"""Which processes serve this database now: `IMembership` in PostgreSQL."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import IMembership
from sora.storage.postgres.database import Database, Tx

LATELY: Final = timedelta(seconds=30)


@implementer(IMembership)
class Membership:
    """`IMembership` in PostgreSQL.

    A process counts as living for `lately` after its last beat.
    """

    def __init__(self, database: Database, lately: timedelta = LATELY) -> None:
        self._database = database
        self._lately = lately

    @deferred
    async def beat(self, process_id: UUID, name: str) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value(
                "select beat_v1(%s::uuid, %s, %s)", (str(process_id), name, self._lately)
            )

        # A beat that is sent twice is one beat.
        return await self._database.run("beat", work, write=False)

    @deferred
    async def leave(self, process_id: UUID) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("delete from processes where id = %s", (str(process_id),))

        await self._database.run("leave", work, write=False)
