"""What all commands have in common."""

from attrs import evolve
from twisted.logger import globalLogPublisher

from sora.errors import AccountClosed, OverQuota, SessionEnded, ShuttingDown, Unavailable
from sora.protocols.imap.command import Command
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.fetch_items import FETCH_ITEMS
from sora.protocols.imap.services import Limits
from sora.protocols.imap.session import Session
from sora.protocols.imap.spoken import DIALECT
from trial_tests.support.transcript import TranscriptTestCase


class Broken(Command):
    """A command with a bug."""

    word = b"BROKEN"

    async def run(self, session: Session) -> bytes | None:
        raise KeyError("a bug")


class Full(Command):
    """A command that fails, and says so with a user's words."""

    word = b"FULL"

    async def run(self, session: Session) -> bytes | None:
        raise OverQuota("[ALERT] caf\u00e9\r\n* BYE \0")


class Down(Command):
    """A command that cannot reach something."""

    word = b"DOWN"

    async def run(self, session: Session) -> bytes | None:
        raise Unavailable("The database at 10.1.2.3:5432 cannot be reached")


WITH_BUGS = Dialect(
    commands=[*DIALECT.commands.values(), Broken, Full, Down],
    extensions=[],
    fetch_items=FETCH_ITEMS,
    status_items={},
    sasl=("PLAIN",),
)


