"""Deliveries on a real PostgreSQL: their races in the worst order, lost answers, statements."""

from typing import Any
from uuid import uuid4

from attrs import evolve
from twisted.internet.defer import Deferred

from sora.deferreds import gather
from sora.errors import OutcomeUnknown
from sora.mail.flags import SEEN, Flags
from sora.storage.postgres import packing
from sora.storage.postgres.database import Tx
from sora.storage.postgres.delivering import (
    DELIVER,
    DELIVER_PLAINLY,
    deliver_parameters,
    delivered,
    is_plain,
    plain_parameters,
)
from sora.storage.rows import Claim, Claimed, Delivered, Fate, Memory, ObjectPlace, Target
from trial_tests.storage.postgres.stage import (
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)
from trial_tests.support.postgres import LoseAnswer

HOUR = 3600


class DeliveringCase(StageTestCase):
    """Claims of one account."""

    def claim(self, stage: Stage, *mailboxes: int, **how: Any) -> Claim:
        how = {"recipient": "a@example.org", "received_hash": b"received", **how}
        targets = tuple(stage.target(mailbox_id) for mailbox_id in mailboxes)
        return Claim(uuid4(), stage.account.id, stage.inbox, targets=targets, **how)

    async def deliver(self, stage: Stage, *claims: Claim, number: int = 1) -> list[Claimed]:
        content = bytes_of(number)
        delivered = await stage.messages.deliver(
            [(stage.account.scope_id, arrival_of(content))], claims, new_operation()
        )
        return list(delivered.claims)

    async def inside(self, tx: Tx, stage: Stage, *claims: Claim, number: int = 1) -> None:
        """A delivery as part of a transaction that stays open."""
        arrivals = [(stage.account.scope_id, arrival_of(bytes_of(number)))]
        parameters = deliver_parameters(arrivals, claims)
        await tx.all(DELIVER, (*parameters, *packing.operation(new_operation())))


