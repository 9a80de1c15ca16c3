"""Races on a real PostgreSQL, each forced into its worst order with transactions held open."""

from collections.abc import Iterable
from datetime import timedelta
from random import Random

from twisted.internet.defer import Deferred

from sora.deferreds import gather
from sora.errors import ExpungeIssued
from sora.mail.flags import DELETED, FLAGGED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.postgres import packing
from sora.storage.postgres.arriving import place_parameters
from sora.storage.postgres.database import Tx
from sora.storage.postgres.messages import EXPUNGE, PLACE
from sora.storage.postgres.transferring import TRANSFER
from sora.storage.rows import Fate, FlagChange, NewLogin, Placement, Want
from trial_tests.storage.postgres.stage import (
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)

NOW = timedelta(0)
STORES = ("disk", "s3")


async def place_in(tx: Tx, stage: Stage, content: bytes) -> None:
    """A delivery as part of a transaction that stays open."""
    parameters = place_parameters(stage.account.scope_id, arrival_of(content), [stage.target()])
    await tx.all(PLACE, (*parameters, *packing.operation(new_operation())))


class CleanerTests(StageTestCase):
    """A delivery against the cleaner on the same content (trap 5, G3)."""

    async def unreferenced(self) -> tuple[Stage, bytes, int]:
        """A live content that nothing refers to any more."""
        stage = await self.stage()
        content = bytes_of(1)
        placed = await stage.put(content)
        await stage.expunge(stage.inbox, [placed.placed[0].uid])
        await stage.cleaning.purge_expunged(NOW, 10)
        return stage, content, placed.content_id

    async def test_the_cleaner_first_the_delivery_makes_a_content_of_its_own(self) -> None:
        stage, content, old = await self.unreferenced()
        started: list[Deferred[Placement]] = []

        async def clean(tx: Tx) -> None:
            self.assertEqual(await tx.value("select condemn_v1('0', 10)"), 1)
            started.append(Deferred.fromCoroutine(stage.put(content)))
            await stage.until_blocked()

        await stage.database.transaction("clean", clean)
        placed = await started[0]
        self.assertEqual(placed.placed[0].fate, Fate.PLACED)
        self.assertNotEqual(placed.content_id, old)
        self.assertEqual(b"".join(await stage.uploads.staged(placed.content_id, 0, 9)), content)

    async def test_the_delivery_first_the_cleaner_leaves_the_content(self) -> None:
        stage, content, old = await self.unreferenced()

        async def deliver(tx: Tx) -> None:
            await place_in(tx, stage, content)
            self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)

        await stage.database.transaction("deliver", deliver)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)
        self.assertEqual(await stage.rows("select id, state from contents"), [(old, "live")])

    async def test_a_delivery_that_rolls_back_leaves_it_to_the_cleaner(self) -> None:
        stage, content, _ = await self.unreferenced()

        async def deliver(tx: Tx) -> None:
            await place_in(tx, stage, content)
            raise ExpungeIssued("something else failed")

        with self.assertRaises(ExpungeIssued):
            await stage.database.transaction("deliver", deliver)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 1)

    async def test_a_message_that_went_and_came_again_keeps_its_content(self) -> None:
        """The orphan's mark is removed when a reference is found, and made anew later."""
        stage, content, old = await self.unreferenced()
        again = await stage.put(content)
        self.assertEqual(again.content_id, old)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)
        await stage.expunge(stage.inbox, [again.placed[0].uid])
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 1)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 1)

    async def test_many_deliveries_and_a_cleaner_that_never_rests(self) -> None:
        stage = await self.stage()
        contents = [bytes_of(number) for number in range(3)]
        random = Random(7)
        running = True

        async def clean() -> int:
            condemned = 0
            while running:
                await stage.cleaning.purge_expunged(NOW, 10)
                condemned += await stage.cleaning.condemn(NOW, 10)
                found = await stage.cleaning.condemned(STORES, 10, NOW)
                await stage.cleaning.forget([one.object_id for one in found])
            return condemned

        async def deliver() -> None:
            for _ in range(25):
                placed = await stage.put(random.choice(contents))
                uid = placed.placed[0].uid
                read = await stage.messages.read(
                    stage.inbox, NumberSet.of([uid]), frozenset({Want.BODY})
                )
                body = read.messages[0].body
                assert body is not None
                pieces = await stage.uploads.staged(body.content_id, 0, 9)
                self.assertIn(b"".join(pieces), contents)
                await stage.expunge(stage.inbox, [uid])

        cleaning = Deferred.fromCoroutine(clean())
        await gather(deliver(), deliver(), deliver())
        running = False
        self.assertGreater(await cleaning, 0)
        self.assertEqual(await stage.miscounted(), [])


