"""When a message is tried again, and when it is given up."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from sora.relay.entry import Answer, Entry, Fate, new_entry
from sora.relay.interfaces import Outgoing, OutgoingRecipient
from sora.relay.policy import Policy

DAY = 86400.0
LATER = Answer(Fate.WAITING, 451, "4.7.1", "greylisted", "mx")
SENT = Answer(Fate.SENT, 250)


def entry_of(*recipients: OutgoingRecipient) -> Entry:
    return new_entry("x", Outgoing("redirect", "ann@example.com", recipients), 10, False, 0.0)


ONE = OutgoingRecipient("a@b")
TWO = OutgoingRecipient("c@d", ("DELAY",))


class PolicyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.random = Random(4)
        self.policy = Policy()

    def life(self, policy: Policy, is_counted: bool) -> tuple[list[float], Entry]:
        """Attempts until the message is given up: when each was made."""
        entry, now, moments = entry_of(ONE), 0.0, []
        while entry.remaining and len(moments) < 10_000:
            moments.append(now)
            if is_counted:
                attempt = policy.answered(entry, now, {0: LATER}, self.random)
            else:
                attempt = policy.unreachable(entry, now, "away", self.random)
            entry = entry.after(attempt)
            self.assertGreater(entry.due, now)
            now = entry.due
        return moments, entry

    def test_delays_grow_and_are_spread(self) -> None:
        for attempts, bound in ((1, 60), (2, 300), (6, 86400), (60, 86400)):
            delays = [self.policy.delay(attempts, self.random) for _ in range(200)]
            self.assertTrue(all(0.8 * bound <= delay <= 1.2 * bound for delay in delays))
            self.assertGreater(len(set(delays)), 100)

    def test_refused_for_now_ten_times_takes_four_days(self) -> None:
        moments, entry = self.life(self.policy, True)
        self.assertEqual(len(moments), 10)
        self.assertGreater(moments[-1], 3 * DAY)
        self.assertLess(moments[-1], 5.5 * DAY)
        self.assertEqual(entry.answers[0].fate, Fate.EXPIRED)
        self.assertEqual((entry.answers[0].code, entry.answers[0].status), (451, "4.7.1"))

    def test_a_server_that_is_away_uses_up_nothing(self) -> None:
        """G5: five days, however often it was tried."""
        moments, entry = self.life(self.policy, False)
        self.assertGreater(len(moments), 1000)
        self.assertGreaterEqual(moments[-1], 5 * DAY)
        self.assertEqual(entry.attempts, 0)
        self.assertEqual(entry.answers[0], Answer(Fate.EXPIRED, 0, "4.4.7", "away"))

    def test_what_is_sent_is_not_given_up(self) -> None:
        policy = Policy(max_attempts=1)
        entry = entry_of(ONE, TWO)
        after = entry.after(policy.answered(entry, 9 * DAY, {0: SENT, 1: LATER}, self.random))
        self.assertEqual([answer.fate for answer in after.answers], [Fate.SENT, Fate.EXPIRED])
        after = entry.after(policy.answered(entry, 9 * DAY, {0: SENT, 1: SENT}, self.random))
        self.assertEqual(after.remaining, ())

    def test_who_wants_to_hear_of_delays(self) -> None:
        """RFC 3461 §4.1: only who said so."""
        self.assertFalse(self.policy.is_to_be_warned(entry_of(ONE), DAY))
        entry = entry_of(ONE, TWO)
        self.assertFalse(self.policy.is_to_be_warned(entry, 3600.0))
        self.assertTrue(self.policy.is_to_be_warned(entry, 4 * 3600.0))

    def test_without_delays(self) -> None:
        self.assertEqual(Policy(retry_backoff=()).delay(3, self.random), 0.0)
