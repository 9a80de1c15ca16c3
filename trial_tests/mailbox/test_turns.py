"""Which session a message is \\Recent in, of all the processes' sessions (RFC 3501 §2.3.2)."""

from sora.errors import Unavailable
from sora.mailbox.change_poll import BEATS, INTERVAL
from sora.mailbox.selected import Selected
from sora.mailbox.turns import ATTENTION, Recency
from sora.storage.rows import Turn
from trial_tests.mailbox.test_open_mailboxes import MailboxTestCase
from trial_tests.mailbox.world import Process


def recent(*selected: Selected) -> list[list[int]]:
    """What is \\Recent in each session, when it has been told all."""
    for one in selected:
        one.updates(may_expunge=True)
    return [list(one.view.recent_uids) for one in selected]


class AloneTests(MailboxTestCase):
    """One process: the turn costs nothing."""

    async def test_it_is_kept_with_the_mailbox(self) -> None:
        one = await self.select()
        await one.close()
        await self.fill(self.ann, 1)
        self.cost()
        self.assertEqual(recent(await self.select(), await self.select()), [[4], []])
        self.assertEqual(self.cost(), {})

    async def test_examine_takes_nothing_and_what_selects_then_asks(self) -> None:
        """G34"""
        reader = await self.select(read_only=True)
        self.assertEqual(recent(reader), [[1, 2, 3]])
        self.cost()
        self.assertEqual(recent(await self.select()), [[1, 2, 3]])
        self.assertEqual(self.cost(), {"mailboxes.changes": 1})
        self.assertEqual(recent(await self.select(read_only=True)), [[]])

    async def test_the_next_process_knows_what_this_one_has_told(self) -> None:
        self.process.poll.startService()
        await self.select()
        await self.process.poll.stopService()
        await self.fill(self.ann, 1)
        after = self.world.process()
        self.assertEqual(recent(await self.select(process=after)), [[4]])

    async def test_mail_of_a_mailbox_that_is_forgotten(self) -> None:
        selected = await self.select()
        await selected.close()
        self.world.clock.advance(3600)
        self.process.open_mailboxes.cool()
        self.assertEqual(self.cost().get("mailboxes.end_turns"), 1)
        await self.fill(self.ann, 1)
        self.assertEqual(self.process.open_mailboxes.recent(await self.row_of()), 1)
        self.assertEqual(recent(await self.select()), [[4]])

    async def row_of(self) -> object:
        return await self.ann.status("INBOX")


