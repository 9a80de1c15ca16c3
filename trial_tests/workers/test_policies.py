"""sora.workers.policies"""

from datetime import timedelta
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.storage.rows import Expunged, RetentionOwner, RetentionRule, ServerRetention
from sora.threads import Threads
from sora.workers.cleaner import Cleaned, Cleaner, Graces
from sora.workers.policies import Policies
from trial_tests.mailbox.bodies_world import World, message

DAY = 86400.0


class PoliciesTests(TestCase):
    """On storage in memory."""

    async def setUp(self) -> None:
        threads = Threads(reactor, 2, "policies")
        threads.startService()
        self.addCleanup(threads.stopService)
        self.world = await World(threads).open()
        self.clock: Clock = self.world.clock
        self.arrivals = self.world.arrivals("direct")
        self.told: list[Expunged] = []

    async def deliver(self, *numbers: int) -> None:
        for number in numbers:
            await self.world.deliver(self.arrivals, message(number))

    def clean(self, server: ServerRetention) -> Cleaned:
        policies = Policies(
            self.world.storage.retention,
            server,
            clock=self.clock,
            wake_interval=3600.0,
            told=self.told.append,
            messages=2,
        )
        cleaner = Cleaner(
            self.world.storage.cleaning,
            {"main": self.world.objects},
            clock=self.clock,
            random=Random(5),
            graces=Graces(14 * DAY),
            policies=policies,
        )
        round_ = Deferred.fromCoroutine(cleaner.clean())
        while not round_.called:
            self.clock.advance(0.1)
        return self.successResultOf(round_)

    async def test_what_is_too_old_is_expunged_and_told_of_in_small_parts(self) -> None:
        await self.deliver(0, 1, 2)
        self.clock.advance(20 * DAY)
        await self.deliver(3, 4)
        self.clock.advance(11 * DAY)
        cleaned = self.clean(ServerRetention(timedelta(days=30)))
        self.assertEqual((cleaned.expired, cleaned.expunged), (3, 0))
        self.assertEqual([str(each.vanished) for each in self.told], ["1:2", "3"])
        self.assertEqual(self.told[0].modseq, self.told[1].before)
        mailbox = self.world.storage.tables.mailboxes[self.world.inbox]
        self.assertEqual(sorted(mailbox.messages), [4, 5])
        self.assertEqual({event.operation.actor for event in mailbox.events[-2:]}, {"retention"})
        self.clock.advance(3600)
        self.assertEqual(self.clean(ServerRetention(timedelta(days=30))).expired, 0)
        self.clock.advance(15 * DAY)
        self.assertEqual(self.clean(ServerRetention(timedelta(days=30))).expunged, 3)

    async def test_a_rule_of_the_account_that_keeps_all(self) -> None:
        await self.deliver(0)
        self.clock.advance(400 * DAY)
        mailbox = self.world.storage.tables.mailboxes[self.world.inbox]
        owner = RetentionOwner(mailbox.account_id)
        await self.world.storage.retention.set(owner, RetentionRule("", None))
        self.assertEqual(self.clean(ServerRetention(timedelta(days=30))).expired, 0)
        self.assertEqual(self.told, [])
