"""`IVerifying` in PostgreSQL. See `0031_verifying.sql`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import IVerifying
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.reading import object_places
from sora.storage.rows import (
    Damage,
    DamagedMessage,
    Fault,
    ObjectPlace,
    Proof,
    Suspect,
    Sweep,
)

_PROOF: Final = (
    "object_id::text, store, key_id, stored_size, content_id, hash, size, staged, others, exists ("
    " select from damages d where d.content_id = p.content_id and d.store = p.store)"
)


@implementer(IVerifying)
class Verifying:
    """`IVerifying` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def take(self, store: str, lease: timedelta, rest: timedelta) -> UUID | None:
        async def work(tx: Tx) -> UUID | None:
            position = await tx.value(
                "select take_sweep_v1(%s, %s, %s)::text", (store, lease, rest)
            )
            return None if position is None else packing.uuid(position)

        return await self._database.run("take_sweep", work, write=True)

    @deferred
    async def proofs(self, store: str, after: UUID, limit: int) -> Sequence[Proof]:
        async def work(tx: Tx) -> Sequence[Proof]:
            rows = await tx.all(
                f"select {_PROOF} from proofs_v1(%s, %s, %s) p", (store, str(after), limit)
            )
            return [_proof(row) for row in rows]

        return await self._database.run("proofs", work, write=False)

    @deferred
    async def advance(
        self, store: str, position: UUID | None, objects: int, octets: int, lease: timedelta
    ) -> None:
        name = None if position is None else str(position)

        async def work(tx: Tx) -> None:
            await tx.do(
                "select advance_sweep_v1(%s, %s, %s, %s, %s)",
                (store, name, objects, octets, lease),
            )

        await self._database.run("advance_sweep", work, write=True)

    @deferred
    async def sweeps(self) -> Sequence[Sweep]:
        async def work(tx: Tx) -> Sequence[Sweep]:
            rows = await tx.all(
                "select store, begun_at, completed_at, proven_since, objects, octets"
                " from sweeps order by store"
            )
            return [Sweep(*row) for row in rows]

        return await self._database.run("sweeps", work, write=False)

    @deferred
    async def is_stored(self, object_id: UUID) -> bool:
        async def work(tx: Tx) -> bool:
            return bool(
                await tx.value(
                    "select exists (select from objects o join contents c on c.id = o.content_id"
                    " where o.id = %s and o.state = 'stored' and c.state = 'live')",
                    (str(object_id),),
                )
            )

        return await self._database.run("is_stored", work, write=False)

    @deferred
    async def proofs_of(self, account_id: int, after: int, limit: int) -> Sequence[Proof]:
        async def work(tx: Tx) -> Sequence[Proof]:
            rows = await tx.all(
                f"select {_PROOF} from proofs_of_v1(%s, %s, %s) p", (account_id, after, limit)
            )
            return [_proof(row) for row in rows]

        return await self._database.run(
            "proofs_of", work, write=False, timeout=self._database.timing.bulk
        )

    @deferred
    async def bodiless(self, after: int, limit: int) -> tuple[int | None, Sequence[int]]:
        async def work(tx: Tx) -> tuple[int | None, Sequence[int]]:
            row = await tx.one("select o_last, o_found from bodiless_v1(%s, %s)", (after, limit))
            return (None, ()) if row is None else (row[0], row[1])

        return await self._database.run("bodiless", work, write=False)

    @deferred
    async def strangers(self, store: str, names: Sequence[UUID]) -> Sequence[UUID]:
        async def work(tx: Tx) -> Sequence[UUID]:
            rows = await tx.all(
                "select n::text from unnest(%s::uuid[]) n where not exists ("
                " select from objects o where o.id = n and coalesce(o.store, %s) = %s)",
                ([str(name) for name in names], store, store),
            )
            return [packing.uuid(name) for (name,) in rows]

        return await self._database.run("strangers", work, write=False)

    @deferred
    async def note(self, suspect: Suspect) -> bool:
        name = None if suspect.object_id is None else str(suspect.object_id)

        async def work(tx: Tx) -> bool:
            return bool(
                await tx.value(
                    "select note_damage_v1(%s, %s, %s, %s)",
                    (suspect.content_id, suspect.store, name, str(suspect.fault)),
                )
            )

        # Noted twice is noted once, so a lost answer is a reason to send it again.
        return await self._database.run("note_damage", work, write=False)

    @deferred
    async def mended(self, content_id: int, store: str) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "delete from damages where content_id = %s and store = %s", (content_id, store)
            )

        await self._database.run("mended", work, write=False)

    @deferred
    async def damages(self, after: int, limit: int) -> Sequence[Damage]:
        async def work(tx: Tx) -> Sequence[Damage]:
            rows = await tx.all(
                "select id, content_id, fault, store, object_id::text, found_at, seen_at"
                " from damages where id > %s order by id limit %s",
                (after, limit),
            )
            return [_damage(row) for row in rows]

        return await self._database.run("damages", work, write=False)

    @deferred
    async def messages_of(self, content_id: int, limit: int) -> Sequence[DamagedMessage]:
        async def work(tx: Tx) -> Sequence[DamagedMessage]:
            rows = await tx.all(
                "select coalesce(c.address, ''), b.name, m.uid, m.email_id::text"
                " from messages m join mailboxes b on b.id = m.mailbox_id"
                " left join credentials c on c.account_id = m.account_id and c.is_primary"
                " where m.content_id = %s order by m.mailbox_id, m.uid limit %s",
                (content_id, limit),
            )
            return [
                DamagedMessage(address, name, uid, packing.uuid(email_id))
                for address, name, uid, email_id in rows
            ]

        return await self._database.run("messages_of", work, write=False)


def _proof(row: Sequence[Any]) -> Proof:
    name, store, key_id, stored_size, content_id, hash_, size, staged, others, is_suspect = row
    return Proof(
        ObjectPlace(packing.uuid(name), store, key_id, stored_size),
        content_id,
        bytes(hash_),
        size,
        staged,
        tuple(object_places(others)),
        is_suspect,
    )


def _damage(row: Sequence[Any]) -> Damage:
    number, content_id, fault, store, name, found_at, seen_at = row
    object_id = None if name is None else packing.uuid(name)
    return Damage(number, Suspect(content_id, Fault(fault), store, object_id), found_at, seen_at)
