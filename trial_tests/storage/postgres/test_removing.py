"""Objects that are removed in three steps, and cleaners that are killed between them; and who meets a
policy that expunges: on a real PostgreSQL, each in its worst order."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from attrs import evolve
from blake3 import blake3
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.deferreds import deferred, gather
from sora.errors import ExpungeIssued
from sora.mail.facts import derive
from sora.mail.flags import Flags
from sora.mail.numbers import NumberSet
from sora.storage.memory.objects import MemoryObjects
from sora.storage.postgres import packing
from sora.storage.postgres.database import Tx
from sora.storage.postgres.messages import EXPUNGE
from sora.storage.postgres.past import COPY, PastMail
from sora.storage.postgres.retention import Retention
from sora.storage.rows import Arrival, FlagChange, ObjectPlace, ServerRetention, Want
from sora.workers.cleaner import Cleaned, Cleaner, Graces
from sora.workers.policies import Policies
from trial_tests.storage.postgres.stage import (
    Stage,
    StageTestCase,
    bytes_of,
    new_operation,
)

NOW = timedelta(0)
DAY = timedelta(days=1)
EVER = datetime(2100, 1, 1, tzinfo=UTC)
STORES = ("main",)


class CountingObjects(MemoryObjects):
    """Counts deletions by name."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: Counter[UUID] = Counter()

    @deferred
    async def delete(self, name: UUID) -> None:
        """See IObjects."""
        self.deleted[name] += 1
        await super().delete(name)


class RemovingCase(StageTestCase):
    async def begin(self) -> None:
        self.store = CountingObjects()
        self.one: Stage = await self.stage()

    async def put(self, number: int, mailbox_id: int = 0) -> int:
        """A message with an object in the store; gives its UID."""
        stage, octets = self.one, bytes_of(number, 100)
        hash_, place = blake3(octets).digest(), None
        if not await stage.uploads.known(stage.account.scope_id, hash_):
            (name,) = await stage.uploads.reserve("main", 1)
            await self.store.put(name, lambda: BytesIO(octets), len(octets), hash_)
            place = ObjectPlace(name, "main", None, len(octets))
        placed = await stage.messages.place(
            stage.account.scope_id,
            Arrival(hash_, derive(octets), object=place),
            [stage.target(mailbox_id)],
            new_operation(),
        )
        return placed.placed[0].uid

    async def clean(self, node: str = "other") -> Cleaned:
        """A round of the cleaner of another node. Partitions are left out: an hour that begins makes
        one."""
        cleaner = Cleaner(
            self.one.cleaning,
            {"main": self.store},
            clock=reactor,  # type: ignore[arg-type]
            random=Random(1),
            graces=Graces(deleted=0.0, orphans=0.0),
            node=node,
        )
        return evolve(await cleaner.clean(), partitions=0)

    async def let_leases_end(self) -> None:
        await self.one.rows("update objects set due_at = due_at - interval '1 day' returning 1")

    async def body(self, mailbox_id: int, uid: int) -> bytes:
        """The octets of a message, from the store."""
        read = await self.one.messages.read(mailbox_id, NumberSet.of([uid]), frozenset({Want.BODY}))
        place = read.messages[0].body
        assert place is not None
        (entry,) = place.objects
        return await self.store.get(entry.id, 0, entry.stored_size)

    async def whole(self) -> None:
        """Rows and store have the same objects, each of a live content with a message; counters are
        right (G16)."""
        rows = await self.one.rows(
            "select o.id::text from objects o join contents c on c.id = o.content_id"
            " where o.state = 'stored' and c.state = 'live'"
            " and exists (select from messages m where m.content_id = c.id)"
        )
        self.assertEqual({UUID(name) for (name,) in rows}, set(self.store.objects))
        contents = "select count(*) from contents union all"
        contents += (
            " select count(*) from objects where content_id is not null or state <> 'pending'"
        )
        self.assertEqual(await self.one.rows(contents), [(len(rows),)] * 2)
        self.assertEqual(await self.one.miscounted(), [])


