"""The database goes to another server, or what leads to it is restarted, and sessions live on: real
servers, real clients, a client that delivers all the while."""

import contextlib
import imaplib
import re
import shutil
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.http_api import ask
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.replication import replicated
from trial_tests.support.scram_postgres import (
    DATABASE,
    ROLE,
    ScramPostgres,
)
from trial_tests.support.scram_postgres import PASSWORD as DATABASE_PASSWORD
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import EMAIL, PASSWORD
from trial_tests.system.test_doorbell import Idling

KEY = "7d0c4a5b1e2f3948576a1b2c3d4e5f60"
PATIENCE = 60.0
"""seconds that anything may take before the test fails"""


class Deliveries(threading.Thread):
    """A sender with one connection, which brings one letter after the other, and each of them again
    until it is taken. `said` are the answers to each, by its name."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._ends = threading.Event()
        self.said: dict[str, list[int]] = {}
        self.trouble = ""

    def run(self) -> None:
        client = smtplib.LMTP("127.0.0.1", self._port, timeout=60)
        number = 0
        while not self._ends.is_set():
            name = f"letter{number}"
            codes = self.said.setdefault(name, [])
            codes.append(self._send(client, name))
            if codes[-1] == 250:
                number += 1
            time.sleep(0.02)
        client.quit()

    def _send(self, client: smtplib.LMTP, name: str) -> int:
        text = f"From: a@example.org\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n"
        try:
            client.sendmail("a@example.org", [EMAIL], text)
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients[EMAIL][0]
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        except (OSError, smtplib.SMTPException) as error:
            self.trouble = repr(error)
            self._ends.set()
            return 0
        return 250

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something while letters are delivered."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert not self.trouble, self.trouble
            assert time.monotonic() < deadline, list(self.said.items())[-3:]
            time.sleep(0.02)

    def was_put_off(self) -> bool:
        """Whether the last answer to the letter that is tried now was 451."""
        return [*self.said.values()][-1][-1:] == [451]

    def taken(self) -> set[str]:
        """Letters that were answered with 250."""
        return {name for name, codes in [*self.said.items()] if codes[-1:] == [250]}

    def end(self) -> None:
        """Stop after the letter in hand."""
        self._ends.set()
        self.join(PATIENCE)


class FailoverTestCase(SynchronousTestCase):
    """A node with one account, whose sessions are opened before anything happens."""

    timeout = 240

    def setUp(self) -> None:
        self.directory = temporary_directory("sora-failover-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        (self.directory / "objects").mkdir()

    def run_on(self, database: dict[str, Any]) -> None:
        """Start the node, with an account that has two messages, and open its sessions."""
        self.api = free_port()
        self.node = SoraNode(
            str(self.directory / "node"),
            {
                "database": {"acquire_timeout": "1s", "query_timeout": "2s", **database},
                "s3": {"provider": "filesystem", "path": str(self.directory / "objects")},
                "health": {"check_interval": "1s"},
            },
        )
        self.addCleanup(self.node.cleanup)
        self.node.servers.append(
            {"type": "http_api", "addr": f"127.0.0.1:{self.api}", "api_key": KEY}
        )
        self.node.write()
        self.node.start()
        self.node.admin("accounts", "create", "--email", EMAIL, "--password", PASSWORD)
        self.working, self.other, watching = [self.session() for _ in range(3)]
        for number in range(2):
            letter = f"Subject: old{number}\r\n\r\n".encode()
            self.until_ok(lambda: self.working.append("INBOX", None, None, letter))  # noqa: B023
        self.until_ok(self.working.select)
        self.until_ok(self.other.select)
        self.idling = Idling(watching)
        self.sender = Deliveries(self.node.lmtp)
        self.addCleanup(self.sender.end)
        self.sender.start()
        self.sender.until(lambda: len(self.sender.taken()) > 2)

    def session(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=PATIENCE)

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                client.shutdown()

        def log_in() -> tuple[str, list[Any]]:
            try:
                return client.login(EMAIL, PASSWORD)
            except imaplib.IMAP4.error as error:
                return "NO", [str(error)]

        self.addCleanup(hang_up)
        self.until_ok(log_in)
        return client

    def works_again(self, keyword: str) -> None:
        """In each session from before: a flag is set and seen by the other one, a body is read, and
        new mail is told of in IDLE."""
        before = len(self.sender.taken())
        self.sender.until(lambda: len(self.sender.taken()) > before + 2)
        self.until_ok(lambda: self.working.store("1", "+FLAGS", keyword))
        self.until_ok(lambda: self.other.noop())
        self.assertIn(keyword, str(self.until_ok(lambda: self.other.fetch("1", "(FLAGS)"))))
        self.assertIn("old1", str(self.until_ok(lambda: self.working.fetch("2", "(BODY[])"))))
        there = int(self.until_ok(lambda: self.session().select())[0])
        while int(self.idling.until(b"EXISTS").split()[1]) < there:
            pass  # what came before is told of first

    def until_ok(self, command: Callable[[], tuple[str, list[Any]]]) -> list[Any]:
        """Repeat a command while its answer is temporary: NO [UNAVAILABLE], and no other."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, answer = command()
            if status == "OK":
                return answer
            self.assertIn("[UNAVAILABLE]", str(answer))
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def everything_is_there(self) -> None:
        """G14, G42: what was answered with 250 is there, and nothing twice, however often it was
        sent; and who was put off heard 451 and nothing else."""
        self.sender.end()
        self.assertEqual(self.sender.trouble, "")
        codes = {code for said in self.sender.said.values() for code in said}
        self.assertEqual(codes, {250, 451})
        client = self.session()
        client.select(readonly=True)
        _, found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        subjects = re.findall(r"Subject: (letter\d+)", str(found))
        self.assertEqual({name: n for name, n in Counter(subjects).items() if n > 1}, {})
        self.assertEqual(self.sender.taken() - set(subjects), set())

    def until_found(self, component: str, status: str, text: str = "") -> None:
        """Wait until health says so of a part."""
        deadline = time.monotonic() + PATIENCE
        while True:
            parts = ask(self.api, KEY, "GET", "/admin/health/overview")[1]["components"]
            [part] = [part for part in parts if part["name"] == component]
            if part["status"] == status and text in part["text"]:
                return
            self.assertLess(time.monotonic(), deadline, part)
            time.sleep(0.1)

    def answered_by(self, role: str) -> float:
        """How many statements a server has answered."""
        text = ask(self.api, "", "GET", "/metrics")[1].decode()
        found = re.findall(
            rf'^sora_db_queries_total{{.*role="{role}",status="ok"}} (\S+)', text, re.M
        )
        return sum(map(float, found))


