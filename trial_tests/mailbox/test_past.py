"""What is past, below the protocols: numbers, news, and what is not made there."""

from array import array
from datetime import timedelta
from random import Random

from attrs import evolve
from twisted.internet.defer import fail
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.addresses import parse_address
from sora.errors import Unavailable
from sora.mail.flags import parse_flags
from sora.mail.numbers import NumberSet
from sora.mailbox.account import Account
from sora.mailbox.folders import Folders
from sora.mailbox.listing import Query, may_lead_below
from sora.mailbox.mail_store import MailStore
from sora.mailbox.past import PastNamespace
from sora.mailbox.past_numbers import PastNumbers
from sora.mailbox.selected import Selected
from sora.storage.rows import FlagChange, Listing
from trial_tests.mailbox.world import World, message, spool

NOTHING = timedelta(0)


class NumbersTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        random = Random(1)
        for size in (0, 1, 2, 50):
            uids = sorted(random.sample(range(1, 200), size))
            sources = random.sample(range(1, 200), size)
            numbers = PastNumbers(array("Q", uids), array("Q", sources))
            for uid, source in zip(uids, sources, strict=True):
                self.assertEqual(numbers.uid(source), uid)
                self.assertEqual(list(numbers.sources(NumberSet.of([uid]))), [source])
            self.assertEqual(list(numbers.sources(NumberSet(((1, 500),)))), sources)
            self.assertEqual(numbers.known([*sources, 999]), uids)
            missing = set(range(1, 200)) - set(sources)
            self.assertEqual(numbers.known(sorted(missing)), [])


class PatternTests(SynchronousTestCase):
    def leads(self, pattern: str, prefix: str = "Deleted/", **query: bool) -> bool:
        listing = Listing(1, (), ("INBOX",))
        return may_lead_below(listing, Query("", (pattern,), **query), prefix)

    def test_which_patterns_may_match(self) -> None:
        for pattern in ("*", "%", "D%", "Deleted", "Deleted/", "Deleted/x", "Deleted/%/y", "*x"):
            self.assertTrue(self.leads(pattern), pattern)
        for pattern in ("INBOX", "X*", "Deletedx", "Delete", "deleted/x", "Deleted2/%", "Work/*"):
            self.assertFalse(self.leads(pattern), pattern)
        for pattern in ("Old", "Old/Mail", "Old/%", "Old/Mail/x"):
            self.assertTrue(self.leads(pattern, "Old/Mail/"), pattern)
        self.assertFalse(self.leads("Old/Letters", "Old/Mail/"))
        self.assertFalse(self.leads(""))

    def test_which_selections_may(self) -> None:
        self.assertFalse(self.leads("*", only_special_use=True))
        self.assertFalse(self.leads("*", only_subscribed=True))
        self.assertTrue(self.leads("*", "INB", only_subscribed=True))


class PastTests(TestCase):
    async def setUp(self) -> None:
        self.world = World()
        self.row = await self.world.add_account("ann@example.com", "Work")
        self.process = self.world.process()
        self.past = self.world.storage.past
        self.ann = self.session()
        for number in range(4):
            await self.ann.appending.append("Work", parse_flags(()), None, spool(message(number)))
        await self.expunge(1, 2)

    def session(self) -> Account:
        storage = self.world.storage
        self.process.mail_store = MailStore(
            storage.mailboxes,
            storage.messages,
            self.process.arrivals,
            self.process.bodies,
            self.process.open_mailboxes,
            self.process.poll,
            self.world.clock,
            rights=storage.rights,
            quotas=storage.quotas,
            metadata=storage.metadata,
            past=PastNamespace("Deleted/", self.past),
        )
        return self.process.session(self.row)

    async def expunge(self, *uids: int) -> None:
        work = await self.ann.select("Work", False)
        await work.store(uids, FlagChange("add", parse_flags(["\\Deleted"])), True)
        await work.expunge()
        await work.close()

    async def select(self) -> Selected:
        selected = await self.ann.select("Deleted/Work", False)
        self.assertEqual((selected.name, selected.view.exists), ("Deleted/Work", 2))
        self.assertTrue(selected.read_only)
        return selected

    async def test_news(self) -> None:
        """What is gone is told as EXPUNGE, what is new as EXISTS."""
        selected = await self.select()
        await self.expunge(4)
        await self.world.storage.cleaning.purge_expunged(NOTHING, 1)
        self.assertFalse(selected.updates(True))
        await selected.refresh()
        updates = selected.updates(True)
        self.assertEqual((updates.expunged, updates.exists), (((1, 1),), 2))
        self.assertEqual(list(selected.view.uids), [2, 3])

    async def test_the_mailbox_itself_is_gone(self) -> None:
        """Then nothing is left in its past; the session goes on."""
        selected = await self.select()
        await self.ann.delete("Work")
        await selected.refresh()
        self.assertEqual(selected.updates(True).exists, 4)
        for _ in range(9):
            await self.world.storage.cleaning.purge_expunged(NOTHING, 100)
        await selected.refresh()
        self.assertEqual(len(selected.updates(True).expunged), 4)
        self.assertFalse(selected.is_deleted)
        await selected.refresh()

    async def test_a_database_that_is_away_is_no_news(self) -> None:
        selected = await self.select()
        broken = fail(Unavailable("away"))
        self.patch(type(self.past), "changes", lambda *args: broken)
        await selected.refresh()
        self.assertFalse(selected.updates(True))

    async def test_no_script_makes_a_mailbox_there(self) -> None:
        recipient = await self.process.delivery.resolve(parse_address("ann@example.com"))
        assert recipient is not None
        folders = Folders(evolve(self.process.folders(), past="Deleted/"), recipient)
        self.assertIsNone(await folders.find("Deleted/Work"))
        self.assertIsNone(await folders.make("Deleted/Work"))
        self.assertIsNotNone(await folders.make("Other"))