class TwoProcessesTests(MailboxTestCase):
    """Two processes that know of each other."""

    alone = False

    async def setUp(self) -> None:
        await super().setUp()
        self.other = self.world.process(alone=False)
        for process in (self.process, self.other):
            process.poll.startService()
            self.addCleanup(process.poll.stopService)
        self.pass_time(BEATS * INTERVAL)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / INTERVAL)):
            self.world.clock.advance(INTERVAL)

    async def news(self, *of: Selected) -> list[list[int]]:
        """One more message, and what is then \\Recent in each session."""
        await self.fill(self.ann, 1)
        for one in of:
            await one.refresh()
        return recent(*of)

    async def test_a_message_is_recent_in_one_session(self) -> None:
        here, there = await self.select(), await self.select(process=self.other)
        self.assertEqual(recent(here, there), [[1, 2, 3], []])
        self.assertEqual(await self.news(there, here), [[], [1, 2, 3, 4]])
        second = await self.select()
        self.assertEqual(await self.news(there, second, here), [[], [5], [1, 2, 3, 4]])

    async def test_who_selects_where_nobody_is_has_the_news(self) -> None:
        here = await self.select()
        await here.close()
        await self.fill(self.ann, 1)
        there = await self.select(process=self.other)
        self.assertEqual(recent(there), [[4]])
        here = await self.select()
        self.assertEqual(recent(here), [[]], "it is warm, and the turn is elsewhere")
        self.assertEqual(await self.news(here, there), [[], [4, 5]])

    async def test_what_nobody_saw_waits_for_the_next(self) -> None:
        here, there = await self.select(), await self.select(process=self.other)
        await self.fill(self.ann, 1)
        await there.refresh()
        recent(there)
        await here.close()
        self.assertEqual(recent(await self.select(process=self.other), there), [[4], []])

    async def test_the_turn_goes_over_to_sessions_that_are_there(self) -> None:
        here, there = await self.select(), await self.select(process=self.other)
        await here.close()
        self.pass_time(INTERVAL)
        self.assertEqual(await self.news(there), [[4]])

    async def test_it_goes_over_when_its_process_dies(self) -> None:
        await self.select(process=self.other)
        here = await self.select()
        self.other.poll._loop.stop()  # it is heard of no more
        self.pass_time(32)
        self.assertEqual(await self.news(here), [[4]])

    async def test_who_was_not_heard_of_does_not_say_any_more(self) -> None:
        """Before others believe that it is dead."""
        here = await self.select()
        there = await self.select(process=self.other)
        self.process.poll._loop.stop()
        self.world.clock.advance(30)
        self.process.poll._loop.start(INTERVAL)
        self.pass_time(2 * BEATS * INTERVAL)
        told = await self.news(here, there)
        self.assertEqual(sum(4 in one for one in told), 1, told)

    async def test_who_does_not_ask_loses_the_turn_until_he_does(self) -> None:
        here, there = await self.select(), await self.select(process=self.other)
        await self.fill(self.ann, 1)
        self.pass_time(ATTENTION + 2 * INTERVAL)
        await there.close()
        self.assertEqual(recent(await self.select(process=self.other)), [[4]])
        self.assertEqual(recent(here), [[1, 2, 3]])

    async def test_of_two_that_do_not_ask_the_first_that_does_has_the_next(self) -> None:
        here = await self.select()
        await self.fill(self.ann, 1)
        self.pass_time(ATTENTION + 2 * INTERVAL)
        self.assertEqual(recent(here), [[1, 2, 3]])
        self.pass_time(INTERVAL)
        self.assertEqual(await self.news(here), [[1, 2, 3, 5]])

    async def test_turns_are_given_back_when_storage_is_there_again(self) -> None:
        here = await self.select()
        real = self.process.open_mailboxes.turns._mailboxes

        class Away:
            def __getattr__(self, name: str) -> object:
                if name == "end_turns":
                    raise Unavailable("the database is away")
                return getattr(real, name)

        self.process.open_mailboxes.turns._mailboxes = Away()  # type: ignore[assignment]
        await here.close()
        self.assertEqual(recent(await self.select(process=self.other)), [[]])
        self.process.open_mailboxes.turns._mailboxes = real
        self.pass_time(2 * INTERVAL)
        self.assertEqual(recent(await self.select(process=self.other)), [[]])
        await self.fill(self.ann, 1)
        self.assertEqual(recent(await self.select(process=self.other)), [[4]])

    async def test_nothing_is_asked_or_written_for_what_arrives(self) -> None:
        here, there = await self.select(), await self.select(process=self.other)
        self.cost()
        await self.news(here, there)
        self.assertEqual(
            self.cost(), {"messages.place": 1, "mailboxes.poll": 2, "mailboxes.changes": 1}
        )


class MeetingTests(MailboxTestCase):
    """A process that was alone meets another one."""

    async def test_it_lets_go_of_what_nobody_has_open(self) -> None:
        self.process.poll.startService()
        self.addCleanup(self.process.poll.stopService)
        here = await self.select()
        await here.close()
        await self.fill(self.ann, 1)
        other: Process = self.world.process(alone=False)
        self.assertEqual(recent(await self.select(process=other)), [[]])
        self.process.open_mailboxes.met()
        self.world.clock.advance(INTERVAL)
        self.assertEqual(recent(await self.select(process=other)), [[4]])


class RecencyTests(MailboxTestCase):
    """Answers in any order."""

    def test_a_turn_that_was_given_back_does_not_come_again(self) -> None:
        recency = Recency()
        recency.heard(Turn(3, 7))
        recency.learned(9)
        self.assertEqual(recency.end(), Turn(3, 9))
        recency.heard(Turn(3, 7))
        self.assertFalse(recency.is_ours)
        recency.heard(Turn(4, 9))
        recency.heard(None)
        recency.heard(Turn(0, 5))
        self.assertTrue(recency.is_ours)
        self.assertEqual(recency.known, 9)

    def test_what_is_told_twice_takes_nothing_back(self) -> None:
        recency = Recency()
        recency.heard(Turn(3, 7))
        recency.learned(9)
        recency.heard(Turn(3, 7))
        self.assertEqual(recency.known, 9)
