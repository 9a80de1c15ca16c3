"""Staged bodies and their partitions, and the cleaner against an upload that still runs."""

from datetime import timedelta

from sora.errors import Unavailable
from sora.storage.rows import ObjectPlace
from trial_tests.storage.postgres.stage import (
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)

NOW = timedelta(0)
STORES = ("disk", "s3")
PIECE = 256 * 1024


async def partitions(stage: Stage) -> set[str]:
    rows = await stage.rows(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'staging'::regclass"
    )
    return {name for (name,) in rows}


async def age(stage: Stage, content_id: int, hours: int) -> int:
    """As if the content had been staged some hours ago; gives that hour's number."""
    slot = int(await stage.value("select staging_slot_at_v1(now())")) - hours
    await stage.rows(
        f"create table if not exists staging_{slot} partition of staging for values in ({slot});"
        " with moved as (update contents set staging_slot = %s where id = %s)"
        " update staging set slot = %s where content_id = %s returning 1",
        (slot, content_id, slot, content_id),
    )
    return slot


class PartitionTests(StageTestCase):
    async def test_a_partition_is_dropped_when_nothing_waits_in_it(self) -> None:
        stage = await self.stage()
        first, second = await stage.put(bytes_of(1)), await stage.put(bytes_of(2))
        old = await age(stage, first.content_id, 5)
        older = await age(stage, second.content_id, 6)
        self.assertEqual(await stage.cleaning.drop_staging(), 0)
        for upload in await stage.uploads.claim("s3", 1, timedelta(minutes=5)):
            self.assertEqual(upload.content_id, first.content_id)
            await stage.uploads.finish(upload, upload.size, "sum", None)
        self.assertEqual(await stage.cleaning.drop_staging(), 1)
        left = await partitions(stage)
        self.assertNotIn(f"staging_{old}", left)
        self.assertIn(f"staging_{older}", left)
        self.assertEqual(await stage.uploads.staged(first.content_id, 0, 1), [])
        self.assertEqual(await stage.uploads.staged(second.content_id, 0, 1), [bytes_of(2)])

    async def test_a_fresh_partition_is_never_dropped(self) -> None:
        """Somebody may be about to write to it."""
        stage = await self.stage()
        before = await partitions(stage)
        self.assertEqual(await stage.cleaning.drop_staging(), 0)
        self.assertEqual(await partitions(stage), before)

    async def test_a_busy_partition_is_left_for_another_time(self) -> None:
        stage = await self.stage()
        placed = await stage.put(bytes_of(1))
        slot = await age(stage, placed.content_id, 5)
        await stage.rows("update contents set staging_slot = null returning 1")

        async def read(tx: object) -> int:
            await tx.value(f"select count(*) from staging_{slot}")  # type: ignore[attr-defined]
            return await stage.cleaning.drop_staging()

        self.assertEqual(await stage.database.transaction("read", read), 0)
        self.assertEqual(await stage.cleaning.drop_staging(), 1)

    async def test_without_a_partition_bodies_go_to_the_default_one(self) -> None:
        stage = await self.stage()
        for name in await partitions(stage) - {"staging_default"}:
            await stage.rows(f"drop table {name}; select 1")
        placed = await stage.put(bytes_of(1))
        self.assertEqual(await stage.value("select count(*) from staging_default"), 1)
        self.assertEqual(await stage.uploads.staged(placed.content_id, 0, 9), [bytes_of(1)])
        # The partition of this hour cannot be made any more, those of the next ones can.
        self.assertEqual(await stage.cleaning.make_partitions(), 5)
        (upload,) = await stage.uploads.claim("s3", 9, timedelta(minutes=5))
        await stage.uploads.finish(upload, upload.size, "sum", None)
        await stage.rows("update staging_default set slot = slot - 5 returning 1")
        await stage.cleaning.drop_staging()
        self.assertEqual(await stage.value("select count(*) from staging_default"), 0)

    async def test_events_have_partitions_for_the_next_months(self) -> None:
        stage = await self.stage()
        await stage.put(bytes_of(1))
        self.assertEqual(await stage.value("select count(*) from events_default"), 0)
        self.assertGreater(await stage.value("select count(*) from events"), 0)
        made = await stage.rows(
            "select inhrelid from pg_inherits where inhparent = 'events'::regclass"
        )
        self.assertEqual(len(made), 4)
        await stage.cleaning.make_partitions()  # if an hour has just begun
        self.assertEqual(await stage.cleaning.make_partitions(), 0)


