"""The pool, on a Clock and with connections that are plain objects made by its factory."""

from collections.abc import Callable
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import ShuttingDown, Unavailable
from sora.metrics.database import DatabaseMetrics
from sora.retry import Delays
from sora.storage.postgres.pool import Limits, Pool


class Line:
    """A connection to nothing."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.open = True
        self.busy = False
        self.lost: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<line {self.number}>"

    @property
    def usable(self) -> bool:
        return self.open and not self.busy

    def check(self) -> bool:
        return self.usable

    def close(self) -> None:
        self.open = False

    def hang_up(self) -> None:
        """The server closes it."""
        self.open = False
        if self.lost is not None:
            self.lost()


class Server:
    """Opens lines, at once or when told, or refuses."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.attempts = 0
        self.down = False
        self.slow: list[Deferred[None]] | None = None

    async def open(self) -> Line:
        self.attempts += 1
        if self.slow is not None:
            wait: Deferred[None] = Deferred()
            self.slow.append(wait)
            await wait
        if self.down:
            raise Unavailable("The database at nowhere cannot be reached: refused")
        line = Line(len(self.lines))
        self.lines.append(line)
        return line

    @property
    def open_lines(self) -> list[int]:
        return [line.number for line in self.lines if line.open]


class PoolTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.server = Server()
        self.registry = CollectorRegistry()

    def pool(self, **limits: object) -> Pool[Line]:
        wanted: dict[str, object] = {
            "minimum": 0,
            "maximum": 2,
            "lifetime": 100.0,
            "idle_time": 50.0,
            "acquire_timeout": 5.0,
            "queue": 3,
            "sweep": 10.0,
            "opening": Delays(first=1.0, longest=4.0),
        }
        return Pool(
            self.server.open,
            Limits(**(wanted | limits)),  # type: ignore[arg-type]
            clock=self.clock,
            random=Random(0),
            metrics=DatabaseMetrics(self.registry),
        )

    def ask(self, pool: Pool[Line]) -> "Deferred[Line]":
        return Deferred.fromCoroutine(pool.acquire())

    def take(self, pool: Pool[Line]) -> Line:
        return self.successResultOf(self.ask(pool))

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(name, {"role": "primary"})


