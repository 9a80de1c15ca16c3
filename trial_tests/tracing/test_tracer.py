"""sora.tracing.tracer, commands and parents: which traces are told, and whose part they are."""

import gc
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import Unavailable
from sora.tracing.commands import CommandTraces, InHand
from sora.tracing.parents import Parent, follow, parse_traceparent, traceparent
from sora.tracing.spans import Trace, begin, entered
from sora.tracing.tracer import Tracer
from trial_tests.support.traces import tracer_to

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class ParentTests(SynchronousTestCase):
    """`traceparent` (W3C Trace Context §3.2.2)."""

    def test_what_is_understood(self) -> None:
        """Version 00, and later ones with more behind (§3.2.4)."""
        parent = Parent(int(TRACE, 16), int(SPAN, 16), sampled=True)
        self.assertEqual(parse_traceparent(f"00-{TRACE}-{SPAN}-01"), parent)
        self.assertEqual(parse_traceparent(f" 00-{TRACE}-{SPAN}-03 "), parent)
        self.assertEqual(parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-comes"), parent)
        unsampled = parse_traceparent(f"00-{TRACE}-{SPAN}-00")
        assert unsampled is not None
        self.assertFalse(unsampled.sampled)

    def test_what_is_not_is_ignored(self) -> None:
        """Whatever a client sends."""
        for text in (
            "",
            "00",
            f"00-{TRACE}-{SPAN}",
            f"00-{TRACE}-{SPAN}-01-more",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE[:-1]}-{SPAN}-01",
            f"00-{TRACE}-{SPAN}-01\n00",
            "x" * 100_000,
        ):
            self.assertIsNone(parse_traceparent(text), text[:80])

    def test_where_we_are(self) -> None:
        """The innermost span; nowhere before and afterwards."""
        told: list[Trace] = []
        self.assertIsNone(traceparent())
        trace = tracer_to(told).begin("lmtp", "MESSAGE")
        with entered("relay_queue", "hold") as span:
            assert span is not None
            here = traceparent()
        trace.end()
        self.assertEqual(parse_traceparent(here or ""), Parent(trace.id, span.id, sampled=True))
        self.assertIsNone(traceparent())


