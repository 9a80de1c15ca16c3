"""sora.tracing.spans: whose a span is, when much goes on at the same time."""

import sys
from random import Random

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.deferreds import Tasks, gather, in_turn
from sora.tracing.spans import MAX_SPANS, Trace, begin, current_trace, entered
from sora.tracing.tracer import Tracer


class TraceTestCase(SynchronousTestCase):
    """A tracer that tells everything, on a clock that stands."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.told: list[Trace] = []
        self.tracer = Tracer(self.told.append, seconds=self.clock.seconds, random=Random(7))


def names(trace: Trace) -> list[str]:
    """The spans below the root."""
    return [span.name for span in trace.spans]


class OwnershipTests(TraceTestCase):
    """Spans go to the trace of the coroutine that begins them, and to no other."""

    def test_sessions_that_run_at_the_same_time_keep_their_spans(self) -> None:
        """Two conversations wait for Deferreds that the other one fires, in the middle of its own
        command: each goes on in its own trace."""
        gates: list[Deferred[None]] = [Deferred() for _ in range(6)]

        async def session(number: int) -> None:
            for turn in range(3):
                trace = self.tracer.begin("imap", f"{number}.{turn}")
                with entered("work", f"{number}.{turn}"):
                    others = gates[2 * turn + 1 - number]
                    if not others.called:
                        others.callback(None)  # the other one goes on within this call
                    await gates[2 * turn + number]
                    leaf = begin("postgresql", f"{number}.{turn}")
                    assert leaf is not None
                    leaf.end()
                self.assertIs(current_trace(), trace)
                trace.end()
                self.assertIsNone(current_trace())

        both = [Deferred.fromCoroutine(session(0)), Deferred.fromCoroutine(session(1))]
        for gate in gates:
            if not gate.called:
                gate.callback(None)
        for one in both:
            self.successResultOf(one)
        self.assertEqual(len(self.told), 6)
        for trace in self.told:
            self.assertEqual(names(trace), [trace.root.name] * 2)
            work, leaf = trace.spans
            self.assertEqual((work.parent_id, leaf.parent_id), (trace.root.id, work.id))
        self.assertIsNone(current_trace())

    def test_what_is_gathered_is_in_the_trace(self) -> None:
        """Coroutines that are started at the same time belong to who started them."""
        gate: Deferred[None] = Deferred()

        async def statement(name: str) -> None:
            span = begin("postgresql", name)
            await gate
            assert span is not None
            span.end()

        async def command() -> None:
            trace = self.tracer.begin("imap", "FETCH")
            await gather(statement("one"), statement("two"))
            trace.end()

        done = Deferred.fromCoroutine(command())
        gate.callback(None)
        self.successResultOf(done)
        self.assertEqual(names(self.told[0]), ["one", "two"])
        self.assertEqual(self.told[0].totals["postgresql"][0], 2)

    def test_work_that_nobody_awaits_is_in_no_trace(self) -> None:
        """A worker that a session has poked does not do its work in the session's name; work that
        the session waits for does."""
        tasks = Tasks()

        async def work() -> None:
            span = begin("postgresql", "claim")
            if span is not None:
                span.end()

        async def command() -> None:
            trace = self.tracer.begin("imap", "APPEND")
            tasks.start(work(), "poked")
            self.assertIs(current_trace(), trace)
            self.assertEqual(trace.spans, [])
            await tasks.start(work(), "needed", awaited=True)
            trace.end()

        self.successResultOf(Deferred.fromCoroutine(command()))
        self.assertEqual(names(self.told[0]), ["claim"])

    def test_who_waits_for_a_place_goes_on_in_its_own_trace(self) -> None:
        """The place is given by whoever had it before, in the middle of that one's trace."""
        places = DeferredSemaphore(1)
        gates: list[Deferred[None]] = [Deferred(), Deferred()]

        async def command(number: int) -> None:
            trace = self.tracer.begin("lmtp", str(number))

            async def work() -> None:
                with entered("work", str(number)):
                    await gates[number]

            await in_turn(places, work)
            trace.end()

        both = [Deferred.fromCoroutine(command(0)), Deferred.fromCoroutine(command(1))]
        for gate in gates:
            gate.callback(None)
        for one in both:
            self.successResultOf(one)
        self.assertEqual([(t.root.name, names(t)) for t in self.told], [("0", ["0"]), ("1", ["1"])])
        self.assertEqual(places.tokens, 1)

    def test_what_goes_on_after_the_end_adds_nothing(self) -> None:
        """A statement that was begun is told as not finished; the next one is nobody's."""
        gate: Deferred[None] = Deferred()

        async def late() -> None:
            begin("postgresql", "first")
            await gate
            self.assertIsNone(begin("postgresql", "second"))
            with entered("sieve", "third") as span:
                self.assertIsNone(span)

        async def command() -> None:
            trace = self.tracer.begin("imap", "NOOP")
            self.going_on = Deferred.fromCoroutine(late())
            trace.end()

        self.successResultOf(Deferred.fromCoroutine(command()))
        gate.callback(None)
        self.successResultOf(self.going_on)
        self.assertEqual(names(self.told[0]), ["first"])
        self.assertIsNone(self.told[0].spans[0].ended)

    def test_a_coroutine_that_is_thrown_away_disturbs_nobody(self) -> None:
        """Closed in the middle of a block, in the context of somebody else."""

        async def left() -> None:
            self.tracer.begin("imap", "left")
            with entered("work", "left"):
                await Deferred()

        coroutine = left()
        running = Deferred.fromCoroutine(coroutine)

        async def other() -> None:
            trace = self.tracer.begin("imap", "other")
            coroutine.close()
            self.assertIs(current_trace(), trace)
            trace.end()

        self.successResultOf(Deferred.fromCoroutine(other()))
        self.assertNoResult(running)
        self.assertEqual([trace.root.name for trace in self.told], ["other"])


