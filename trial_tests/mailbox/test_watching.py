"""Watches: what they collect, and what of it reaches them from where."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mailbox.watching import News, Watch, Watchers
from trial_tests.mailbox.test_open_mailboxes import MailboxTestCase, add


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.watchers = Watchers()
        self.calls = 0
        self.me = object()
        self.watch = Watch(self.watchers, self.called, lambda source: source is self.me)
        self.watch.follow({1: 10, 2: 20}, {7: 100})

    def called(self) -> None:
        self.calls += 1

    def news(self) -> News | None:
        """What there is to take, if there is; it counts as read."""
        if not self.watch.has_news:
            return None
        news = self.watch.begin_reading()
        self.watch.follow({1: 10, 2: 20}, {7: 100})
        return news

    def test_what_is_followed_and_new(self) -> None:
        for mailbox_id, modseq in ((1, 10), (1, 9), (3, 99)):
            self.watchers.mailbox_changed(mailbox_id, modseq)
        self.assertIsNone(self.news())
        self.watchers.mailbox_changed(1, 11)
        self.watchers.mailbox_changed(2, 21)
        self.assertEqual(self.calls, 1)
        self.assertEqual(self.news(), News(mailboxes=True, names=False, by_others=False))

    def test_names(self) -> None:
        self.watchers.names_changed(8)
        self.assertIsNone(self.news())
        self.watchers.names_changed(7)
        self.watchers.names_changed(7)
        self.assertEqual(self.calls, 1)
        self.assertEqual(self.news(), News(mailboxes=False, names=True, by_others=True))

    def test_its_own_changes_are_no_news(self) -> None:
        """RFC 5465 §5."""
        self.watchers.mailbox_changed(1, 11, 10, self.me)
        self.assertIsNone(self.news())
        self.assertFalse(self.watch.is_behind(1, 11))
        self.assertTrue(self.watch.is_behind(1, 12))
        self.watchers.names_changed(7, self.me)
        self.assertEqual(self.news(), News(mailboxes=False, names=True, by_others=False))

    def test_unless_something_else_happened_before(self) -> None:
        self.watchers.mailbox_changed(1, 12, 11, self.me)
        self.assertTrue(self.watch.is_behind(1, 12))
        self.watchers.mailbox_changed(1, 11, 10)
        self.assertIsNotNone(self.news())

    def test_others_with_its_own_names(self) -> None:
        self.watchers.names_changed(7, self.me)
        self.watchers.names_changed(7)
        self.assertEqual(self.calls, 2)
        self.assertEqual(self.news(), News(mailboxes=False, names=True, by_others=True))

    def test_what_happens_while_it_is_read(self) -> None:
        self.watchers.mailbox_changed(1, 11)
        self.watch.begin_reading()
        # Of the first the reading knows, of the second it does not; the third is new to it.
        for mailbox_id, modseq in ((1, 12), (2, 22), (3, 31)):
            self.watchers.mailbox_changed(mailbox_id, modseq)
        self.assertEqual(self.calls, 1)
        self.watch.follow({1: 12, 2: 21}, {7: 100})
        self.assertEqual(self.calls, 2)
        self.watch.begin_reading()
        self.watch.follow({2: 22, 3: 31}, {7: 100})
        self.assertFalse(self.watch.has_news)

    def test_a_reading_that_fails_loses_nothing(self) -> None:
        self.watchers.mailbox_changed(1, 11)
        self.watchers.names_changed(7)
        news = self.watch.begin_reading()
        self.watchers.mailbox_changed(2, 21)
        self.watch.give_back(news)
        self.assertEqual(self.news(), News(mailboxes=True, names=True, by_others=True))

    def test_the_poll(self) -> None:
        self.watchers.found({1: 10, 2: 20}, {7: 100})
        self.assertIsNone(self.news())
        self.watchers.found({1: 11}, {7: 101})
        self.assertEqual(self.news(), News(mailboxes=True, names=True, by_others=True))
        self.watchers.found({}, {7: 101})
        self.assertIsNone(self.news())

    def test_nothing_is_left_of_one_that_ends(self) -> None:
        other = Watch(self.watchers, self.called, lambda source: False)
        other.follow({1: 10}, {7: 100})
        self.watchers.mailbox_changed(1, 11)
        self.watch.end()
        self.assertFalse(self.watch.has_news)
        self.assertEqual([*self.watchers.mailboxes], [1])
        self.assertEqual([*self.watchers.accounts], [7])
        other.end()
        self.assertEqual([*self.watchers.mailboxes, *self.watchers.accounts], [])
        self.assertEqual(self.watchers._versions, {})


class SourcesTests(MailboxTestCase):
    """What a process hears of, with nobody having the mailbox open."""

    async def setUp(self) -> None:
        await super().setUp()
        self.calls = 0
        self.watch = Watch(
            self.process.open_mailboxes.watchers, self.called, lambda source: source is self.ann
        )
        self.addCleanup(self.watch.end)
        await self.read()

    def called(self) -> None:
        self.calls += 1

    async def read(self) -> None:
        """Read all there is and follow it."""
        self.watch.begin_reading()
        listing = await self.ann.listing()
        self.watch.follow(
            {row.id: row.highest_modseq for row in listing.mailboxes},
            {self.row.id: listing.version},
        )
        self.assertFalse(self.watch.has_news)
        self.calls = 0

    async def test_sessions_of_this_process(self) -> None:
        other = self.process.session(self.row)
        await self.fill(other, 1)
        self.assertEqual(self.calls, 1)
        await self.read()
        for work in (
            other.create("new"),
            other.rename("new", "newer"),
            other.subscribe("newer"),
            other.unsubscribe("newer"),
            other.delete("newer"),
        ):
            await work
            self.assertEqual(self.calls, 1)
            await self.read()

    async def test_the_session_itself(self) -> None:
        await self.fill(self.ann, 2)
        await self.fill(self.ann, 2, to="Other")
        self.assertEqual(self.calls, 0)
        self.assertFalse(self.watch.has_news)

    async def test_changes_of_flags(self) -> None:
        theirs = await self.select()
        await theirs.store([1], add("\\Seen"), silent=False)
        self.assertEqual(self.calls, 1)

    async def test_the_poll_when_nobody_rings(self) -> None:
        """Another process, and no doorbell."""
        self.process.poll.startService()
        self.addCleanup(self.process.poll.stopService)
        stranger = self.world.process().session(self.row)
        await self.fill(stranger, 1)
        self.assertEqual(self.calls, 0)
        self.world.clock.pump([1.0] * 3)
        self.assertEqual(self.calls, 1)
        await self.read()
        await stranger.create("new")
        self.world.clock.pump([1.0] * 3)
        self.assertEqual(self.calls, 1)

    async def test_the_poll_costs_two_questions_however_much_is_followed(self) -> None:
        self.process.poll.startService()
        self.addCleanup(self.process.poll.stopService)
        await self.select()
        self.cost()
        self.world.clock.advance(2.0)
        cost = self.cost()
        cost.pop("membership.beat", None)
        self.assertEqual(cost, {"mailboxes.poll": 1, "mailboxes.versions": 1})