class FailoverTests(FailoverTestCase):
    def test_sessions_and_deliveries_live_through_a_failover(self) -> None:
        """G14, G21, G23, G42: the primary is killed with sessions in the middle of things, and
        one replica takes over; the other one answers reads, lags, hangs, and nobody sees the past or
        waits for it."""
        servers = replicated(self, replicas=2, synchronous=True)
        primary, (heir, reader) = servers.primary, servers.replicas
        where = primary.tcp()
        self.run_on(
            {
                "host": f"{primary.host},{heir.host}",
                "port": where.port,
                "dbname": where.database,
                "user": where.user,
                "password": "not asked for here",
                "max_replica_lag": "2s",
                "read_endpoints": [{"host": reader.host, "port": where.port, "max_conns": 4}],
            }
        )
        replica = f"database replica {reader.host}:{where.port}"
        self.until_found(replica, "healthy")

        primary.kill()
        self.sender.until(self.sender.was_put_off)
        status, answer = self.working.store("1", "+FLAGS", "$Away")
        if status != "OK":
            self.assertIn("[UNAVAILABLE]", str(answer))
        self.until_found("database", "unhealthy")
        heir.promote()
        reader.follow(heir)
        self.works_again("$Promoted")
        self.until_found("database", "healthy")
        log = self.node.messages_of_log()
        self.assertRegex(log, rf"the primary of the database is {heir.host}:\d+, on timeline 2")
        self.assertRegex(log, "circuit breaker of database pool")

        # The replica follows the new primary, and answers reads; it lags, and nobody sees the past.
        self.until_found(replica, "healthy")
        before = self.answered_by(f"{reader.host}:{where.port}")
        deadline = time.monotonic() + PATIENCE
        while self.answered_by(f"{reader.host}:{where.port}") == before:
            self.assertLess(time.monotonic(), deadline)
            self.until_ok(lambda: self.session().select())
            self.until_ok(lambda: self.other.fetch("1:*", "(ENVELOPE)"))
        reader.pause_replay()
        self.works_again("$Lagging")
        late = self.session()
        self.until_ok(late.select)
        self.assertIn("$Lagging", str(self.until_ok(lambda: late.fetch("1", "(FLAGS)"))))
        self.until_found(replica, "degraded", "max_replica_lag")
        reader.resume_replay()
        self.until_found(replica, "healthy")

        # It hangs, with its connections open: whoever asks it is answered by the primary.
        reader.pause()
        self.works_again("$Hanging")
        self.until_found(replica, "degraded")
        reader.resume()
        self.until_found(replica, "healthy")
        self.everything_is_there()
        self.assertEqual(self.node.stop(wait=60), -15)


class PgBouncerTests(FailoverTestCase):
    def test_sessions_and_deliveries_live_through_a_restart_of_pgbouncer(self) -> None:
        """G14, G42: in transaction mode, killed and started again with sessions in the middle of
        things."""
        program = require_program(self, "pgbouncer", "pgbouncer")
        postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(postgres.remove)
        postgres.start()
        port = postgres.start_bouncer(program)
        self.run_on(
            {
                "host": "127.0.0.1",
                "port": port,
                "dbname": DATABASE,
                "user": ROLE,
                "password": DATABASE_PASSWORD,
                "migrate_host": postgres.host,
                "migrate_port": postgres.port,
            }
        )
        for keyword in ("$Once", "$Twice"):
            postgres.stop_bouncer()
            self.sender.until(self.sender.was_put_off)
            status, answer = self.working.store("1", "+FLAGS", "$Away")
            self.assertEqual(status, "NO")
            self.assertIn("[UNAVAILABLE]", str(answer))
            postgres.start_bouncer(program, port)
            self.works_again(keyword)
        self.everything_is_there()
        self.assertEqual(self.node.stop(wait=60), -15)
