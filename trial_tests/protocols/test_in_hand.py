"""How commands end: what metrics count, what a trace has, what stands in the log."""

from collections.abc import Sequence
from random import Random
from typing import Any

from attrs import define, evolve
from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadSyntax, Unavailable
from sora.metrics.protocol import CommandMetrics
from sora.net.connection import Connection
from sora.net.peer import Peer
from sora.protocols.imap.services import Limits
from sora.protocols.in_hand import Chronicle, CommandInHand, name_of
from sora.protocols.managesieve.services import Limits as ManageSieveLimits
from sora.protocols.pop3.services import Settings
from sora.protocols.pop3.wire.reader import POP3Reader
from sora.tracing.commands import CommandTraces, InHand
from sora.tracing.spans import Trace
from sora.tracing.tracer import Tracer
from trial_tests.protocols.managesieve.world import ManageSieveTestCase, plain
from trial_tests.protocols.pop3.world import POP3TestCase, Post
from trial_tests.support.transcript import PASSWORD, OnePassword
from trial_tests.support.transcript import TranscriptTestCase as IMAPTestCase

FRED = "fred@example.com"
TOOK = "session {session}: {command} took {duration} seconds"


class Fetch:
    word = b"FETCH"
    secret = False


class Login:
    word = b"LOGIN"
    secret = True


@define
class Session:
    """Who answers."""

    log = Logger()
    whose: str = ""


def heard(case: SynchronousTestCase) -> list[LogEvent]:
    """What the log is told from now on."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    case.addCleanup(globalLogPublisher.removeObserver, events.append)
    return events


class InHandTestCase(SynchronousTestCase):
    """A conversation, of which everything is told; no share of its traces, unless they are kept."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.registry = CollectorRegistry()
        self.metrics = CommandMetrics(self.registry)
        self.session = Session()
        self.connection = Connection(self.clock, POP3Reader())
        self.connection.peer = Peer("192.0.2.1", 5)
        self.told: list[Trace] = []
        self.events = heard(self)
        self.chronicle = self.new_chronicle()
        self.command = CommandInHand(self.chronicle, self.traces())

    def new_chronicle(self, session: str = "0123456789ab", slow: float = 0) -> Chronicle:
        return Chronicle("imap", session, self.connection, self.session, self.metrics, slow)

    def traces(self, users: bool = False, ratio: float = 0.0) -> CommandTraces:
        tracer = Tracer(
            self.told.append,
            seconds=self.clock.seconds,
            random=Random(1),
            ratio=ratio,
            include_users=users,
        )
        return CommandTraces(tracer, "imap", "my imap")

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"protocol": "imap", **labels})


class CommandInHandTests(InHandTestCase):
    def test_counts_a_command_without_the_time_of_its_client(self) -> None:
        """G66."""
        self.command.begin()
        self.clock.advance(30)
        self.command.waited += 28
        self.assertEqual(self.command.seconds, 2)
        self.command.answered("fetch", "ok")
        self.assertEqual(self.value("sora_commands_total", command="fetch", status="ok"), 1)
        self.assertEqual(self.value("sora_command_duration_seconds_sum", command="fetch"), 2)

    def test_each_begins_anew(self) -> None:
        self.command.begin()
        self.command.waited += 5
        self.clock.advance(10)
        self.command.answered("idle", "ok")
        self.clock.advance(500)
        self.command.begin()
        self.clock.advance(1)
        self.assertEqual((self.command.seconds, self.command.waited), (1, 0))

    def test_what_takes_another_time_than_has_passed(self) -> None:
        """What was refused before there was a command: no time, and no trace."""
        self.clock.advance(10)
        self.command.answered("unknown", "bad", 0.0)
        self.assertEqual(self.value("sora_command_duration_seconds_sum", command="unknown"), 0)
        self.assertEqual(self.told, [])

    def test_one_that_was_answered_at_once(self) -> None:
        command = CommandInHand(self.chronicle, self.traces(ratio=1.0))
        command.answered_at_once("retr", 0.25)
        self.assertEqual(self.value("sora_command_duration_seconds_sum", command="retr"), 0.25)
        [trace] = self.told
        self.assertEqual(trace.root.facts["sora.seconds"], 0.25)

    def test_a_client_that_is_gone(self) -> None:
        """The trace of what it waited for ends; metrics count answers."""
        command = CommandInHand(self.chronicle, self.traces(ratio=1.0))
        command.begin()
        self.clock.advance(3)
        command.waited += 1
        command.gone("fetch")
        command.gone("unknown")
        [trace] = self.told
        self.assertEqual((trace.root.name, trace.root.error), ("FETCH", "gone"))
        self.assertEqual(trace.root.facts["sora.seconds"], 2)
        self.assertIsNone(self.value("sora_commands_total", command="fetch", status="gone"))

    def test_the_trace_says_which_session_it_was(self) -> None:
        """And whose only where that is wanted (G69)."""
        self.session.whose = FRED
        for users in (False, True):
            self.told.clear()
            command = CommandInHand(self.chronicle, self.traces(users, ratio=1.0))
            command.begin()
            command.answered("fetch", "no")
            [trace] = self.told
            expected = {
                "sora.protocol": "imap",
                "sora.server": "my imap",
                "sora.session": "0123456789ab",
                "sora.command": "fetch",
                "sora.outcome": "no",
                "sora.seconds": 0.0,
            }
            if users:
                expected |= {"enduser.id": FRED, "network.peer.address": "192.0.2.1:5"}
            self.assertEqual(trace.root.facts, expected)


