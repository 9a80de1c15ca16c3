"""Wrong input, tried on a whole server: each gets a clear answer, and nothing is lost."""

import imaplib
import shutil
import smtplib
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.ports import free_port
from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess


def resident(pid: int) -> int:
    """Octets of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError(pid)


class Raw:
    """A socket to a line protocol."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        return self.file.readline()

    def until(self, tag: bytes) -> bytes:
        """The line that begins with `tag`; an empty one when the server hung up first."""
        while (line := self.line()) and not line.startswith(tag):
            pass
        return line

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class BadInputTests(SynchronousTestCase):
    """What hostile and broken clients send to a running server."""

    timeout = 300

    def setUp(self) -> None:
        directory = tempfile.mkdtemp(prefix="sora-bad-")
        self.addCleanup(shutil.rmtree, directory, True)
        self.sora = SoraProcess(directory)
        self.addCleanup(self.sora.cleanup)
        self.sora.start()

    def raw(self, port: int) -> Raw:
        client = Raw(port)
        self.addCleanup(client.close)
        client.line()
        return client

    def session(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        self.addCleanup(client.shutdown)
        client.login(EMAIL, PASSWORD)
        return client

    def test_a_literal_of_a_gigabyte_is_refused_before_it_is_sent(self) -> None:
        """Before login and after; the session goes on (G37)."""
        client = self.raw(self.sora.imap)
        client.say(b"a LOGIN {1073741824}\r\n")
        self.assertRegex(client.until(b"a "), rb"^a (NO|BAD) ")
        client.say(b'b LOGIN "%s" "%s"\r\n' % (EMAIL.encode(), PASSWORD.encode()))
        self.assertRegex(client.until(b"b "), rb"^b OK ")
        client.say(b"c APPEND INBOX {1073741824}\r\n")
        self.assertRegex(client.until(b"c "), rb"^c NO \[TOOBIG\]")
        client.say(b"d NOOP\r\n")
        self.assertRegex(client.until(b"d "), rb"^d OK ")

    def test_a_line_of_ten_megabytes_before_login_takes_no_memory(self) -> None:
        """It is refused or cut off; the process does not grow by it (G59)."""
        assert self.sora.process is not None
        for port in (self.sora.imap, self.sora.lmtp):
            before = resident(self.sora.process.pid)
            client = self.raw(port)
            try:
                for _ in range(160):
                    client.say(b"x" * 65536)
                client.say(b"\r\n")
                answer = client.line()
                self.assertRegex(answer, rb"^(\* (BAD|BYE)|x+ BAD|5\d\d|$)")
            except (ConnectionResetError, BrokenPipeError):
                pass  # cut off
            self.assertLess(resident(self.sora.process.pid) - before, 8_000_000)
        self.session().noop()

    def test_a_message_of_a_hundred_thousand_parts_is_kept_and_described(self) -> None:
        """BODYSTRUCTURE is bounded, the octets are all there (G32)."""
        letter = (
            b"Subject: parts\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
            + b"--x\r\n\r\n.\r\n" * 100_000
            + b"--x--\r\n"
        )
        client = self.session()
        status, _ = client.append("INBOX", None, None, letter)
        self.assertEqual(status, "OK")
        client.select("INBOX")
        status, answer = client.fetch("1", "(BODYSTRUCTURE RFC822.SIZE)")
        self.assertEqual(status, "OK")
        _, answer = client.fetch("1", "(BODY.PEEK[])")
        self.assertEqual(answer[0][1], letter)

    def test_invalid_base64_is_an_error_of_the_client_and_text_of_a_message(self) -> None:
        """In AUTHENTICATE it is BAD; in a body it is kept, fetched and searched."""
        client = self.raw(self.sora.imap)
        client.say(b"a AUTHENTICATE PLAIN\r\n")
        self.assertRegex(client.line(), rb"^\+")
        client.say(b"!!!not base64!!!\r\n")
        self.assertRegex(client.until(b"a "), rb"^a (BAD|NO) ")
        session = self.session()
        letter = (
            b"Subject: broken\r\nContent-Type: text/plain\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!%%%aGVsbG8=*\r\nzzz\r\n"
        )
        session.append("INBOX", None, None, letter)
        session.select("INBOX")
        _, answer = session.fetch("1", "(BODY.PEEK[])")
        self.assertEqual(answer[0][1], letter)
        self.assertEqual(session.search(None, "SUBJECT", "broken")[1], [b"1"])
        self.assertEqual(session.search(None, "BODY", "absent")[1], [b""])

    def test_nul_octets_are_refused_in_commands_and_kept_in_messages(self) -> None:
        """A delivered message is given back to the octet."""
        client = self.raw(self.sora.imap)
        client.say(b"a NO\0OP\r\n")
        self.assertRegex(client.line(), rb"^(a|\*) BAD ")
        letter = b"Subject: nul\0l\r\n\r\nbody\0with\0nuls\r\n"
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=30) as lmtp:
            lmtp.sendmail("a@example.org", [EMAIL], letter)
        session = self.session()
        session.select("INBOX")
        _, answer = session.fetch("1", "(BODY.PEEK[] ENVELOPE BODYSTRUCTURE)")
        self.assertTrue(answer[0][1].endswith(letter), answer)
        self.assertEqual(session.search(None, "BODY", "nuls")[1], [b"1"])


class BadStartTests(SynchronousTestCase):
    """What an operator gets wrong: one clear message, exit code 1, no traceback."""

    timeout = 120

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="sora-start-")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def fails(self, sora: SoraProcess) -> str:
        """Start; it has to end by itself with an error. Gives what it printed."""
        self.addCleanup(sora.cleanup)
        sora.spawn()
        assert sora.process is not None
        self.assertNotEqual(sora.process.wait(60), 0, sora.output())
        output = sora.output()
        self.assertNotIn("Traceback", output)
        return output

    def configured(self, text: str) -> SoraProcess:
        file = Path(self.directory, "config.toml")
        file.write_text(text)
        return SoraProcess(self.directory, ["-c", str(file)], embedded=False)

    def test_an_unknown_key_names_file_line_key_and_the_nearest_one(self) -> None:
        """The mend is in the message."""
        output = self.fails(self.configured('[database]\nhost = "localhost"\nmax_conn = 7\n'))
        self.assertIn("config.toml", output)
        self.assertIn("3", output)
        self.assertIn("max_conn", output)
        self.assertIn("max_conns", output)

    def test_no_database(self) -> None:
        """It says where it looked."""
        port = free_port()
        output = self.fails(
            self.configured(
                f'[database]\nhost = "127.0.0.1"\nport = {port}\npassword = "secret-word"\n'
                f'[s3]\nprovider = "filesystem"\npath = "{self.directory}/objects"\n'
            )
        )
        self.assertIn(str(port), output)
        self.assertIn("database", output.lower())
        self.assertNotIn("secret-word", output)

    def test_a_directory_that_cannot_be_written(self) -> None:
        """It names the directory."""
        sora = SoraProcess(self.directory)
        sora.arguments = ["--dir", "/sys/sora"]
        output = self.fails(sora)
        self.assertIn("/sys/sora", output)

    def test_a_port_in_use(self) -> None:
        """It names the port."""
        sora = SoraProcess(self.directory)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", sora.imap))
            taken.listen()
            output = self.fails(sora)
        self.assertIn(str(sora.imap), output)
        self.assertIn("in use", output)
        self.assertEqual(sora.postgres_pids(), [])
