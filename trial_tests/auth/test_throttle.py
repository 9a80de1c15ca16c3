from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.auth.throttle import Attempt, Throttle
from sora.config.servers import AuthRateLimit
from sora.net.networks import LOOPBACK, Networks
from sora.net.peer import Peer

HERE, THERE = Peer("192.0.2.1", 1), Peer("198.51.100.1", 1)


class ThrottleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.throttle = self.make()

    def make(self, capacity: int = 100, most_waiting: int = 5, **limits: Any) -> Throttle:
        return Throttle(
            self.clock,
            {
                "imap": AuthRateLimit(
                    **{"max_attempts_per_ip": 6, "max_attempts_per_username": 4, **limits}
                )
            },
            exempt=Networks(LOOPBACK),
            capacity=capacity,
            most_waiting=most_waiting,
        )

    def admit(self, peer: Peer = HERE, user: str = "a@b") -> "Deferred[Attempt | None]":
        return Deferred.fromCoroutine(self.throttle.admit(peer, user, "imap"))

    def delay(self, peer: Peer = HERE, user: str = "a@b", right: bool = False) -> float | None:
        """How long an attempt waits; None when it is blocked."""
        started = self.clock.seconds()
        admitted = self.admit(peer, user)
        for _ in range(100):
            if admitted.called:
                break
            self.clock.advance(1)
        attempt = self.successResultOf(admitted)
        if attempt is None:
            return None
        attempt.succeeded() if right else attempt.failed()
        return self.clock.seconds() - started

    def test_each_failure_makes_the_next_attempt_wait_longer(self) -> None:
        self.assertEqual([self.delay() for _ in range(4)], [0, 1, 2, 4])

    def test_a_right_password_forgives_the_pair(self) -> None:
        delays = [self.delay(), self.delay(), self.delay(right=True), self.delay()]
        self.assertEqual(delays, [0, 1, 2, 0])

    def test_an_address_with_too_many_failures_is_blocked_until_its_window_ends(self) -> None:
        for number in range(6):
            self.assertEqual(self.delay(user=f"{number}@b"), 0)
        self.assertIsNone(self.delay(user="new@b"))
        self.assertEqual((self.throttle.count_blocked(), self.throttle.entries), (1, (1, 7, 7)))
        self.assertEqual(self.delay(THERE, user="new@b"), 0)
        self.clock.advance(15 * 60)
        self.assertEqual(self.delay(user="other@b"), 0)

    def test_success_of_one_user_clears_no_failures_of_the_address(self) -> None:
        """G53"""
        for number in range(6):
            self.delay(user=f"{number}@b")
            self.delay(THERE, user="good@b", right=True)
        self.assertIsNone(self.delay())

    def test_this_machine_is_never_blocked_as_a_whole(self) -> None:
        delays = [self.delay(Peer("127.0.0.1"), user=f"{number}@b") for number in range(20)]
        self.assertEqual(delays, [0.0] * 20)

    def test_ipv6_addresses_of_one_subscriber_are_one(self) -> None:
        for number in range(6):
            self.delay(Peer(f"2001:db8::{number}"), user=f"{number}@b")
        self.assertIsNone(self.delay(Peer("2001:db8::ffff")))

    def test_a_user_under_attack_can_log_in_from_a_known_address(self) -> None:
        self.delay(THERE, right=True)
        for number in range(4):
            self.delay(Peer(f"203.0.113.{number}"))
        self.assertEqual(self.delay(Peer("203.0.113.77")), 30)
        self.assertEqual(self.delay(THERE, right=True), 0)

    def test_attempts_at_the_same_time_are_counted_before_they_are_looked_at(self) -> None:
        """G55"""
        self.delay(user="x@b")
        admitted = [self.admit(user=f"{number}@b") for number in range(10)]
        let_in = [self.successResultOf(each) for each in admitted]
        self.assertEqual(sum(attempt is not None for attempt in let_in), 5)
        for attempt in let_in:
            if attempt is not None:
                attempt.given_up()
        self.assertEqual(self.delay(user="y@b"), 0)

    def test_those_who_wait_are_bounded(self) -> None:
        """G55"""
        self.delay(Peer("127.0.0.1"))
        waiting = [self.admit(Peer("127.0.0.1")) for _ in range(7)]
        self.assertEqual([each.called for each in waiting], [False] * 5 + [True] * 2)
        self.assertEqual(self.throttle.waiting, 5)
        self.clock.advance(30)
        self.assertEqual(self.throttle.waiting, 0)
        results = [self.successResultOf(each) for each in waiting]
        self.assertEqual([each is not None for each in results], [True] * 5 + [False] * 2)

    def test_maps_are_bounded(self) -> None:
        """G55"""
        self.throttle = self.make(capacity=10)
        for number in range(50):
            self.delay(Peer(f"203.0.113.{number}"), f"{number}@b", right=number % 2 == 0)
        sizes = [
            len(self.throttle._addresses.entries),
            len(self.throttle._users.entries),
            len(self.throttle._pairs.entries),
            len(self.throttle._good),
        ]
        self.assertTrue(all(size <= 10 for size in sizes), sizes)

    def test_right_passwords_leave_nothing_behind(self) -> None:
        self.delay(right=True)
        self.assertEqual(len(self.throttle._addresses.entries), 0)

    def test_it_can_be_turned_off(self) -> None:
        self.throttle = self.make(enabled=False)
        self.assertEqual([self.delay() for _ in range(20)], [0.0] * 20)