class KilledCleanerTests(RemovingCase):
    """G1, G3, G6: each step is a transaction, so what a killed cleaner leaves is what its last step
    has committed."""

    async def first_steps(self, count: int) -> None:
        """What a cleaner does with an expunged message, up to where it is killed."""
        cleaning = self.one.cleaning
        condemned: Any = []
        if count > 0:
            self.assertEqual(await cleaning.purge_expunged(NOW, 10), 1)
        if count > 1:
            self.assertEqual(await cleaning.condemn(NOW, 10, NOW), 1)
        if count > 2:
            condemned = await cleaning.condemned(STORES, 10, DAY)
            self.assertEqual(len(condemned), 1)
        if count > 3:
            await self.store.delete(condemned[0].object_id)
        if count > 4:
            self.assertEqual(await cleaning.forget([condemned[0].object_id]), 1)

    async def test_another_node_goes_on_wherever_it_was_killed(self) -> None:
        """Nothing live is touched, and nothing is left over, neither a row nor an object."""
        await self.begin()
        kept = await self.put(0)
        for steps in range(6):
            going = await self.put(1 + steps)
            self.assertEqual(len(self.store.objects), 2)
            await self.one.expunge(self.one.inbox, [going])
            await self.first_steps(steps)
            cleaned = await self.clean()
            # What the other one has in hand is let alone until its lease is over.
            self.assertEqual(cleaned.deleted, 1 if steps < 3 else 0)
            await self.let_leases_end()
            cleaned = await self.clean()
            self.assertEqual(cleaned.deleted, 1 if steps in (3, 4) else 0)
            self.assertEqual(await self.body(self.one.inbox, kept), bytes_of(0, 100))
            await self.whole()
            self.assertEqual(await self.clean(), Cleaned())
        self.assertEqual(sorted(self.store.deleted.values()), [1, 1, 1, 1, 1, 2])

    async def test_the_same_octets_arrive_wherever_it_was_killed(self) -> None:
        """Before they were condemned they are what was there, after it they are others; and they
        stay when the rest is removed."""
        await self.begin()
        for steps in range(6):
            octets = bytes_of(steps, 100)
            going = await self.put(steps)
            await self.one.expunge(self.one.inbox, [going])
            await self.first_steps(steps)
            again = await self.put(steps)
            self.assertEqual(await self.body(self.one.inbox, again), octets)
            await self.let_leases_end()
            cleaned = await self.clean()
            self.assertEqual(cleaned.deleted, 1 if steps in (2, 3, 4) else 0)
            self.assertEqual(await self.body(self.one.inbox, again), octets)
            await self.whole()

    async def test_several_cleaners_delete_each_object_once(self) -> None:
        await self.begin()
        uids = [await self.put(number) for number in range(24)]
        await self.one.expunge(self.one.inbox, uids[4:])
        rounds = await gather(*[Deferred.fromCoroutine(self.clean(name)) for name in "abc"])
        self.assertEqual(sum(each.expunged for each in rounds), 20)
        for _ in range(2):  # what one has condemned while another went on
            rounds = [*rounds, await self.clean()]
        self.assertEqual(sum(each.condemned for each in rounds), 20)
        self.assertEqual(sum(each.deleted for each in rounds), 20)
        self.assertEqual(set(self.store.deleted.values()), {1})
        self.assertEqual(len(self.store.deleted), 20)
        await self.whole()


class PastTests(RemovingCase):
    """COPY out of the past against the cleaner (G3)."""

    def copy(self, uids: list[int]) -> "Deferred[Any]":
        return PastMail(self.one.database, reactor).copy(  # type: ignore[arg-type]
            self.one.inbox, uids, self.one.account.id, "Trash", new_operation()
        )

    async def test_the_copy_first_its_content_stays(self) -> None:
        await self.begin()
        uid = await self.put(1)
        await self.one.expunge(self.one.inbox, [uid])

        async def copy(tx: Tx) -> None:
            operation = packing.operation(new_operation())
            await tx.one(
                COPY, (self.one.inbox, [uid], self.one.account.id, "Trash", None, *operation)
            )
            for _ in range(3):
                self.assertEqual(await self.clean(), Cleaned())

        await self.one.database.transaction("copy", copy)
        cleaned = await self.clean()
        self.assertEqual((cleaned.expunged, cleaned.condemned), (1, 0))
        self.assertEqual(await self.body(self.one.trash, 1), bytes_of(1, 100))
        await self.whole()

    async def test_the_cleaner_first_nothing_is_copied(self) -> None:
        await self.begin()
        uid = await self.put(1)
        await self.one.expunge(self.one.inbox, [uid])
        waiting: list[Deferred[Any]] = []

        async def purge(tx: Tx) -> None:
            self.assertEqual(await tx.value("select purge_expunged_v1('0', 9)"), 1)
            waiting.append(self.assertFailure(self.copy([uid]), ExpungeIssued))
            await self.one.until_blocked()

        await self.one.database.transaction("purge", purge)
        await waiting[0]
        self.assertEqual((await self.clean()).deleted, 1)
        await self.whole()