class FailureTests(InHandTestCase):
    def fields(self) -> dict[str, Any]:
        """The one line of the log."""
        [event] = self.events
        self.events.clear()
        self.assertEqual(event["log_namespace"], "trial_tests.protocols.test_in_hand.Session")
        return {
            key: value
            for key, value in event.items()
            if key in ("session", "command", "error", "trace")
        }

    def test_what_failed_inside_is_for_the_log(self) -> None:
        """With the trace, which is kept."""
        self.command.begin()
        self.command.not_done(Fetch, b"a FETCH 1 BODY[]", Unavailable("10.1.2.3 is down"))
        trace = self.command.trace.id
        self.assertEqual(
            self.fields(),
            {
                "session": "0123456789ab",
                "command": "a FETCH 1 BODY[]",
                "error": "10.1.2.3 is down",
                "trace": trace,
            },
        )
        self.command.answered("fetch", "no")
        self.assertEqual([trace.hex for trace in self.told], [trace])

    def test_what_is_no_fault_of_ours_is_not(self) -> None:
        self.command.begin()
        self.command.not_done(Fetch, b"a FETCH", BadSyntax("what?"))
        self.command.answered("fetch", "bad")
        self.assertEqual((self.events, self.told), ([], []))

    def test_a_bug_is_told_with_what_was_raised(self) -> None:
        self.command.begin()
        try:
            raise KeyError("bug")
        except KeyError:
            self.command.has_bug(Fetch, b"a FETCH \xff" + b"x" * 500)
        [failure] = self.flushLoggedErrors(KeyError)
        self.assertEqual(failure.value.args, ("bug",))
        [event] = self.events
        self.assertEqual(event["log_level"], LogLevel.critical)
        self.assertEqual(event["command"], "a FETCH \\xff" + "x" * 191)
        self.command.answered("fetch", "no")
        self.assertEqual([trace.hex for trace in self.told], [event["trace"]])

    def test_secrets_are_kept(self) -> None:
        """G69: also those of what is no command, which may be a password typed too early."""
        for kind, said in ((Login, "LOGIN"), (None, "?")):
            self.command.not_done(kind, b"a LOGIN fred hunter2", Unavailable("down"))
            self.assertEqual(self.fields()["command"], said)

    def test_counts_why(self) -> None:
        for kind, error, is_bad, labels in (
            (Fetch, BadSyntax("x"), True, ("fetch", "BadSyntax", "client")),
            (Fetch, Unavailable("x"), False, ("fetch", "Unavailable", "server")),
            (None, None, False, ("unknown", "Bug", "server")),
        ):
            self.command.failed(kind, error, is_bad)
            command, error_type, severity = labels
            count = self.value(
                "sora_protocol_errors_total",
                command=command,
                error_type=error_type,
                severity=severity,
            )
            self.assertEqual(count, 1, labels)

    def test_names(self) -> None:
        """Nothing that a client could make up (G66)."""
        self.assertEqual([name_of(Fetch), name_of(None)], ["fetch", "unknown"])


