"""The log: text and JSON, levels, files that are rotated, sockets; never a secret."""

import json
from io import StringIO
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket
from typing import Any

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sora.app.log_socket import LogSocket
from sora.app.logging import (
    LogOutput,
    _DatagramSink,
    format_json,
    format_text,
    journal_packet,
    syslog_packet,
)
from sora.config.logging import LoggingConfig


def event(text: str = "{user} moved {count}", level: str = "info", **fields: Any) -> dict[str, Any]:
    """A record as twisted.logger makes it."""
    return {
        "log_format": text,
        "log_level": LogLevel.levelWithName(level),
        "log_namespace": "sora.mailbox",
        "log_time": 1_700_000_000.5,
        "log_logger": Logger(),
        "log_source": None,
        **fields,
    }


class FormatTests(SynchronousTestCase):
    """One record, one line."""

    def test_text_has_time_level_namespace_words_and_fields(self) -> None:
        """Fields that the words show already are not repeated."""
        self.assertEqual(
            format_text(event(user="ann", count=3, mailbox="Sent mail", server="imap")),
            "2023-11-14T22:13:20.500Z info  [sora.mailbox] ann moved 3 "
            'mailbox="Sent mail" server=imap',
        )

    def test_json_is_one_object(self) -> None:
        """With the fields beside the message."""
        record = json.loads(format_json(event(user="ann", count=3, peer=object)))
        self.assertEqual(record["message"], "ann moved 3")
        self.assertEqual((record["level"], record["logger"]), ("info", "sora.mailbox"))
        self.assertEqual((record["user"], record["count"]), ("ann", 3))
        self.assertEqual(record["peer"], str(object))

    def test_what_a_client_sent_cannot_begin_a_line(self) -> None:
        """Line ends are shown, not made."""
        text = format_text(event("login of {user}", user="x\r\n2023 info [sora] forged"))
        self.assertNotIn("\n", text)
        self.assertIn("x\\r\\n2023", text)
        self.assertNotIn("\n", format_text(event("quiet", user="x\nforged")))

    def test_what_a_client_sent_cannot_command_a_terminal(self) -> None:
        """Nor end a line for those who know other line ends than LF."""
        nasty = "a\x1b[2Jb\x00c\x7fd\x85e\u2028f\x9bg"
        for text in (
            format_text(event("login of {user}", user=nasty)),
            format_text(event("quiet", user=nasty)),
        ):
            self.assertTrue(text.isprintable(), text)
            self.assertIn("x1b[2J", text)

    def test_fields_that_sound_like_secrets_are_left_out(self) -> None:
        """In every form (G69)."""
        fields = dict.fromkeys(("password", "api_key", "secret_key", "token", "verifier"), "hush")
        for text in (
            format_text(event("quiet", **fields)),
            format_json(event("quiet", **fields)),
            journal_packet(event("quiet", **fields)).decode(),
        ):
            self.assertNotIn("hush", text)

    def test_a_failure_shows_its_traceback(self) -> None:
        """Below the line, or in a field."""
        try:
            raise ValueError("broken")
        except ValueError:
            failure = Failure()
        record = event("it failed", "critical", log_failure=failure)
        self.assertIn("ValueError: broken", format_text(record).partition("\n")[2])
        self.assertIn("ValueError: broken", json.loads(format_json(record))["traceback"])

    def test_syslog_and_journald_have_priorities(self) -> None:
        """RFC 5424 §6.2.1; mail is facility 2."""
        packet = syslog_packet(event("hello", "error"), format_text)
        self.assertTrue(packet.startswith(b"<19>sora: "), packet)
        journal = journal_packet(event("hello", "warn", user="ann"))
        self.assertIn(b"MESSAGE=hello\n", journal)
        self.assertIn(b"PRIORITY=4\n", journal)
        self.assertIn(b"SORA_USER=ann\n", journal)

    def test_several_lines_go_to_journald_with_their_length(self) -> None:
        """Its native protocol: the name, a line end, 8 octets of length, the value."""
        journal = journal_packet(event("quiet", note="two\nlines"))
        self.assertIn(b"SORA_NOTE\n" + (9).to_bytes(8, "little") + b"two\nlines\n", journal)