class PolicyTests(RemovingCase):
    """A policy and a session expunge the same messages: each goes once, and both know which (G16)."""

    async def ten(self) -> None:
        await self.begin()
        for number in range(10):
            await self.put(number)
        stage = self.one
        marked = NumberSet(((1, 6),))
        await stage.messages.store(
            stage.inbox, marked, FlagChange("add", Flags(8)), new_operation()
        )

    async def gone(self) -> list[str]:
        """What each event says that went."""
        rows = await self.one.rows(
            "select uids::text from events where mailbox_id = %s and kind = 3 order by modseq",
            (self.one.inbox,),
        )
        return [str(packing.number_set(uids)) for (uids,) in rows]

    async def test_the_policy_first(self) -> None:
        await self.ten()
        stage = self.one
        waiting: list[Deferred[Any]] = []

        async def expire(tx: Tx) -> None:
            await tx.one(
                f"select * from expire_v1(%s, %s, 4, {packing.OPERATION})",
                (stage.inbox, EVER, *packing.operation(new_operation())),
            )
            waiting.append(stage.messages.expunge(stage.inbox, None, new_operation()))
            await stage.until_blocked()

        await stage.database.transaction("expire", expire)
        self.assertEqual(str((await waiting[0]).vanished), "5:6")
        self.assertEqual(await self.gone(), ["1:4", "5:6"])
        self.assertEqual(await stage.miscounted(), [])

    async def test_the_session_first(self) -> None:
        await self.ten()
        stage, retention = self.one, Retention(self.one.database)
        waiting: list[Deferred[Any]] = []

        async def expunge(tx: Tx) -> None:
            await tx.one(
                EXPUNGE, (stage.inbox, packing.EVERY_UID, *packing.operation(new_operation()))
            )
            waiting.append(retention.expire(stage.inbox, EVER, 2, new_operation()))
            await stage.until_blocked()

        await stage.database.transaction("expunge", expunge)
        self.assertEqual(str((await waiting[0]).vanished), "7:8")
        self.assertEqual(await self.gone(), ["1:6", "7:8"])
        self.assertEqual(await stage.miscounted(), [])

    async def test_policies_of_two_nodes_while_sessions_expunge_and_mail_comes(self) -> None:
        await self.ten()
        stage = self.one
        told: list[NumberSet] = []

        async def policies() -> None:
            for _ in range(6):
                applied = Policies(
                    Retention(stage.database),
                    ServerRetention(NOW),
                    clock=reactor,  # type: ignore[arg-type]
                    wake_interval=0.0,
                    told=lambda expunged: told.append(expunged.vanished),
                    messages=2,
                )
                await applied.apply(lambda: False)

        async def session() -> None:
            for number in range(10, 25):
                uid = await self.put(number)
                if number % 3:
                    await stage.messages.store(
                        stage.inbox,
                        NumberSet.of([uid]),
                        FlagChange("add", Flags(8)),
                        new_operation(),
                    )
                    expunged = await stage.messages.expunge(stage.inbox, None, new_operation())
                    if expunged.vanished:
                        told.append(expunged.vanished)

        await gather(*[Deferred.fromCoroutine(each()) for each in (policies, policies, session)])
        await policies()
        self.assertEqual(await stage.value("select count(*) from messages"), 0)
        numbers = [uid for each in told for uid in each]
        self.assertEqual(sorted(numbers), list(range(1, 26)))
        self.assertEqual(await stage.value("select count(*) from expunged"), 25)
        self.assertEqual(sorted(await self.gone()), sorted(str(each) for each in told))
        self.assertEqual(await stage.miscounted(), [])