class QueueTests(PoolTestCase):
    def test_opens_at_need_and_reuses(self) -> None:
        pool = self.pool()
        line = self.take(pool)
        pool.release(line)
        self.assertIs(self.take(pool), line)
        self.assertEqual(self.server.attempts, 1)

    def test_never_opens_more_than_the_maximum(self) -> None:
        pool = self.pool()
        self.take(pool), self.take(pool)
        third = self.ask(pool)
        self.assertNoResult(third)
        self.assertEqual(self.server.attempts, 2)
        self.assertEqual((pool.size, pool.idle, pool.waiting), (2, 0, 1))

    def test_serves_in_the_order_of_asking(self) -> None:
        pool = self.pool(maximum=1)
        line = self.take(pool)
        waiting = [self.ask(pool) for _ in range(3)]
        for asked in waiting:
            self.assertNoResult(asked)
            pool.release(line)
            self.assertIs(self.successResultOf(asked), line)

    def test_exhaustion_is_in_the_log_once_a_minute(self) -> None:
        """`grep database | grep pool` finds it. A server that is away is no exhaustion."""
        told: list[str] = []

        def hear(event: dict[str, Any]) -> None:
            if event["log_level"] is LogLevel.warn:
                told.append(formatEvent(event))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        pool = self.pool(maximum=1)
        line = self.take(pool)
        for _ in range(3):
            asked = self.ask(pool)
            self.clock.advance(6)
            self.failureResultOf(asked, Unavailable)
        [said] = told
        self.assertIn("database pool primary is exhausted: all 1 connections are in use", said)
        before, self.server.down = pool.exhausted_at, True
        line.close()
        pool.release(line)
        asked = self.ask(pool)
        self.clock.advance(6)
        self.failureResultOf(asked, Unavailable)
        self.assertEqual(pool.exhausted_at, before)

    def test_the_queue_is_bounded(self) -> None:
        """G23"""
        pool = self.pool(maximum=1)
        self.take(pool)
        waiting = [self.ask(pool) for _ in range(3)]
        self.failureResultOf(self.ask(pool), Unavailable)
        for asked in waiting:
            self.assertNoResult(asked)
        self.assertEqual(self.metric("sora_db_pool_exhaustion_total"), 1)
        self.assertEqual(pool.exhausted_at, self.clock.seconds())
        self.clock.advance(5)
        for asked in waiting:
            self.failureResultOf(asked, Unavailable)

    def test_waiting_is_bounded_in_time_and_leaves_the_queue(self) -> None:
        """G23"""
        pool = self.pool(maximum=1)
        line = self.take(pool)
        asked = self.ask(pool)
        self.clock.advance(4.9)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        self.failureResultOf(asked, Unavailable)
        self.assertEqual(pool.waiting, 0)
        self.assertEqual(self.metric("sora_db_connection_acquire_timeout_total"), 1)
        pool.release(line)
        self.assertEqual(pool.idle, 1)

    def test_a_cancelled_waiter_is_forgotten(self) -> None:
        pool = self.pool(maximum=1)
        line = self.take(pool)
        first, second = self.ask(pool), self.ask(pool)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        pool.release(line)
        self.assertIs(self.successResultOf(second), line)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_opening_that_nobody_waits_for_any_more_is_kept(self) -> None:
        self.server.slow = []
        pool = self.pool()
        asked = self.ask(pool)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.server.slow.pop().callback(None)
        self.assertEqual((pool.size, pool.idle), (1, 1))

    def test_a_free_connection_serves_whoever_waits_for_an_opening(self) -> None:
        pool = self.pool()
        line = self.take(pool)
        self.server.slow = []
        asked = self.ask(pool)
        pool.release(line)
        self.assertIs(self.successResultOf(asked), line)

    def test_the_gauges_tell_the_state(self) -> None:
        pool = self.pool(maximum=1)
        line = self.take(pool)
        asked = self.ask(pool)
        self.assertEqual(self.metric("sora_db_pool_in_use_conns"), 1)
        self.assertEqual(self.metric("sora_db_pool_waiting"), 1)
        pool.release(line)
        pool.release(self.successResultOf(asked))
        self.assertEqual(self.metric("sora_db_pool_in_use_conns"), 0)
        self.assertEqual(self.metric("sora_db_pool_idle_conns"), 1)
        self.assertEqual(self.metric("sora_db_pool_waiting"), 0)


class ReplacementTests(PoolTestCase):
    def test_a_connection_that_comes_back_dirty_is_closed_and_replaced(self) -> None:
        """G13"""
        pool = self.pool(maximum=1)
        line = self.take(pool)
        asked = self.ask(pool)
        line.busy = True
        pool.release(line)
        self.assertFalse(line.open)
        self.assertEqual(self.successResultOf(asked).number, 1)

    def test_a_connection_that_the_server_closed_is_never_given_out(self) -> None:
        pool = self.pool()
        line = self.take(pool)
        pool.release(line)
        line.hang_up()
        self.assertEqual(pool.size, 0)
        self.assertEqual(self.take(pool).number, 1)

    def test_a_dead_connection_is_found_before_its_use(self) -> None:
        pool = self.pool()
        line = self.take(pool)
        pool.release(line)
        line.open = False  # and nobody was told
        self.assertEqual(self.take(pool).number, 1)

    def test_a_connection_ends_with_its_lifetime(self) -> None:
        pool = self.pool()
        line = self.take(pool)
        pool.release(line)
        self.clock.advance(100)
        self.assertEqual(self.take(pool).number, 1)
        self.assertFalse(line.open)

    def test_lifetimes_differ(self) -> None:
        pool = self.pool(maximum=20, minimum=20)
        pool.start()
        open_at = []
        for _ in range(10):
            self.clock.advance(1)
            open_at.append(len(self.server.open_lines))
        self.clock.advance(79)
        replaced = set()
        for _ in range(20):
            self.clock.advance(1)
            replaced.add(len(self.server.lines))
        self.assertEqual(pool.size, 20)
        self.assertGreater(len(replaced), 1)
        self.successResultOf(Deferred.fromCoroutine(pool.close()))

    def test_a_reset_leaves_the_server(self) -> None:
        """G21"""
        pool = self.pool()
        used, idle = self.take(pool), self.take(pool)
        pool.release(idle)
        pool.reset()
        self.assertFalse(idle.open)
        self.assertTrue(used.open)
        pool.release(used)
        self.assertFalse(used.open)
        self.assertEqual(self.take(pool).number, 2)

    def test_an_opening_from_before_a_reset_is_not_used(self) -> None:
        self.server.slow = []
        pool = self.pool(maximum=1)
        asked = self.ask(pool)
        pool.reset()
        self.server.slow.pop().callback(None)
        self.assertNoResult(asked)
        self.server.slow.pop().callback(None)
        self.assertEqual(self.successResultOf(asked).number, 1)


