"""sora.breaker"""

from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.breaker import Breaker, State
from sora.errors import StoreRefused, Unavailable
from sora.retry import Delays


class BreakerTests(SynchronousTestCase):
    """Closed, open, half-open."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.probes: list[Deferred[None]] = []
        self.states: list[State] = []
        self.breaker = Breaker(
            "thing",
            self.probe,
            clock=self.clock,
            random=Random(1),
            failures=3,
            delays=Delays(first=1.0, longest=8.0),
            changed=self.states.append,
        )

    def probe(self) -> Deferred[None]:
        self.probes.append(Deferred())
        return self.probes[-1]

    def call(self, error: Exception | None = None) -> object:
        """What a call through the breaker gives: a result, or the error's class."""

        async def work() -> str:
            if error is not None:
                raise error
            return "done"

        answer = Deferred.fromCoroutine(self.breaker.run(work))
        failure = None if error is None and not self.breaker.is_open else answer
        if failure is None:
            return self.successResultOf(answer)
        return type(self.failureResultOf(answer).value)

    def fail(self, times: int) -> None:  # type: ignore[override]
        for _ in range(times):
            self.call(Unavailable("no answer"))

    def test_calls_pass_while_it_is_closed(self) -> None:
        self.assertEqual(self.call(), "done")
        self.assertIs(self.breaker.state, State.CLOSED)

    def test_failures_in_a_row_open_it(self) -> None:
        self.fail(2)
        self.assertEqual(self.call(), "done")
        self.fail(2)
        self.assertIs(self.breaker.state, State.CLOSED)
        self.fail(1)
        self.assertIs(self.breaker.state, State.OPEN)
        self.assertIs(self.call(), Unavailable)

    def test_a_refusal_is_an_answer(self) -> None:
        """G5: a 4xx does not trip a breaker, it resets the count."""
        for _ in range(10):
            self.assertIs(self.call(StoreRefused("no")), StoreRefused)
        self.fail(2)
        self.call(StoreRefused("no"))
        self.fail(2)
        self.assertIs(self.breaker.state, State.CLOSED)

    def test_it_closes_by_its_own_probe_without_any_traffic(self) -> None:
        """G11"""
        self.fail(3)
        self.clock.advance(1.0)
        self.assertIs(self.breaker.state, State.HALF_OPEN)
        self.assertIs(self.call(), Unavailable)
        self.probes[0].callback(None)
        self.assertIs(self.breaker.state, State.CLOSED)
        self.assertEqual(self.call(), "done")
        self.assertEqual(self.states, [State.OPEN, State.HALF_OPEN, State.CLOSED])

    def test_a_probe_that_fails_waits_longer(self) -> None:
        self.fail(3)
        for longest in (1.0, 2.0, 4.0, 8.0, 8.0):
            self.assertIs(self.breaker.state, State.OPEN)
            [timer] = self.clock.getDelayedCalls()
            wait = timer.getTime() - self.clock.seconds()
            self.assertGreaterEqual(wait, longest / 2)
            self.assertLessEqual(wait, longest)
            self.clock.advance(wait)
            self.probes[-1].errback(Unavailable("still away"))
        self.clock.advance(8.0)
        self.probes[-1].callback(None)
        self.assertIs(self.breaker.state, State.CLOSED)

    def test_a_probe_that_is_refused_is_answered(self) -> None:
        self.fail(3)
        self.clock.advance(1.0)
        self.probes[0].errback(StoreRefused("not yours"))
        self.assertIs(self.breaker.state, State.CLOSED)

    def test_a_late_success_of_a_call_from_before_does_not_close_it(self) -> None:
        late: Deferred[str] = Deferred()
        answer = Deferred.fromCoroutine(self.breaker.run(lambda: late))
        self.fail(3)
        late.callback("late")
        self.assertEqual(self.successResultOf(answer), "late")
        self.assertIs(self.breaker.state, State.OPEN)

    def test_stopping_ends_probes(self) -> None:
        self.fail(3)
        self.clock.advance(1.0)
        self.successResultOf(Deferred.fromCoroutine(self.breaker.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