class ChoosingTests(SynchronousTestCase):
    """A share of all; and all that somebody will look for."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[Trace] = []

    def tracer(self, ratio: float, slower_than: float = 1.0, users: bool = False) -> Tracer:
        return Tracer(
            self.told.append,
            seconds=self.clock.seconds,
            random=Random(1),
            ratio=ratio,
            slower_than=slower_than,
            include_users=users,
        )

    def test_the_share(self) -> None:
        """Of a thousand like all others."""
        for ratio, least, most in ((0.0, 0, 0), (0.1, 70, 130), (1.0, 1000, 1000)):
            self.told.clear()
            tracer = self.tracer(ratio)
            for _ in range(1000):
                tracer.begin("imap", "NOOP").end()
            self.assertTrue(least <= len(self.told) <= most, (ratio, len(self.told)))

    def test_a_slow_one_is_always_told(self) -> None:
        """By the server's own time: a client that takes its time is not what is looked for."""
        traces = CommandTraces(self.tracer(0.0), "imap", "imap 127.0.0.1:143")
        in_hand = InHand(traces, "0123456789ab")
        for seconds, told in ((0.99, 0), (1.0, 1)):
            in_hand.begin()
            self.clock.advance(1800)
            self.assertEqual(in_hand.fields, {})
            fields = in_hand.end("idle", "ok", seconds)
            self.assertEqual(len(self.told), told)
            self.assertEqual(list(fields), ["trace"] * told)
        [trace] = self.told
        self.assertEqual(
            trace.root.facts,
            {
                "sora.protocol": "imap",
                "sora.server": "imap 127.0.0.1:143",
                "sora.session": "0123456789ab",
                "sora.command": "idle",
                "sora.outcome": "ok",
                "sora.seconds": 1.0,
            },
        )
        self.assertEqual(fields, {"trace": f"{trace.id:032x}"})

    def test_a_command_that_takes_parts_of_its_time(self) -> None:
        """A message comes in several commands; one that failed inside is told, and what the
        conversation says of it after its end goes nowhere."""
        in_hand = InHand(CommandTraces(self.tracer(0.0), "lmtp", "lmtp"))
        in_hand.begin()
        in_hand.took(0.25)
        in_hand.took(0.5)
        in_hand.keep()
        self.assertEqual(in_hand.id, in_hand.fields["trace"])
        in_hand.end("message", "no", in_hand.seconds)
        [trace] = self.told
        self.assertEqual((trace.root.facts["sora.seconds"], trace.root.error), (0.75, "no"))
        in_hand.say("late", 1)
        in_hand.keep()
        self.assertEqual(in_hand.end("message", "gone", 0.0), {})
        self.assertEqual((len(self.told), in_hand.id), (1, ""))

    def test_without_traces(self) -> None:
        """Nothing happens."""
        in_hand = InHand(None, "0123456789ab")
        in_hand.begin()
        in_hand.keep()
        self.assertEqual((in_hand.fields, in_hand.id, in_hand.names_users), ({}, "", False))
        self.assertEqual(in_hand.end("noop", "ok", 5.0), {})

    def test_what_is_not_told_is_gone_at_once(self) -> None:
        """Not when Python next looks through all memory, which takes long on a busy server."""
        tracer = self.tracer(0.0)
        while gc.collect():
            pass  # what other tests have left, and what that has left
        gc.disable()
        self.addCleanup(gc.enable)
        for _ in range(100):
            trace = tracer.begin("imap", "FETCH")
            with entered("s3", "get"):
                begin("s3_request", "GET")  # goes on
            trace.end()
        del trace
        self.assertEqual(gc.collect(), 0)

    def test_never_for_being_slow(self) -> None:
        """`slower_than = 0`."""
        trace = self.tracer(0.0, slower_than=0.0).begin("imap", "FETCH")
        self.clock.advance(100)
        trace.end()
        self.assertEqual(self.told, [])

    def test_users_are_told_only_where_that_is_wanted(self) -> None:
        """The address of the account, and that of the client's network."""
        for users in (False, True):
            self.told.clear()
            traces = CommandTraces(self.tracer(1.0, users=users), "pop3", "pop3")
            in_hand = InHand(traces, "a")
            in_hand.begin()
            self.assertEqual(in_hand.names_users, users)
            in_hand.end("retr", "ok", 0.1, "anna@example.com", "192.0.2.1:5")
            said = str(self.told[0].root.facts)
            self.assertEqual("anna@example.com" in said, users)
            self.assertEqual("192.0.2.1" in said, users)

    def test_what_comes_from_another_is_told_with_it(self) -> None:
        """It stays a trace of its own; its cause is found by it, and where that is kept, so is it."""
        tracer = self.tracer(0.0)
        follow(f"00-{TRACE}-{SPAN}-01")  # in no trace
        for cause, told in ((f"00-{TRACE}-{SPAN}-00", 0), (None, 0), (f"00-{TRACE}-{SPAN}-01", 1)):
            trace = tracer.begin("worker", "relay")
            follow(cause)
            self.assertEqual(trace.cause, (int(TRACE, 16), int(SPAN, 16)) if cause else None)
            self.assertNotEqual(trace.hex, TRACE)
            trace.end()
            self.assertEqual(len(self.told), told)
        self.assertEqual(self.told[0].root.facts["sora.cause"], TRACE)

    def test_rounds_that_fail_are_told(self) -> None:
        """And the failure goes to who awaits them."""
        tracer = self.tracer(0.0)

        async def good() -> int:
            return 7

        async def bad() -> None:
            raise Unavailable("anna@example.com cannot be reached")

        done = Deferred.fromCoroutine(tracer.around("worker", "cleaner", good()))
        self.assertEqual(self.successResultOf(done), 7)
        self.assertEqual(self.told, [])
        failed = Deferred.fromCoroutine(tracer.around("worker", "cleaner", bad()))
        self.failureResultOf(failed, Unavailable)
        self.assertEqual(self.told[0].root.error, "Unavailable")

    def test_a_client_may_ask_for_a_trace(self) -> None:
        """Its trace goes on in ours, and is kept if the client keeps it."""
        tracer = self.tracer(0.0)
        for flags, told in (("00", 0), ("01", 1)):
            trace = tracer.begin("http", "GET /admin/accounts")
            tracer.join(trace, f"00-{TRACE}-{SPAN}-{flags}")
            trace.end()
            self.assertEqual(len(self.told), told)
        self.assertEqual(self.told[0].hex, TRACE)
        self.assertEqual(self.told[0].remote_parent, int(SPAN, 16))
        other = tracer.begin("http", "GET /admin/accounts")
        before = other.id
        tracer.join(other, "nonsense")
        tracer.join(other, None)
        self.assertEqual((other.id, other.remote_parent), (before, 0))
        other.end()