class SessionTests(TranscriptTestCase):
    dialect = WITH_BUGS
    limits = evolve(Limits(), bad_commands=3)

    def test_a_bug_is_logged_and_answered(self) -> None:
        """The connection is kept, and the log says which session it was."""
        said = self.client.ask(b"a BROKEN")
        self.assertEqual(said, b"a NO [SERVERBUG] See log: session\r\n")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(self.client.ask(b"b NOOP"), b"b OK NOOP completed\r\n")

    def test_what_an_error_says_cannot_forge_lines(self) -> None:
        self.assertEqual(self.client.ask(b"a FULL"), b"a NO [OVERQUOTA] (ALERT] caf\\xe9 * BYE\r\n")

    def test_the_inside_of_the_house_is_for_the_log(self) -> None:
        """Where the database is, is no business of a client's (G69)."""
        events: list[dict[str, object]] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        said = self.client.ask(b"a DOWN")
        self.assertEqual(
            said,
            b"a NO [UNAVAILABLE] A part of the server cannot be reached now; try again later.\r\n",
        )
        (event,) = [event for event in events if "error" in event]
        self.assertIn("10.1.2.3", str(event["error"]))
        self.assertEqual((event["session"], event["command"]), ("session", "a DOWN"))

    def test_words_in_any_case(self) -> None:
        self.assertEqual(self.client.ask(b"a nOoP"), b"a OK NOOP completed\r\n")

    def test_what_is_no_command(self) -> None:
        for line, answer in {
            b"": b"* BAD ",
            b"a": b"* BAD ",
            b"a ": b"a BAD ",
            b"+ NOOP": b"* BAD ",
            b"a\tNOOP": b"* BAD ",
            b"a NONSENSE": b"a BAD There is no command NONSENSE",
            b"a UID": b"a BAD There is no command UID",
            b"a UID NOOP": b"a BAD There is no command UID NOOP",
            b"a NOOP\0": b"a BAD ",
            b"a NO\0OP": b"a BAD ",
            b"\xff NOOP": b"* BAD ",
        }.items():
            client = self.new_client()
            said = client.ask(line)
            self.assertTrue(said.startswith(answer), (line, said))
            self.assertTrue(said.endswith(b"\r\n"))

    def test_a_nul_in_a_literal_is_bad(self) -> None:
        """RFC 3501 §9: CHAR8."""
        said = self.client.ask(b"a SELECT {3+}\r\na\0b")
        self.assertTrue(said.startswith(b"a BAD"), said)

    def test_bad_commands_in_a_row_end_the_connection(self) -> None:
        self.client.ask(b"a X\r\nb X\r\nc NOOP\r\nd X\r\ne X")
        self.assertFalse(self.client.is_hung_up_on)
        self.assertIn(b"* BYE", self.client.ask(b"f X"))
        self.assertTrue(self.client.is_hung_up_on)

    def test_silence_ends_the_connection(self) -> None:
        self.clock.advance(self.limits.idle_timeout)
        self.assertEqual(self.client.take(), b"* BYE Nothing was heard for too long\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_stopping_server_says_goodbye(self) -> None:
        """G67."""
        self.client.connection.shutdown(ShuttingDown())
        self.assertEqual(self.client.take(), b"* BYE [UNAVAILABLE] The server is shutting down\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_an_ended_session_is_told_why(self) -> None:
        """RFC 9051 §7.1.5, RFC 5530: an administrator did it, or the account is closed."""
        for why, said in (
            (SessionEnded(), b"* BYE An administrator ended this session\r\n"),
            (AccountClosed(), b"* BYE [CONTACTADMIN] This account is closed\r\n"),
        ):
            client = self.new_client()
            client.connection.shutdown(why)
            self.assertEqual(client.take(), said)
            self.assertTrue(client.is_hung_up_on)

    def test_literals_of_one_command_are_bounded(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        said = self.client.ask(b"a SEARCH FROM {2000000}")
        self.assertTrue(said.startswith(b"a NO [TOOBIG]"), said)
        self.client.send(b"b SEARCH" + b" FROM {1+}\r\nx" * 501 + b"\r\n")
        self.assertTrue(self.client.take().startswith(b"b BAD A command has more than 500"))
        self.assertEqual(self.client.ask(b"c NOOP"), b"c OK NOOP completed\r\n")

    def test_commands_are_counted(self) -> None:
        self.client.ask(b"a NOOP\r\nb NONSENSE\r\nc SELECT Nowhere")

        def count(command: str, status: str) -> float | None:
            labels = {"protocol": "imap", "command": command, "status": status}
            return self.server.registry.get_sample_value("sora_commands_total", labels)

        self.assertEqual(count("noop", "ok"), 1)
        self.assertEqual(count("unknown", "bad"), 1)
        self.assertEqual(count("select", "no"), 1)

    def test_hanging_up_lets_go_of_the_mailbox(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        self.assertEqual(len(self.server.open.in_use), 1)
        self.client.hang_up()
        self.successResultOf(self.client.connection.ended)
        self.assertEqual(len(self.server.open.in_use), 0)

    def test_answers_do_not_depend_on_how_octets_are_cut(self) -> None:
        text = (
            b"a SELECT INBOX\r\nb APPEND INBOX {3+}\r\nhi!\r\nc FETCH 1 BODY[]\r\n"
            b"d SEARCH TEXT {2+}\r\nhi\r\ne IDLE\r\nDONE\r\nf LOGOUT\r\n"
        )
        self.client.send(text)
        whole = self.client.take()
        self.assertIn(b"f OK LOGOUT completed", whole)
        for place in range(1, len(text)):
            self.setUp()
            self.client.send(text[:place])
            said = self.client.take()
            self.client.send(text[place:])
            self.assertEqual(said + self.client.take(), whole, place)


class WaitingTests(TranscriptTestCase):
    def test_the_clients_pace_is_not_the_servers_latency(self) -> None:
        """G66: an hour of IDLE is no slow command."""
        self.client.ask(b"a IDLE")
        for _ in range(60):
            self.clock.advance(60)
        self.client.ask(b"DONE")
        labels = {"protocol": "imap", "command": "idle"}
        spent = self.server.registry.get_sample_value("sora_command_duration_seconds_sum", labels)
        self.assertEqual(spent, 0)

    def test_secrets_do_not_reach_the_log(self) -> None:
        """G69: also when the authenticator has a bug."""
        client = self.new_client(logs_in=False)

        class Broken:
            async def password(self, *arguments: object) -> None:
                raise KeyError("bug")

        client.connection._session.services = evolve(  # type: ignore[union-attr]
            client.connection._session.services,  # type: ignore[union-attr]
            authenticator=Broken(),
        )
        self.assertIn(b"SERVERBUG", client.ask(b"a LOGIN fred hunter2"))
        [failure] = self.flushLoggedErrors(KeyError)
        self.assertNotIn("hunter2", failure.getTraceback())
