"""Two Soras on one database and one S3, behind a PgBouncer; and what a wrong password says."""

import imaplib
import re
import shutil
import smtplib
import tempfile
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY, SeaweedFS, seaweedfs
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN

WAIT_SECONDS = 60


def letter(name: str, size: int = 2000) -> bytes:
    """A message with this subject."""
    return f"From: a@example.org\r\nSubject: {name}\r\n\r\n".encode() + b"x" * size + b"\r\n"


class NodesTestCase(SynchronousTestCase):
    timeout = 300

    def setUp(self) -> None:
        self.postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(self.postgres.remove)
        self.postgres.start()

    def node(self, **tables: dict[str, Any]) -> SoraNode:
        directory = tempfile.mkdtemp(prefix="sora-node-")
        self.addCleanup(shutil.rmtree, directory, True)
        node = SoraNode(directory, {"database": self.database(), **tables})
        self.addCleanup(node.cleanup)
        return node

    def database(self, **keys: Any) -> dict[str, Any]:
        return {
            "host": self.postgres.host,
            "port": self.postgres.port,
            "dbname": DATABASE,
            "user": ROLE,
            "password": PASSWORD,
            **keys,
        }

    def wait_ready(self, *nodes: SoraNode) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        for node in nodes:
            while not node.is_ready():
                assert node.process is not None
                self.assertIsNone(node.process.poll(), node.output())
                self.assertLess(time.monotonic(), deadline, node.output())
                time.sleep(0.05)

    def session(self, node: SoraNode) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", node.imap, timeout=60)
        self.addCleanup(client.shutdown)
        client.login(EMAIL, LOGIN)
        return client

    def deliver(self, node: SoraNode, *letters: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", node.lmtp, timeout=60) as client:
            for one in letters:
                client.sendmail("a@example.org", [EMAIL], one)

    def subjects(self, client: imaplib.IMAP4) -> list[str]:
        """Read the whole of all messages; gives their subjects."""
        client.select("INBOX", readonly=True)
        status, answer = client.fetch("1:*", "(BODY.PEEK[])")
        self.assertEqual(status, "OK", answer)
        bodies = [item[1] for item in answer if isinstance(item, tuple)]
        found = [re.search(rb"(?m)^Subject: (\S+)", body) for body in bodies]
        for body in bodies:
            self.assertTrue(body.endswith(b"x\r\n"))
        return [one[1].decode() for one in found if one]


class TwoNodesTests(NodesTestCase):
    """S3 on SeaweedFS, PgBouncer in transaction mode, migrations around it."""

    def setUp(self) -> None:
        super().setUp()
        self.store: SeaweedFS = seaweedfs(self)
        self.addCleanup(self.store.start)
        bouncer = self.postgres.start_bouncer(require_program(self, "pgbouncer", "pgbouncer"))
        tables = {
            "database": self.database(
                host="127.0.0.1",
                port=bouncer,
                migrate_host=self.postgres.host,
                migrate_port=self.postgres.port,
                max_conns=10,
            ),
            "s3": {
                "provider": "s3",
                "endpoint": self.store.endpoint,
                "bucket": BUCKET,
                "access_key": ACCESS_KEY,
                "secret_key": SECRET_KEY,
                "use_ssl": False,
                "path_style": True,
                "timeout": "3s",
            },
        }
        self.one, self.two = self.node(**tables), self.node(**tables)

    def staged(self) -> int:
        """How many contents wait for their upload."""
        rows = self.postgres.administer(
            "SELECT count(*) FROM contents WHERE staging_slot IS NOT NULL", DATABASE
        )
        return int(rows[0][0])

    def wait_until_uploaded(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while self.staged():
            self.assertLess(time.monotonic(), deadline, "the upload did not come to an end")
            time.sleep(0.2)

    def test_they_start_at_once_share_all_and_survive_each_other(self) -> None:
        """G19: one of them migrates the empty database. G1, G6: what one has taken and not
        uploaded, the other reads and uploads when the first is killed."""
        self.one.spawn()
        self.two.spawn()
        self.wait_ready(self.one, self.two)
        applied = self.postgres.administer(
            "SELECT count(*), count(DISTINCT version) FROM migrations", DATABASE
        )
        self.assertEqual(applied[0][0], applied[0][1])
        told = [re.findall(r"^Migration \d+", n.output(), re.M) for n in (self.one, self.two)]
        self.assertEqual(len(told[0]) + len(told[1]), applied[0][0])
        self.one.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)

        first, second = self.session(self.one), self.session(self.two)
        second.select("INBOX")
        names = []
        for n in range(6):
            names += [f"one-{n}", f"two-{n}"]
            self.deliver(self.one, letter(f"one-{n}"))
            self.deliver(self.two, letter(f"two-{n}"))
        self.assertEqual(self.subjects(first), names)
        self.noop_until(second, "EXISTS", b"12")
        self.store_and_expunge_are_seen_by_the_other(first, second)
        names.remove("one-0")
        self.wait_until_uploaded()

        self.store.stop()
        more = [f"three-{n}" for n in range(4)]
        self.deliver(self.one, *[letter(name) for name in more], letter("big", 1_500_000))
        self.assertGreater(self.staged(), 0)
        names += [*more, "big"]
        self.one.kill_sora()
        # What was uploaded is in the cache of whoever read it, or waits for S3.
        second.noop()
        second.select("INBOX", readonly=True)
        _, answer = second.fetch("12:16", "(BODY.PEEK[])")
        bodies = [item[1] for item in answer if isinstance(item, tuple)]
        self.assertEqual(len(bodies), 5, answer)
        self.assertTrue(all(body.endswith(b"x\r\n") for body in bodies))
        self.store.start()
        # What the dead one had begun to upload is under its lease for five minutes.
        self.postgres.administer(
            "UPDATE objects SET due_at = now() WHERE state = 'pending' AND content_id IS NOT NULL",
            DATABASE,
        )
        self.wait_until_uploaded()
        self.assertEqual(self.subjects(second), names)
        self.assertIn(self.two.stop(), CLEAN_ENDS)

    def noop_until(self, client: imaplib.IMAP4, kind: str, value: bytes) -> None:
        """A NOOP asks at once when there are others, which a process learns of with its
        heartbeat; until then the poll tells it, every two seconds."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            client.noop()
            said = client.response(kind)[1]
            if said and said[-1] == value:
                return
            self.assertLess(time.monotonic(), deadline, said)
            time.sleep(0.1)

    def store_and_expunge_are_seen_by_the_other(
        self, first: imaplib.IMAP4, second: imaplib.IMAP4
    ) -> None:
        """Flags and expunges at a NOOP, new mail in IDLE within the interval of the poll."""
        first.select("INBOX")
        first.store("2", "+FLAGS", "(\\Flagged $Shared)")
        first.store("1", "+FLAGS.SILENT", "(\\Deleted)")
        first.expunge()
        self.noop_until(second, "EXPUNGE", b"1")
        _, flags = second.fetch("1", "(FLAGS)")
        self.assertIn(b"\\Flagged", flags[0])
        self.assertIn(b"$Shared", flags[0])
        second.send(b"i IDLE\r\n")
        while not second.readline().startswith(b"+"):
            pass
        self.deliver(self.one, letter("three"))
        while not (line := second.readline()).endswith(b"EXISTS\r\n"):
            self.assertTrue(line)
        self.assertEqual(line, b"* 12 EXISTS\r\n")
        second.send(b"DONE\r\n")
        while not second.readline().startswith(b"i OK"):
            pass
        first.noop()
        first.store("12", "+FLAGS.SILENT", "(\\Deleted)")
        first.expunge()


class WrongPasswordTests(NodesTestCase):
    """G69: one clear message, exit code 1, and no password in it."""

    def fails(self, node: SoraNode, *words: str) -> None:
        node.spawn()
        assert node.process is not None
        code = node.process.wait(60)
        output = node.output() + node.messages_of_log()
        self.assertEqual(code, 1, output)
        self.assertNotIn("Traceback", output)
        said = [line for line in node.output().splitlines() if line.startswith("sora:")]
        self.assertEqual(len(said), 1, output)
        for word in words:
            self.assertIn(word, said[0])
        for secret in ("not-the-password", PASSWORD, LOGIN):
            self.assertNotIn(secret, output)

    def test_of_postgresql_itself(self) -> None:
        node = self.node(
            database=self.database(password="not-the-password"),
            s3={"provider": "filesystem", "path": "objects"},
        )
        self.fails(node, self.postgres.host, "password", f'"{ROLE}"')

    def test_of_a_pgbouncer(self) -> None:
        """The schema was there already, so PgBouncer is the first who is asked."""
        bouncer = self.postgres.start_bouncer(require_program(self, "pgbouncer", "pgbouncer"))
        node = self.node(
            database=self.database(host="127.0.0.1", port=bouncer, password="not-the-password"),
            s3={"provider": "filesystem", "path": "objects"},
        )
        self.fails(node, f"127.0.0.1:{bouncer}")