class BackgroundTests(PoolTestCase):
    def test_opens_the_minimum_and_keeps_it(self) -> None:
        pool = self.pool(minimum=2, maximum=4)
        pool.start()
        self.assertEqual(self.server.open_lines, [0, 1])
        self.server.lines[0].hang_up()
        self.assertEqual(self.server.open_lines, [1, 2])
        self.successResultOf(Deferred.fromCoroutine(pool.close()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closes_what_was_idle_too_long_down_to_the_minimum(self) -> None:
        pool = self.pool(minimum=1, maximum=4)
        pool.start()
        taken = [self.take(pool) for _ in range(4)]
        for line in taken:
            pool.release(line)
        for _ in range(6):
            self.clock.advance(10)
        self.assertEqual(pool.size, 1)
        self.assertEqual(self.server.open_lines, [3])
        self.successResultOf(Deferred.fromCoroutine(pool.close()))


class DownTests(PoolTestCase):
    def test_attempts_are_spaced_while_the_server_is_down(self) -> None:
        self.server.down = True
        pool = self.pool(acquire_timeout=60.0, maximum=10)
        asked = [self.ask(pool) for _ in range(3)]
        begun = self.server.attempts
        for _ in range(600):
            self.clock.advance(0.1)
        for each in asked:
            self.failureResultOf(each, Unavailable)
        self.assertLess(self.server.attempts - begun, 35)

    def test_who_waits_gets_a_connection_when_the_server_is_back(self) -> None:
        self.server.down = True
        pool = self.pool()
        asked = [self.ask(pool) for _ in range(2)]
        self.clock.advance(0.1)
        self.server.down = False
        self.clock.advance(1)
        for each in asked:
            self.successResultOf(each)

    def test_who_waited_in_vain_hears_why(self) -> None:
        self.server.down = True
        pool = self.pool()
        asked = self.ask(pool)
        for _ in range(10):
            self.clock.advance(0.5)
        self.assertIn("refused", self.failureResultOf(asked, Unavailable).getErrorMessage())

    def test_nobody_waits_and_nobody_asks_again(self) -> None:
        self.server.down = True
        pool = self.pool(acquire_timeout=0.5)
        self.failureResultOf(self.expire(self.ask(pool)), Unavailable)
        attempts = self.server.attempts
        self.clock.advance(60)
        self.assertEqual(self.server.attempts, attempts)

    def expire(self, asked: "Deferred[Line]") -> "Deferred[Line]":
        self.clock.advance(0.5)
        return asked


class CloseTests(PoolTestCase):
    def test_refuses_who_waits_and_who_comes(self) -> None:
        """G67"""
        pool = self.pool(maximum=1)
        line = self.take(pool)
        asked = self.ask(pool)
        closed = Deferred.fromCoroutine(pool.close())
        self.failureResultOf(asked, ShuttingDown)
        self.failureResultOf(self.ask(pool), ShuttingDown)
        self.assertNoResult(closed)
        pool.release(line)
        self.successResultOf(closed)
        self.assertFalse(line.open)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closes_under_their_users_after_the_grace(self) -> None:
        """G67"""
        pool = self.pool()
        line = self.take(pool)
        closed = Deferred.fromCoroutine(pool.close(grace=3))
        self.clock.advance(3)
        self.successResultOf(closed)
        self.assertFalse(line.open)
        pool.release(line)

    def test_waits_for_openings(self) -> None:
        self.server.slow = []
        pool = self.pool()
        asked = self.ask(pool)
        closed = Deferred.fromCoroutine(pool.close())
        self.failureResultOf(asked, ShuttingDown)
        self.assertNoResult(closed)
        self.server.slow.pop().callback(None)
        self.successResultOf(closed)
        self.assertEqual(self.server.open_lines, [])