class RaceTests(DeliveringCase):
    async def test_a_retry_during_the_first_delivery_waits_and_is_a_duplicate(self) -> None:
        """G42: also when one of them would do nothing but claim."""
        stage = await self.stage()
        started: list[Deferred[list[Claimed]]] = []
        claims = [self.claim(stage), self.claim(stage, stage.inbox, stage.trash)]

        async def first(tx: Tx) -> None:
            await self.inside(tx, stage, claims[0])
            started.append(Deferred.fromCoroutine(self.deliver(stage, claims[1])))
            await stage.until_blocked()

        await stage.database.transaction("first", first)
        (claimed,) = await started[0]
        self.assertEqual((claimed.fate, claimed.is_own), (Fate.DUPLICATE, False))
        self.assertEqual(await stage.rows("select 1 from messages"), [])

    async def test_a_mailbox_that_goes_meanwhile_is_inbox_instead(self) -> None:
        """It was there when the delivery looked, and its lock is waited for: all is done again."""
        stage = await self.stage()
        started: list[Deferred[list[Claimed]]] = []

        async def delete(tx: Tx) -> None:
            await tx.do("update mailboxes set deleted_at = now() where id = %s", (stage.trash,))
            claim = self.claim(stage, stage.trash)
            started.append(Deferred.fromCoroutine(self.deliver(stage, claim)))
            await stage.until_blocked()

        await stage.database.transaction("delete", delete)
        (claimed,) = await started[0]
        self.assertEqual(
            [(placed.mailbox_id, placed.uid) for placed in claimed.placed], [(stage.inbox, 1)]
        )
        self.assertEqual(await stage.miscounted(), [])

    async def test_two_replies_at_once_are_one(self) -> None:
        """G43: the second waits for the first, whatever else they do."""
        stage = await self.stage()
        started: list[Deferred[list[Claimed]]] = []
        reply = (Memory(b"key", HOUR),)

        async def first(tx: Tx) -> None:
            await self.inside(
                tx, stage, self.claim(stage, stage.inbox, received_hash=b"1", vacations=reply)
            )
            other = self.claim(stage, stage.trash, received_hash=b"2", vacations=reply)
            started.append(Deferred.fromCoroutine(self.deliver(stage, other)))
            await stage.until_blocked()

        await stage.database.transaction("first", first)
        (claimed,) = await started[0]
        self.assertEqual((claimed.fate, claimed.vacations), (Fate.PLACED, frozenset()))

    async def test_crossing_deliveries_wait_in_one_order(self) -> None:
        """G17: mailboxes, keywords, quotas and memories in every order, and no deadlock."""
        stage = await self.stage()
        await stage.rows("update accounts set quota_messages = 100000 returning id")
        flags = [Flags(0, (f"$k{number}",)) for number in range(4)]

        async def one(number: int) -> Fate:
            boxes = [stage.inbox, stage.trash][:: 1 if number % 2 else -1]
            memories = [Memory(b"a", 0), Memory(b"b", HOUR), Memory(b"c", 0)]
            memories = memories[:: 1 if number % 3 else -1]
            claim = self.claim(
                stage,
                recipient=f"r{number}@example.org",
                vacations=tuple(memories),
                duplicates=tuple(memories),
            )
            targets = tuple(stage.target(box, flags[number % 4]) for box in boxes)
            (claimed,) = await self.deliver(
                stage, evolve(claim, targets=targets), number=number % 3
            )
            return claimed.fate

        before = await self.deadlocks(stage)
        fates = await gather(*(one(number) for number in range(40)))
        self.assertEqual(set(fates), {Fate.PLACED})
        self.assertEqual(await self.deadlocks(stage), before)
        self.assertEqual(await stage.value("select count(*) from messages"), 80)
        self.assertEqual(await stage.miscounted(), [])

    async def deadlocks(self, stage: Stage) -> int:
        found: int = await stage.value(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
        return found

    async def test_a_quota_is_not_passed_by_two_at_once(self) -> None:
        stage = await self.stage()
        await stage.rows("update accounts set quota_messages = 3 returning id")
        claims = [
            self.claim(stage, stage.inbox, stage.trash, recipient=f"r{number}@example.org")
            for number in range(4)
        ]
        fates = [one[0].fate for one in await gather(*(self.deliver(stage, c) for c in claims))]
        self.assertEqual(sorted(fates), [Fate.OVER_QUOTA] * 3 + [Fate.PLACED])
        self.assertEqual(await stage.value("select count(*) from messages"), 2)
        self.assertEqual(await stage.value("select count(*) from deliveries"), 1)


class LostAnswerTests(DeliveringCase):
    async def losing(self, **how: Any) -> tuple[Stage, LoseAnswer]:
        faults = LoseAnswer("deliver", **how)
        return await self.stage(faults=faults), faults

    async def test_a_delivery_is_proven(self) -> None:
        """G14: each recipient's fate, also of those for whom nothing was placed."""
        stage, faults = await self.losing()
        await stage.rows("delete from deliveries returning 1")
        reply = (Memory(b"key", HOUR), Memory(b"other", HOUR))
        content = bytes_of(1)
        name = (await stage.uploads.reserve("disk", 1))[0]
        arrival = arrival_of(content, object=ObjectPlace(name, "disk", None, len(content)))
        both = self.claim(stage, stage.trash, vacations=reply)
        both = evolve(
            both,
            targets=(stage.target(stage.trash, Flags(SEEN, ("$K",))), stage.target(424242)),
        )
        delivered = await stage.messages.deliver(
            [(stage.account.scope_id, arrival)],
            [both, self.claim(stage, recipient="nothing@example.org", vacations=reply[:1])],
            new_operation(),
        )
        self.assertEqual(faults.struck, ["deliver"])
        first, second = delivered.claims
        self.assertEqual((first.fate, first.vacations), (Fate.PLACED, {0, 1}))
        self.assertEqual(
            [(one.mailbox_id, one.uid, one.mask) for one in first.placed],
            [(stage.trash, 1, SEEN | 32), (stage.inbox, 1, 0)],
        )
        self.assertEqual((second.fate, second.placed, second.vacations), (Fate.PLACED, (), set()))
        content_id = await stage.value("select id from contents")
        self.assertEqual(delivered.contents, ((content_id, True),))

    async def test_a_claim_without_any_message_is_proven(self) -> None:
        stage, faults = await self.losing()
        delivered = await stage.messages.deliver([], [self.claim(stage)], new_operation())
        self.assertEqual(faults.struck, ["deliver"])
        self.assertEqual([one.fate for one in delivered.claims], [Fate.PLACED])

    async def test_what_was_not_sent_is_sent_again(self) -> None:
        faults = LoseAnswer(before=("deliver",))
        stage = await self.stage(faults=faults)
        (claimed,) = await self.deliver(stage, self.claim(stage, stage.inbox))
        self.assertEqual((faults.struck, claimed.fate), (["deliver"], Fate.PLACED))

    async def test_without_proof_it_is_not_known_and_the_next_try_knows_its_own_claim(self) -> None:
        """Nothing of it was possible; the second try happens and its answer is lost too often."""
        stage, _ = await self.losing()
        await stage.rows("update accounts set quota_messages = 0 returning id")
        claim = self.claim(stage, stage.inbox)
        with self.assertRaises(OutcomeUnknown):
            await self.deliver(stage, claim)
        await stage.rows("update accounts set quota_messages = null returning id")
        fates = [(await self.deliver(stage, claim))[0] for _ in range(2)]
        self.assertEqual(
            [(one.fate, one.is_own) for one in fates],
            [(Fate.PLACED, False), (Fate.DUPLICATE, True)],
        )


class StatementTests(DeliveringCase):
    async def test_fifty_recipients_with_everything_are_one_statement(self) -> None:
        stage = await self.stage()
        contents = [arrival_of(bytes_of(number)) for number in range(2)]

        def targets(number: int) -> tuple[Target, ...]:
            word = Flags(SEEN, (f"$k{number % 5}",))
            return (
                stage.target(stage.inbox, word),
                stage.target(stage.trash, arrival=1),
                stage.target(424242),
            )[: number % 4]

        claims = [
            evolve(
                self.claim(
                    stage,
                    recipient=f"r{number}@example.org",
                    vacations=(Memory(bytes([number]), HOUR),),
                    duplicates=(Memory(bytes([number]), HOUR),),
                ),
                targets=targets(number),
            )
            for number in range(50)
        ]
        stage.database.statements.clear()
        delivered = await stage.messages.deliver(
            [(stage.account.scope_id, one) for one in contents], claims, new_operation()
        )
        self.assertEqual(dict(stage.database.statements), {"deliver": 1})
        self.assertEqual(
            [(len(one.placed), one.vacations) for one in delivered.claims],
            [(number % 4, {0}) for number in range(50)],
        )
        self.assertEqual(await stage.miscounted(), [])

    async def test_reading_a_duplicate_is_one_statement(self) -> None:
        stage = await self.stage()
        stage.database.statements.clear()
        self.assertFalse(await stage.messages.seen_before(stage.account.id, b"key"))
        self.assertEqual(dict(stage.database.statements), {"seen_before": 1})

    async def test_contents_that_nobody_has_are_left_to_the_cleaner(self) -> None:
        stage = await self.stage()
        await stage.rows("update accounts set quota_messages = 0 returning id")
        await self.deliver(stage, self.claim(stage, stage.inbox))
        self.assertEqual(await stage.value("select count(*) from orphans"), 1)


class PlainTests(DeliveringCase):
    """`place_plain_v1` does what `place_v2` does, with half of the work."""

    async def long_way(self, stage: Stage, *what: Any) -> Delivered:
        arrivals, claims, operation = what

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            parameters = deliver_parameters(arrivals, claims)
            return await tx.all(DELIVER, (*parameters, *packing.operation(operation)))

        return delivered(arrivals, claims, await stage.database.run("long", work, write=True))

    async def story(self, stage: Stage, is_short: bool) -> list[Any]:
        """What can become of one message for INBOX; gives the answers."""

        async def deliver(number: int, received: bytes, **arrived: Any) -> Any:
            content = bytes_of(number)
            arrivals = [(stage.account.scope_id, arrival_of(content, **arrived))]
            target = evolve(
                stage.target(flags=Flags(SEEN if number % 2 else 0)), trace=b"T: x\\r\\n"
            )
            claim = evolve(self.claim(stage, received_hash=received), targets=(target,))
            self.assertTrue(is_plain(arrivals, [claim]))
            what = (arrivals, [claim], new_operation())
            if is_short:
                answer = await stage.messages.deliver(*what)
            else:
                answer = await self.long_way(stage, *what)
            again = await stage.messages.deliver(*what)
            if answer.missing:
                self.assertEqual(again.missing, answer.missing)
                return answer.missing
            # The times are others, and so are the modseqs and the UIDVALIDITY.
            placed = [
                (one.fate, one.mailbox_id, one.uid, one.uidvalidity > 0, one.mask, one.before > 0)
                for one in answer.claims[0].placed
            ]
            is_own = [one.claims[0].is_own for one in (answer, again)]
            return answer.claims[0].fate, placed, is_own, answer.contents, again.claims[0].fate

        names = await stage.uploads.reserve("disk", 1)
        size = len(bytes_of(8))
        answers = [
            await deliver(1, b"a"),
            await deliver(1, b"b"),
            await deliver(2, b"a"),
            await deliver(1, b"c", body=None),
            await deliver(3, b"d", body=None),
            await deliver(8, b"e", object=ObjectPlace(names[0], "disk", None, size)),
        ]
        await stage.rows("update accounts set quota_messages = 5 returning 1")
        answers += [await deliver(4, b"f"), await deliver(5, b"g"), await deliver(1, b"h")]
        await stage.rows("update accounts set quota_messages = null, quota_storage = 1 returning 1")
        answers += [await deliver(6, b"i")]
        await stage.rows("update accounts set quota_storage = null returning 1")
        gone = "update mailboxes set deleted_at = now() where id = %s returning 1"
        await stage.rows(gone, (stage.inbox,))
        answers += [await deliver(7, b"j")]
        return answers

    async def left(self, stage: Stage) -> list[Any]:
        """What all that has left behind."""
        return [
            await stage.rows(sql)
            for sql in (
                "select mailbox_id, uid, content_id, size, flags, trace, keywords, internal_zone"
                " from messages order by mailbox_id, uid",
                "select id, uidnext, messages, unseen, deleted, size from mailboxes order by id",
                "select recipient, received_hash, mailbox_id from deliveries order by 1, 2",
                "select content_id from orphans order by 1",
                "select mailbox_id, kind, uids::text from events order by modseq, mailbox_id",
                "select id, size, staging_slot is null from contents order by id",
                "select content_id, state, store from objects order by id is null, content_id",
            )
        ]

    async def test_both_ways_are_one(self) -> None:
        short, long = await self.stage(), await self.stage()
        self.assertEqual(await self.story(short, True), await self.story(long, False))
        self.assertEqual(await self.left(short), await self.left(long))
        self.assertEqual((await short.miscounted(), await long.miscounted()), ([], []))

    async def test_the_second_of_two_waits_and_is_a_duplicate(self) -> None:
        """G42"""
        stage = await self.stage()
        started: list[Deferred[list[Claimed]]] = []
        claims = [self.claim(stage, stage.inbox), self.claim(stage, stage.inbox)]

        async def first(tx: Tx) -> None:
            arrivals = [(stage.account.scope_id, arrival_of(bytes_of(1)))]
            parameters = plain_parameters(arrivals, claims[:1])
            await tx.all(DELIVER_PLAINLY, (*parameters, *packing.operation(new_operation())))
            started.append(Deferred.fromCoroutine(self.deliver(stage, claims[1])))
            await stage.until_blocked()

        await stage.database.transaction("first", first)
        (claimed,) = await started[0]
        self.assertEqual((claimed.fate, claimed.is_own), (Fate.DUPLICATE, False))
        self.assertEqual(len(await stage.rows("select 1 from messages")), 1)

    async def test_what_is_not_plain(self) -> None:
        stage = await self.stage()
        arrivals = [(stage.account.scope_id, arrival_of(bytes_of(1)))]
        claim = self.claim(stage, stage.inbox)
        [target] = claim.targets
        self.assertTrue(is_plain(arrivals, [claim]))
        memory = (Memory(b"key", HOUR),)
        for other in (
            evolve(claim, vacations=memory),
            evolve(claim, duplicates=memory),
            evolve(claim, targets=()),
            evolve(claim, targets=(target, target)),
            evolve(claim, targets=(evolve(target, mailbox_id=stage.trash),)),
            evolve(claim, targets=(evolve(target, account_id=77),)),
            evolve(claim, targets=(evolve(target, flags=Flags(0, ("$K",))),)),
        ):
            self.assertFalse(is_plain(arrivals, [other]), other)
        self.assertFalse(is_plain(arrivals, [claim, claim]))
        self.assertFalse(is_plain([], [claim]))