class SlowTests(InHandTestCase):
    def lines(self) -> list[LogEvent]:
        return [event for event in self.events if event["log_format"] == TOOK]

    def test_a_slow_command_is_told(self) -> None:
        """By the server's own time; its trace is kept, whatever the share."""
        self.session.whose = FRED
        command = CommandInHand(self.new_chronicle(slow=2), self.traces())
        for seconds, waited in ((1.9, 0), (30, 28.5), (2.04, 0)):
            self.assertEqual((self.lines(), self.told), ([], []))
            command.begin()
            self.clock.advance(seconds)
            command.waited += waited
            command.answered("fetch", "ok")
        [line] = self.lines()
        self.assertEqual(line["log_level"], LogLevel.warn)
        told = [line[name] for name in ("session", "command", "duration", "user", "peer", "trace")]
        self.assertEqual(
            told, ["0123456789ab", "FETCH", 2.0, FRED, "192.0.2.1:5", self.told[0].hex]
        )

    def test_none_is_slow_where_there_is_no_limit(self) -> None:
        self.command.begin()
        self.clock.advance(10_000)
        self.command.answered("fetch", "ok")
        self.assertEqual((self.events, self.told), ([], []))

    def test_a_conversation_without_a_name_is_its_peer(self) -> None:
        """As over LMTP, where the trace is of a message."""
        trace = InHand(None)
        self.new_chronicle("", slow=1).ended(trace, "message", "ok", 1.0)
        [line] = self.lines()
        self.assertEqual((line["session"], line["command"]), ("192.0.2.1:5", "MESSAGE"))
        self.assertNotIn("trace", line)


class SlowPassword(OnePassword):
    """Takes three seconds."""

    def __init__(self, storage: Any, clock: Clock) -> None:
        super().__init__(storage)
        self._clock = clock

    def password(self, *arguments: Any) -> Any:
        self._clock.advance(3)
        return super().password(*arguments)


class BrokenPassword(SlowPassword):
    """Has a bug after that."""

    def password(self, *arguments: Any) -> Any:
        super().password(*arguments)
        raise ZeroDivisionError


def told_of(events: Sequence[LogEvent]) -> list[tuple[str, str, str, float, str]]:
    """The lines about slow commands."""
    return [
        (
            event["log_namespace"],
            event["session"],
            event["command"],
            event["duration"],
            event["user"],
        )
        for event in events
        if event["log_format"] == TOOK
    ]


class IMAPTests(IMAPTestCase):
    limits = evolve(Limits(), slow_command=2)
    logs_in = False

    def test_a_slow_command(self) -> None:
        events = heard(self)
        slow = SlowPassword(self.server.storage, self.clock)
        self.server.factory._services = evolve(self.server.factory._services, authenticator=slow)
        client = self.new_client(logs_in=False)
        said = client.ask(f"a LOGIN fred {PASSWORD}\r\nb NOOP".encode())
        self.assertIn(b"b OK", said)
        where = "sora.protocols.imap.answering.Answering"
        self.assertEqual(told_of(events), [(where, "session", "LOGIN", 3.0, FRED)])


class POP3Tests(POP3TestCase):
    settings = evolve(Settings(), slow_command=2)

    def test_a_slow_command(self) -> None:
        events = heard(self)
        slow = SlowPassword(self.server.storage, self.clock)
        self.post = Post(self.server, self.settings, {"authenticator": slow})
        client = self.connect()
        client.send(f"USER fred\r\nPASS {PASSWORD}\r\nNOOP\r\nQUIT\r\n".encode())
        self.assertEqual(client.take().count(b"+OK"), 5)
        where = "sora.protocols.pop3.session.Session"
        self.assertEqual(told_of(events), [(where, "session", "PASS", 3.0, FRED)])


class ManageSieveTests(ManageSieveTestCase):
    limits = ManageSieveLimits(slow_command=2)
    logs_in = False

    def test_a_slow_command(self) -> None:
        events = heard(self)
        slow = SlowPassword(self.server.storage, self.clock)
        self.server.factory._services = evolve(self.server.factory._services, authenticator=slow)
        client = self.new_client(logs_in=False)
        said = client.ask(f'AUTHENTICATE "PLAIN" "{plain("fred")}"\r\nNOOP'.encode())
        self.assertEqual(said.count(b"OK"), 2)
        where = "sora.protocols.managesieve.session.Session"
        self.assertEqual(told_of(events), [(where, "session", "AUTHENTICATE", 3.0, FRED)])

    def test_what_ends_in_a_bug_is_told_with_its_time_too(self) -> None:
        events = heard(self)
        broken = BrokenPassword(self.server.storage, self.clock)
        self.server.factory._services = evolve(self.server.factory._services, authenticator=broken)
        client = self.new_client(logs_in=False)
        said = client.ask(f'AUTHENTICATE "PLAIN" "{plain("fred")}"'.encode())
        self.assertTrue(said.startswith(b"NO"), said)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        [(_, _, command, duration, _)] = told_of(events)
        self.assertEqual((command, duration), ("AUTHENTICATE", 3.0))