class BoundTests(TraceTestCase):
    """A command may do very much."""

    def test_spans_beyond_the_limit_are_added_up(self) -> None:
        """How many there were, and how long they took, is not lost."""
        trace = self.tracer.begin("imap", "FETCH")
        for _ in range(MAX_SPANS + 20):
            span = begin("cache", "get")
            assert span is not None
            self.clock.advance(0.01)
            span.end()
        trace.end()
        facts = self.told[0].root.facts
        self.assertEqual(len(trace.spans), MAX_SPANS)
        self.assertEqual(facts["sora.spans_left_out"], 20)
        self.assertEqual(facts["sora.cache.count"], MAX_SPANS + 20)
        self.assertAlmostEqual(float(facts["sora.cache.seconds"]), (MAX_SPANS + 20) * 0.01, 4)

    def test_an_error_is_its_name(self) -> None:
        """Never its text, which may say whose mail it was."""
        trace = self.tracer.begin("lmtp", "message")
        with self.assertRaises(KeyError), entered("sieve", "run"):
            raise KeyError("anna@example.com")
        trace.end()
        self.assertEqual(trace.spans[0].error, "KeyError")


class OffTests(SynchronousTestCase):
    """Without tracing, what is in the code for it costs next to nothing."""

    def test_nothing_is_made(self) -> None:
        """Not one block of memory is allocated for ten thousand spans that nobody wants."""

        def statements(count: int) -> None:
            for _ in range(count):
                begin("postgresql", "deliver")
                with entered("sieve", "run"):
                    pass

        statements(100)
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += event == "call"

        before = sys.getallocatedblocks()
        statements(10_000)
        self.assertLess(sys.getallocatedblocks() - before, 20)
        previous = sys.getprofile()
        sys.setprofile(count)
        try:
            statements(100)
        finally:
            sys.setprofile(previous)
        # One call for a leaf; three for a block: `entered`, and the enter and exit of nothing.
        self.assertLessEqual(calls, 100 * 4 + 5)