class SameBytesTests(StageTestCase):
    """Two deliveries of the same bytes (G2)."""

    async def test_the_second_waits_and_uses_what_the_first_made(self) -> None:
        stage = await self.stage()
        content = bytes_of(1)
        started: list[Deferred[Placement]] = []

        async def first(tx: Tx) -> None:
            await place_in(tx, stage, content)
            started.append(Deferred.fromCoroutine(stage.put(content, stage.trash)))
            await stage.until_blocked()

        await stage.database.transaction("first", first)
        second = await started[0]
        self.assertEqual(second.placed[0].fate, Fate.PLACED)
        self.assertEqual(await stage.rows("select id from contents"), [(second.content_id,)])
        self.assertEqual(await stage.value("select count(*) from objects"), 1)
        self.assertEqual(await stage.value("select count(*) from staging"), 1)

    async def test_the_first_fails_and_the_second_stands_alone(self) -> None:
        stage = await self.stage()
        content = bytes_of(1)
        started: list[Deferred[Placement]] = []

        async def first(tx: Tx) -> None:
            await place_in(tx, stage, content)
            started.append(Deferred.fromCoroutine(stage.put(content, stage.trash)))
            await stage.until_blocked()
            raise ExpungeIssued("something else failed")

        with self.assertRaises(ExpungeIssued):
            await stage.database.transaction("first", first)
        second = await started[0]
        self.assertEqual(await stage.rows("select id from contents"), [(second.content_id,)])
        self.assertEqual(b"".join(await stage.uploads.staged(second.content_id, 0, 9)), content)

    async def test_many_at_once_make_one_content_and_ascending_uids(self) -> None:
        """G29"""
        stage = await self.stage()
        placed = await gather(*(stage.put(bytes_of(1)) for _ in range(16)))
        self.assertEqual(len({one.content_id for one in placed}), 1)
        self.assertEqual(sorted(one.placed[0].uid for one in placed), list(range(1, 17)))
        by_uid = sorted((one.placed[0].uid, one.placed[0].modseq) for one in placed)
        modseqs = [modseq for _, modseq in by_uid]
        self.assertEqual(modseqs, sorted(set(modseqs)))

    async def test_a_retry_during_the_first_delivery_is_a_duplicate(self) -> None:
        """G42"""
        stage = await self.stage()
        content = bytes_of(1)
        arrival = arrival_of(content)

        async def deliver(mailbox_id: int) -> Placement:
            target = stage.target(mailbox_id, recipient="a@example.org", received_hash=arrival.hash)
            return await stage.messages.place(
                stage.account.scope_id, arrival, [target], new_operation()
            )

        both = await gather(deliver(stage.inbox), deliver(stage.trash))
        fates = sorted(one.placed[0].fate for one in both)
        self.assertEqual(fates, [Fate.DUPLICATE, Fate.PLACED])
        self.assertEqual({one.placed[0].uid for one in both}, {1})


class CopyTests(StageTestCase):
    """COPY against EXPUNGE."""

    async def test_the_expunge_first_nothing_is_copied(self) -> None:
        stage = await self.stage()
        uids = NumberSet.of(await stage.put_many(4))
        await stage.messages.store(
            stage.inbox, NumberSet.of([2]), FlagChange("add", Flags(DELETED)), new_operation()
        )
        started = []

        async def expunge(tx: Tx) -> None:
            await tx.one(EXPUNGE, (stage.inbox, "{[1,9)}", *packing.operation(new_operation())))
            copying = stage.messages.copy(
                stage.inbox, uids, stage.account.id, "Trash", new_operation()
            )
            started.append(copying)
            await stage.until_blocked()

        await stage.database.transaction("expunge", expunge)
        with self.assertRaises(ExpungeIssued):
            await started[0]
        self.assertEqual((await stage.mailboxes.find(stage.account.id, "Trash")).messages, 0)

    async def test_the_copy_first_the_copies_outlive_the_originals(self) -> None:
        stage = await self.stage()
        uids = await stage.put_many(4)
        started = []

        async def copy(tx: Tx) -> None:
            await tx.one(
                TRANSFER,
                (
                    stage.inbox,
                    NumberSet.of(uids).multirange(),
                    stage.account.id,
                    "Trash",
                    False,
                    *packing.operation(new_operation()),
                ),
            )
            started.append(Deferred.fromCoroutine(stage.expunge(stage.inbox, uids)))
            await stage.until_blocked()

        await stage.database.transaction("copy", copy)
        await started[0]
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 99), 4)
        self.assertEqual(await stage.cleaning.condemn(NOW, 99), 0)
        read = await stage.messages.read(stage.trash, NumberSet.of(uids), frozenset({Want.HEADER}))
        self.assertEqual(
            [message.header for message in read.messages], [bytes_of(n) for n in range(4)]
        )
        self.assertEqual(await stage.miscounted(), [])

    async def test_copies_both_ways_at_once_do_not_deadlock(self) -> None:
        """G17: mailboxes are locked in the order of their ids."""
        stage = await self.stage()
        here = NumberSet.of(await stage.put_many(5))
        there = NumberSet.of(await stage.put_many(5, stage.trash))
        await gather(
            *(
                stage.messages.copy(box, uids, stage.account.id, name, new_operation())
                for box, uids, name in [
                    (stage.inbox, here, "Trash"),
                    (stage.trash, there, "INBOX"),
                ]
                * 8
            )
        )
        self.assertEqual(await stage.miscounted(), [])
        self.assertEqual(
            await stage.rows("select messages from mailboxes order by id"), [(45,), (45,)]
        )