class OutputTests(SynchronousTestCase):
    """Where it goes."""

    def test_it_is_an_observer(self) -> None:
        """twistd takes nothing else."""
        verifyObject(ILogObserver, LogOutput(LoggingConfig(), StringIO()))

    def test_the_level_is_the_least_that_is_written(self) -> None:
        """And can be changed while it runs."""
        stream = StringIO()
        output = LogOutput(LoggingConfig(level="warn"), stream)
        output(event("first", "info"))
        output(event("second", "warn"))
        output.configure(LoggingConfig(level="debug", format="json"))
        output(event("third", "debug"))
        lines = stream.getvalue().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("second", lines[0])
        self.assertEqual(json.loads(lines[1])["message"], "third")

    def test_parts_have_levels_of_their_own(self) -> None:
        """By the beginning of their names."""
        said = StringIO()
        output = LogOutput(
            LoggingConfig(level="warn", levels=("sora.relay=debug", "sora.auth=error")), said
        )
        for namespace, level in (
            ("sora.relay.queue", LogLevel.debug),
            ("sora.auth", LogLevel.warn),
            ("sora.net", LogLevel.info),
            ("sora.net", LogLevel.warn),
        ):
            output({"log_level": level, "log_namespace": namespace, "log_format": "x"})
        lines = said.getvalue().splitlines()
        self.assertEqual(
            [line.split()[1:3] for line in lines],
            [["debug", "[sora.relay.queue]"], ["warn", "[sora.net]"]],
        )

    def test_a_file_is_opened_anew_after_it_was_renamed(self) -> None:
        """As logrotate does it."""
        path = Path(self.mktemp())
        output = LogOutput(LoggingConfig(output=str(path)))
        self.addCleanup(output.close)
        output(event("one"))
        path.rename(f"{path}.1")
        output(event("two"))
        output.reopen()
        output(event("three"))
        self.assertEqual(len(Path(f"{path}.1").read_text().splitlines()), 2)
        self.assertIn("three", path.read_text())

    def test_a_file_that_cannot_be_opened_leaves_the_old_one(self) -> None:
        """The error is raised, the log goes on (G68)."""
        stream = StringIO()
        output = LogOutput(LoggingConfig(), stream)
        config = LoggingConfig(output=str(Path(self.mktemp()) / "absent" / "file"))
        self.assertRaises(OSError, output.configure, config)
        output(event("still here"))
        self.assertIn("still here", stream.getvalue())

    def test_a_stream_that_is_gone_stops_nothing(self) -> None:
        """The mail goes on without a log."""
        stream = StringIO()
        output = LogOutput(LoggingConfig(), stream)
        stream.close()
        output(event("nobody hears"))

    def test_a_daemon_that_is_restarted_is_found_again(self) -> None:
        """And nothing is lost that was said meanwhile."""
        path = self._place()
        error = self.assertRaises(OSError, _DatagramSink, path, journal_packet)
        self.assertEqual(error.filename, path)
        receiver = self._listen(path)
        sink = _DatagramSink(path, journal_packet)
        self.addCleanup(sink.close)
        sink(event("one"))
        self.assertIn(b"MESSAGE=one", receiver.recv(4096))
        receiver.close()
        Path(path).unlink()
        sink.reopen()
        sink(event("two"))
        receiver = self._listen(path)
        sink(event("three"))
        self.assertIn(b"MESSAGE=two", receiver.recv(4096))
        self.assertIn(b"MESSAGE=three", receiver.recv(4096))

    def test_a_burst_waits_for_the_daemon(self) -> None:
        """Its socket takes a few records until they are read; all come, in order."""
        receiver = self._listen(path := self._place())
        sink = _DatagramSink(path, journal_packet)
        self.addCleanup(sink.close)
        for number in range(3_000):
            sink(event("number {count}.", count=number))
            if number % 1_000 == 500:
                sink.reopen()
        for number in range(3_000):
            self.assertIn(b"MESSAGE=number %d.\n" % number, receiver.recv(4096))

    def test_what_is_lost_is_counted(self) -> None:
        """Only so much waits, and what is too long for a datagram never goes."""
        receiver = self._listen(path := self._place())
        way = LogSocket(path, lambda count: b"lost %d" % count, waiting=10)
        self.addCleanup(way.close)
        way.send(b"x" * 4_000_000)
        self.assertEqual(receiver.recv(4096), b"lost 1")
        for _ in range(2_000):
            way.send(b"x")
        got = 0
        while (packet := receiver.recv(4096)) == b"x":
            got += 1
        self.assertEqual(packet, b"lost %d" % (2_000 - got))

    def _place(self) -> str:
        directory = Path(self.mktemp())
        directory.mkdir()
        return str(directory / "log")

    def _listen(self, path: str) -> socket:
        receiver = socket(AF_UNIX, SOCK_DGRAM)
        receiver.settimeout(10)
        receiver.bind(path)
        self.addCleanup(receiver.close)
        return receiver
