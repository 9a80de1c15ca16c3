"""What an operator does to a running server: reload it, stop it, read its log."""

import base64
import imaplib
import json
import shutil
import signal
import smtplib
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.tls.self_signed import self_signed
from trial_tests.support.notify_socket import NotifySocket
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN

BODY = "the-words-of-a-private-letter"


class RunningTests(SynchronousTestCase):
    timeout = 180

    def setUp(self) -> None:
        self.postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(self.postgres.remove)
        self.postgres.start()
        directory = tempfile.mkdtemp(prefix="sora-running-")
        self.addCleanup(shutil.rmtree, directory, True)
        self.node = SoraNode(
            directory,
            {
                "database": {
                    "host": self.postgres.host,
                    "dbname": DATABASE,
                    "user": ROLE,
                    "password": PASSWORD,
                },
                "s3": {"provider": "filesystem", "path": f"{directory}/objects"},
            },
        )
        Path(directory, "objects").mkdir()
        self.addCleanup(self.node.cleanup)
        self.node.tables["logging"]["level"] = "debug"
        self.node.write()
        self.systemd = NotifySocket(Path(directory))
        self.addCleanup(self.systemd.close)
        self.node.environment |= {
            "NOTIFY_SOCKET": self.systemd.address,
            "WATCHDOG_USEC": "2000000",
        }
        self.node.start()
        self.node.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)

    def hang_up(self, until: Callable[[], bool]) -> None:
        """SIGHUP, and wait until it has had its effect."""
        assert self.node.process is not None
        self.node.process.send_signal(signal.SIGHUP)
        self.eventually(until)

    def eventually(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline, self.node.messages_of_log()[-2000:])
            time.sleep(0.02)

    def said(self, text: str) -> int:
        """How many lines of the log hold this."""
        return sum(text in line for line in self.node.messages_of_log().splitlines())

    def certificate(self) -> bytes:
        """What is shown on the port of IMAP over TLS."""
        return ssl.get_server_certificate(("127.0.0.1", self.node.imaps), timeout=20).encode()

    def greeting(self) -> bytes:
        with socket.create_connection(("127.0.0.1", self.node.imap), timeout=20) as client:
            return client.recv(1000)

    def test_hang_up_exchanges_certificates_and_limits_or_changes_nothing(self) -> None:
        """G68, on a running server with a session that goes on."""
        session = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        self.addCleanup(session.shutdown)
        session.login(EMAIL, LOGIN)
        before = self.certificate()
        self.assertIn(b"* OK", self.greeting())

        other = self_signed(Path(self.node.directory, "other"), "other.example", datetime.now(UTC))
        shutil.copy(other.cert_file, self.node.certificate.cert_file)
        shutil.copy(other.key_file, self.node.certificate.key_file)
        self.node.servers[0]["max_connections"] = 1
        self.node.write()
        self.hang_up(lambda: self.said("the configuration was reloaded") == 1)
        self.assertNotEqual(self.certificate(), before)
        self.assertEqual(self.certificate(), other.cert_file.read_bytes())
        self.assertIn(b"* BYE", self.greeting())
        self.assertEqual(session.noop()[0], "OK")

        for number, wrong in enumerate(
            ("[limits]\nno_such_key = 1\n", "this is no TOML", "[database]\nport = 'x'\n"), 1
        ):
            self.node.file.write_text(wrong)
            self.hang_up(lambda count=number: self.said("was not reloaded") >= count)  # type: ignore[misc]
        self.assertIn("no_such_key", self.node.messages_of_log())
        self.assertEqual(self.certificate(), other.cert_file.read_bytes())
        self.assertIn(b"* BYE", self.greeting())
        self.assertEqual(session.noop()[0], "OK")

        self.node.certificate.key_file.write_text("no key")
        self.node.servers[0]["max_connections"] = 5
        self.node.write()
        self.hang_up(lambda: self.said(str(self.node.certificate.key_file)) > 0)
        self.assertIn(b"* BYE", self.greeting())
        self.assertEqual(self.certificate(), other.cert_file.read_bytes())
        self.assertIn(self.node.stop(), CLEAN_ENDS)
        self.assert_systemd_was_told()

    def assert_systemd_was_told(self) -> None:
        """Of a life from the migrations on, with signs of it until the end."""
        told = [words.partition("\n")[0] for words in self.systemd.heard]
        self.assertTrue(any(words.startswith("STATUS=Migration 0001") for words in told), told)
        ready, stopping = told.index("READY=1"), told.index("STOPPING=1")
        self.assertIn("WATCHDOG=1", told[ready:stopping])
        self.assertIn(f"STATUS={len(self.node.servers)} servers serve", self.systemd.heard[ready])

    def test_transcripts_of_a_user_are_begun_and_ended_by_a_reload(self) -> None:
        """G69: of one who is logged in, too; compressed or not; without the password, for the
        owner's eyes; and of nobody else."""
        before = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        self.addCleanup(before.shutdown)
        before.login(EMAIL, LOGIN)
        place = self.node.directory / "transcripts"
        self.node.tables["logging"] |= {
            "transcript_users": [EMAIL.upper()],
            "transcript_path": str(place),
            "levels": ["sora.net=error"],
        }
        self.node.write()
        self.hang_up(lambda: self.said("the configuration was reloaded") == 1)
        before.select("INBOX")
        after = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        after.login(EMAIL, LOGIN)
        after.append("INBOX", "", None, f"Subject: x\r\n\r\n{BODY}".encode())
        after.logout()
        self.eventually(lambda: len(list(place.rglob("*.log"))) == 2)
        texts = [file.read_text() for file in sorted(place.rglob("*.log"))]
        self.assertRegex(texts[0], r"Z C: \w+ SELECT INBOX\n(.*\n)*.*Z S: \w+ OK \[READ-WRITE\]")
        self.assertIn(BODY, texts[1])
        self.assertRegex(texts[1], r"Z S: \* BYE")
        self.assertNotIn(LOGIN, "".join(texts))
        for path in place.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

        self.node.tables["logging"] |= {"transcript_users": []}
        self.node.write()
        self.hang_up(lambda: self.said("the configuration was reloaded") == 2)
        before.noop()
        self.assertNotIn("NOOP", sorted(place.rglob("*.log"))[0].read_text())

    def tells_who_and_what(self, lines: list[dict[str, Any]]) -> None:
        """Logins, what came of them, and mail: with fields, by which they can be found."""
        (mail,) = [line for line in lines if line.get("message_id") == "7@x.y"]
        self.assertIn(f"from <a@example.org> was taken for <{EMAIL}>", mail["message"])
        self.assertEqual((mail["sender"], mail["recipients"]), ("a@example.org", f"<{EMAIL}>"))
        self.assertGreater(mail["size"], 20)
        logins = [line for line in lines if "logged in over imap" in line["message"]]
        ends = [line for line in lines if "left imap after" in line["message"]]
        self.assertEqual({line["user"] for line in logins}, {EMAIL})
        self.assertEqual(
            sorted(line["connection"] for line in logins),
            sorted(line["connection"] for line in ends),
        )
        self.assertEqual(logins[0]["tls"], True)
        self.assertGreater(ends[0]["octets_in"], 0)

    def test_a_stop_lets_deliveries_end_and_says_goodbye(self) -> None:
        """G67: SIGTERM while messages are delivered: what was begun gets its answer."""
        idle = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        idle.login(EMAIL, LOGIN)
        accepted: list[str] = []
        began = threading.Event()
        errors: list[Any] = []

        def deliver(name: str) -> None:
            try:
                with smtplib.LMTP("127.0.0.1", self.node.lmtp, timeout=30) as client:
                    for number in range(10_000):
                        text = f"Subject: {name}-{number}\r\n\r\n" + "y" * 100_000
                        client.sendmail("a@example.org", [EMAIL], text)
                        accepted.append(f"{name}-{number}")
                        began.set()
            except (smtplib.SMTPException, OSError) as error:
                errors.append(error)

        threads = [threading.Thread(target=deliver, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        self.assertTrue(began.wait(30))
        self.assertIn(self.node.stop(), CLEAN_ENDS)
        for thread in threads:
            thread.join(30)
        # Each was told: with 421, or by the end of its connection between two messages.
        self.assertEqual(len(errors), 3)
        self.assertIn(b"* BYE", idle.readline())
        idle.shutdown()
        self.node.start()
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        self.addCleanup(client.shutdown)
        client.login(EMAIL, LOGIN)
        client.select("INBOX", readonly=True)
        _, answer = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (Subject)])")
        found = [
            item[1].decode().split(":", 1)[1].strip() for item in answer if isinstance(item, tuple)
        ]
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(set(accepted) - set(found), set())
        # Nothing in hand was cut off between its commit and its answer.
        self.assertEqual(set(found) - set(accepted), set())

    def test_the_log_is_json_and_holds_no_secret(self) -> None:
        """G69: at the level debug, after logins of every kind, failures and mail."""
        plain = base64.b64encode(f"\0{EMAIL}\0{LOGIN}".encode()).decode()
        wrong = "not-the-pass-word"
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        self.addCleanup(client.shutdown)
        client.starttls(tls)
        with self.assertRaises(imaplib.IMAP4.error):
            client.login(EMAIL, wrong)
        client.authenticate("PLAIN", lambda _: f"\0{EMAIL}\0{LOGIN}".encode())
        client.append("INBOX", None, None, f"Subject: a\r\n\r\n{BODY}\r\n".encode())
        client.select("INBOX")
        client.search(None, "BODY", f'"{BODY}"')
        client.fetch("1", "(BODY[])")
        with socket.create_connection(("127.0.0.1", self.node.imap), timeout=30) as raw:
            raw.sendall(f"a AUTHENTICATE PLAIN {plain}\r\nb AUTHENTICATE LOGIN\r\n".encode())
            raw.sendall(f"a LOGIN {EMAIL} {{{len(LOGIN)}+}}\r\n{LOGIN}".encode())
            raw.sendall(f"\r\nb BAD{LOGIN} {LOGIN}\r\nc LOGOUT\r\n".encode())
            while raw.recv(4096):
                pass
        with smtplib.LMTP("127.0.0.1", self.node.lmtp, timeout=30) as lmtp:
            lmtp.sendmail("a@example.org", [EMAIL], f"Message-Id: <7@x.y>\r\n\r\n{BODY}\r\n")
            lmtp.docmd(f"AUTH PLAIN {plain}")
        self.node.admin("accounts", "update", "--email", EMAIL, "--password", "another-word-9")
        self.assertIn(self.node.stop(), CLEAN_ENDS)
        lines = [json.loads(line) for line in self.node.messages_of_log().splitlines()]
        self.tells_who_and_what([line for line in lines if line["level"] == "info"])
        everything = self.node.messages_of_log() + self.node.output()
        for secret in (LOGIN, wrong, plain, BODY, PASSWORD, "another-word-9"):
            self.assertNotIn(secret, everything)