class CounterTests(StageTestCase):
    """STORE against delivery, with the counters recounted (G16, trap 4)."""

    async def test_a_store_that_waited_for_a_delivery_counts_right(self) -> None:
        stage = await self.stage()
        await stage.put_many(3)
        started = []

        async def deliver(tx: Tx) -> None:
            await place_in(tx, stage, bytes_of(9))
            storing = stage.messages.store(
                stage.inbox, NumberSet(((1, 99),)), FlagChange("add", Flags(SEEN)), new_operation()
            )
            started.append(storing)
            await stage.until_blocked()

        await stage.database.transaction("deliver", deliver)
        stored = await started[0]
        self.assertEqual(list(stored.changed.uids), [1, 2, 3, 4])
        self.assertEqual((await stage.mailboxes.find(stage.account.id, "INBOX")).unseen, 0)
        self.assertEqual(await stage.miscounted(), [])

    async def test_everything_at_once_and_the_counters_are_right(self) -> None:
        stage = await self.stage()
        await stage.put_many(10)
        random = Random(3)

        async def trouble() -> None:
            for _ in range(15):
                uids = NumberSet.of(random.sample(range(1, 40), 6))
                what = random.randrange(5)
                if what == 0:
                    await stage.put(bytes_of(random.randrange(50)), flags=Flags(SEEN))
                elif what == 1:
                    mode = random.choice(["add", "remove", "replace"])
                    flags = Flags(random.choice([SEEN, DELETED, FLAGGED]), ("$Junk",))
                    await stage.messages.store(
                        stage.inbox, uids, FlagChange(mode, flags), new_operation()
                    )
                elif what == 2:
                    await stage.messages.expunge(stage.inbox, uids, new_operation())
                elif what == 3:
                    await stage.messages.move(
                        stage.inbox, uids, stage.account.id, "Trash", new_operation()
                    )
                else:
                    opened = await stage.mailboxes.open(stage.account.id, "INBOX")
                    self.assertEqual(opened.mailbox.messages, len(opened.states.uids))
                    unseen = sum(not mask & SEEN for mask in opened.states.masks)
                    self.assertEqual(opened.mailbox.unseen, unseen)

        await gather(*(trouble() for _ in range(6)))
        self.assertEqual(await stage.miscounted(), [])
        broken = await stage.rows(
            "select * from (select before, lag(modseq) over (partition by mailbox_id"
            " order by modseq) as last from events) e where before < last"
        )
        self.assertEqual(broken, [])


class LastLoginTests(StageTestCase):
    """Processes to which the same users log in."""

    async def test_they_wait_for_each_other_and_the_latest_stays(self) -> None:
        """Whoever comes first, and in whatever order they know their users: never in a circle."""
        stage = await self.stage()
        account = stage.account.id

        def note(numbers: Iterable[int], age: float, protocol: str) -> "Deferred[None]":
            return stage.credentials.note_logins(
                [NewLogin(account, number, age, protocol, "") for number in numbers]
            )

        numbers = range(1, 301)
        await note(numbers, 3600, "pop3")
        for _ in range(5):
            await gather(note(numbers, 5, "imap"), note(reversed(numbers), 60, "managesieve"))
        rows = await stage.rows(
            "select protocol, count(*), bool_and(at > now() - interval '40 seconds') from logins"
            " group by protocol"
        )
        self.assertEqual(rows, [("imap", 300, True)])