class BodyTests(StageTestCase):
    async def test_a_body_of_many_octets_and_pieces_comes_back_as_it_was(self) -> None:
        stage = await self.stage()
        body = bytes(range(256)) * 2600
        placed = await stage.put(body)
        pieces = [*await stage.uploads.staged(placed.content_id, 0, 2)]
        pieces += await stage.uploads.staged(placed.content_id, 2, 9)
        self.assertEqual([len(piece) for piece in pieces], [PIECE, PIECE, len(body) - 2 * PIECE])
        self.assertEqual(b"".join(pieces), body)

    async def test_an_empty_body_is_staged_too(self) -> None:
        stage = await self.stage()
        placed = await stage.put(b"")
        self.assertEqual(await stage.uploads.staged(placed.content_id, 0, 9), [b""])

    async def test_pieces_whose_content_the_cleaner_took_are_refused(self) -> None:
        stage = await self.stage()
        body = bytes_of(1, 1000)
        arrival = arrival_of(body)
        scope = stage.account.scope_id
        pending = await stage.uploads.stage_piece(scope, arrival.hash, len(body), None, 0, body)
        self.assertEqual(await stage.cleaning.condemn(NOW, 9), 1)
        with self.assertRaises(Unavailable):
            await stage.uploads.stage_piece(scope, arrival.hash, len(body), pending, 0, body)
        with self.assertRaises(Unavailable):
            await stage.messages.place(
                scope, arrival_of(body, content_id=pending), [stage.target()], new_operation()
            )

    async def test_a_reservation_that_has_ended_is_not_bound(self) -> None:
        """G3: its object may be about to be deleted."""
        stage = await self.stage()
        (name,) = await stage.uploads.reserve("disk", 1)
        await stage.rows("update objects set created_at = now() - interval '2 days' returning 1")
        (condemned,) = await stage.cleaning.condemned(STORES, 9, NOW)
        self.assertEqual(condemned.object_id, name)
        arrival = arrival_of(b"x", object=ObjectPlace(name, "disk", None, 1))
        with self.assertRaises(Unavailable):
            await stage.messages.place(
                stage.account.scope_id, arrival, [stage.target()], new_operation()
            )
        self.assertEqual(await stage.value("select count(*) from contents"), 0)

    async def test_an_object_that_is_being_written_is_not_deleted(self) -> None:
        """G3: deletion never races an upload; a worker's lease has to be over for an hour."""
        stage = await self.stage()
        placed = await stage.put(bytes_of(1))
        (upload,) = await stage.uploads.claim("s3", 1, timedelta(minutes=5))
        await stage.expunge(stage.inbox, [placed.placed[0].uid])
        await stage.cleaning.purge_expunged(NOW, 9)
        self.assertEqual(await stage.cleaning.condemn(NOW, 9), 1)
        self.assertEqual(await stage.cleaning.condemned(STORES, 9, NOW), [])
        await stage.rows("update objects set due_at = now() - interval '2 hours' returning 1")
        (condemned,) = await stage.cleaning.condemned(STORES, 9, NOW)
        self.assertEqual(condemned.object_id, upload.object_id)
        await stage.uploads.finish(upload, upload.size, "sum", None)
        self.assertEqual(await stage.cleaning.forget([upload.object_id]), 1)
        self.assertEqual(await stage.value("select count(*) from contents"), 0)

    async def test_a_content_that_is_referred_to_is_not_forgotten(self) -> None:
        """G1: the statement that deletes looks again."""
        stage = await self.stage()
        placed = await stage.put(bytes_of(1))
        await stage.rows("delete from objects; update contents set state = 'deleting' returning 1")
        await stage.rows("select forget_contents_v1(%s)", ([placed.content_id],))
        self.assertEqual(await stage.value("select count(*) from contents"), 1)
