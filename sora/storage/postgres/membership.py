"""Which processes serve this database now: `IMembership` in PostgreSQL."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import IMembership
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import Beat

LATELY: Final = timedelta(seconds=30)


@implementer(IMembership)
class Membership:
    """`IMembership` in PostgreSQL.

    A process counts as living for `lately` after its last beat. What was confirmed of the last one
    goes with the next: a database that does not know of it was set back (G70).
    """

    def __init__(self, database: Database, lately: timedelta = LATELY) -> None:
        self._database = database
        self._lately = lately
        self._heard: datetime | None = None

    @deferred
    async def beat(self, process_id: UUID, name: str) -> Beat:
        async def work(tx: Tx) -> Beat:
            row = await tx.one(
                "select o_others, o_epoch::text, o_at from beat_v2(%s::uuid, %s, %s, %s)",
                (str(process_id), name, self._lately, self._heard),
            )
            assert row is not None, "a beat is answered"
            self._heard = row[2]
            return Beat(row[0], packing.uuid(row[1]))

        # A beat that is sent twice is one beat.
        return await self._database.run("beat", work, write=False)

    @deferred
    async def leave(self, process_id: UUID) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("delete from processes where id = %s", (str(process_id),))

        await self._database.run("leave", work, write=False)
