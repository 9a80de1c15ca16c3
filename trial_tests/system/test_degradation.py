"""What is left when a part is away: each state is entered and left, and is seen in health and metrics.

A replica that is away or behind is in `test_failover.py`; what a full disk does to each kind of
message in `test_full_disk.py`.
"""

import base64
import imaplib
import poplib
import re
import smtplib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.faults.load import PASSWORD
from trial_tests.faults.node import Node, value_of
from trial_tests.faults.seeds import weed
from trial_tests.faults.world import World, is_mountable

USER = "ann@faults.example"
PATIENCE = 60.0
SMALL = b"Subject: small\r\n\r\nhello\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 40_000 + b"\r\n"
"""More than the second node keeps in its cache."""
LOGINS = 24
"""far more than hashes can be made at a time"""


class Line:
    """A connection on which one line is said and some are heard."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")

    def say(self, line: bytes) -> None:
        self._socket.sendall(line + b"\r\n")

    def until(self, pattern: bytes) -> bytes:
        """The first line that matches."""
        while line := self._file.readline():
            if re.match(pattern, line):
                return line
        raise AssertionError(f"closed before {pattern!r}")

    def ask(self, line: bytes, pattern: bytes) -> bytes:
        self.say(line)
        return self.until(pattern)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class DegradationCase(SynchronousTestCase):
    timeout = 300
    world: World

    def begin(self, weed: str | None) -> None:
        self.world = World.create(weed)
        self.addCleanup(self.world.remove)
        self.world.begin_with([USER])
        self.one, self.two = self.world.nodes
        for node in self.world.nodes:
            self.wait_for(node, "database", "healthy")

    def finding(self, node: Node, component: str) -> Any:
        components = node.ask("GET", "/admin/health/overview")[1]["components"]
        return next((one for one in components if one["name"] == component), None)

    def wait_for(self, node: Node, component: str, *states: str) -> Any:
        """Until a part is in one of these states, also in the metrics; gives what health says. What
        is not healthy has a remedy."""

        def found() -> Any:
            finding = self.finding(node, component)
            if finding is None or finding["status"] not in states:
                return None
            labels = f'component="{component}",status="{finding["status"]}"'
            return finding if value_of(node.metrics(), STATE, labels) == 1 else None

        finding = self.until(found, f"{component} is not {states}")
        if finding["status"] != "healthy":
            self.assertTrue(finding["text"] and finding["remedy"], finding)
        return finding

    def until(self, look: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (found := look()):
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)
        return found

    def imap(self, node: Node, mailbox: str = "INBOX") -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", node.sora.imap, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        client.select(mailbox)
        return client

    def lmtp(self, node: Node) -> smtplib.LMTP:
        client = smtplib.LMTP("127.0.0.1", node.sora.lmtp, timeout=PATIENCE)
        self.addCleanup(client.close)
        client.ehlo("mta.example")
        return client

    def deliver(self, client: smtplib.LMTP, letter: bytes) -> bytes:
        """The answer, as it was given."""
        client.mail("a@example.org")
        code, text = client.rcpt(USER)
        if code == 250:
            client.putcmd("data")
            client.getreply()
            client.send(letter + b".\r\n")
            code, text = client.getreply()
        else:
            client.rset()
        return b"%d %b" % (code, text)

    def body(self, client: imaplib.IMAP4, number: int) -> tuple[str, bytes]:
        """What FETCH said, and the body if there is one."""
        client.noop()
        status, answer = client.fetch(str(number), "(BODY.PEEK[])")
        bodies = [one[1] for one in answer if isinstance(one, tuple)]
        return status, bodies[0] if bodies else bytes(answer[-1] or b"")


STATE = "sora_component_health_status"


class PartsAwayTests(DegradationCase):
    def test_each_part_goes_and_comes_back(self) -> None:
        """One after the other, on the same servers: sessions of the first live through all of it."""
        self.begin(weed())
        client, lmtp = self.imap(self.one), self.lmtp(self.one)
        self.assertEqual(self.deliver(lmtp, SMALL)[:3], b"250")
        client.noop()
        self.the_database_goes(client, lmtp)
        self.the_object_store_goes(client, lmtp)
        if is_mountable():
            self.the_disk_of_the_cache_is_full(lmtp)
        self.more_log_in_than_can(client)

    # ------------------------------------------------------------ PostgreSQL

    def the_database_goes(self, client: imaplib.IMAP4, lmtp: smtplib.LMTP) -> None:
        """Temporary errors in the words of each protocol; who was there goes on where he was."""
        idle, sieve, pop3 = self.idling(), self.sieve(), self.maildrop()
        self.addCleanup(pop3.close)
        self.one.links.postgres.refuse()
        self.one.links.postgres.cut()
        status, said = client.store("1", "+FLAGS", "\\Flagged")
        self.assertEqual((status, said[0][:13]), ("NO", b"[UNAVAILABLE]"))
        self.assertIn("[SYS/TEMP]", self.refusal(lambda: pop3.retr(1)))
        self.assertEqual(self.deliver(lmtp, SMALL)[:9], b"451 4.3.0")
        self.assertIn(b"(TRYLATER)", sieve.ask(b"LISTSCRIPTS", rb"OK|NO|BYE"))
        self.assertIn("[UNAVAILABLE]", self.refusal(lambda: self.imap(self.one)))
        self.assertIn("[SYS/TEMP]", self.refusal(self.maildrop))
        self.assertIn(b"(TRYLATER)", self.sieve_login(Line(self.one.sora.managesieve)))
        finding = self.wait_for(self.one, "database", "unhealthy")
        self.assertIn("PostgreSQL", finding["remedy"])
        self.assertEqual(self.finding(self.two, "database")["status"], "healthy")

        self.one.links.postgres.heal()
        self.wait_for(self.one, "database", "healthy")
        self.until(lambda: client.store("1", "+FLAGS", "\\Flagged")[0] == "OK", "STORE fails")
        self.assertIn(b"hello", b"".join(pop3.retr(1)[1]))
        pop3.quit()
        self.assertIn(b"OK", sieve.ask(b"LISTSCRIPTS", rb"OK|NO|BYE"))
        self.assertEqual(self.deliver(lmtp, SMALL + b"again\r\n")[:3], b"250")
        idle.until(rb"\* 2 EXISTS")
        self.assertIn(b"OK", idle.ask(b"DONE", rb"i "))

    def refusal(self, work: Callable[[], object]) -> str:
        with self.assertRaises((imaplib.IMAP4.error, poplib.error_proto)) as raised:
            work()
        return str(raised.exception)

    def idling(self) -> Line:
        line = self.line(self.one.sora.imap)
        line.until(rb"\* OK")
        line.ask(f"a LOGIN {USER} {PASSWORD}".encode(), rb"a OK")
        line.ask(b"b SELECT INBOX", rb"b OK")
        line.ask(b"i IDLE", rb"\+ ")
        return line

    def sieve(self) -> Line:
        line = self.line(self.one.sora.managesieve)
        self.assertEqual(self.sieve_login(line)[:2], b"OK")
        return line

    def sieve_login(self, line: Line) -> bytes:
        line.until(rb"OK")
        text = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
        return line.ask(b'AUTHENTICATE "PLAIN" "%b"' % text, rb"OK|NO|BYE")

    def line(self, port: int) -> Line:
        line = Line(port)
        self.addCleanup(line.close)
        return line

    def maildrop(self) -> poplib.POP3:
        client = poplib.POP3("127.0.0.1", self.one.pop3, timeout=PATIENCE)
        try:
            client.user(USER)
            client.pass_(PASSWORD)
        except poplib.error_proto:
            client.close()
            raise
        return client

    # ------------------------------------------------------------ S3

    def the_object_store_goes(self, client: imaplib.IMAP4, lmtp: smtplib.LMTP) -> None:
        """G5, G8, G11: mail comes in and is read, as far as it is staged or cached; nothing is ever
        answered as empty."""
        self.assertEqual(self.deliver(lmtp, LARGE)[:3], b"250")
        self.until(lambda: not self.staged(), "nothing is uploaded")
        self.assertTrue(self.body(client, 3)[1].endswith(LARGE))
        other = self.imap(self.two)
        for node in self.world.nodes:
            assert node.links.store is not None
            node.links.store.refuse()
            node.links.store.cut()
        self.assertEqual(self.deliver(lmtp, b"Subject: new\r\n\r\nnew\r\n")[:3], b"250")
        self.assertTrue(self.body(client, 4)[1].endswith(b"new\r\n"))
        self.assertTrue(self.body(other, 4)[1].endswith(b"new\r\n"))
        self.assertTrue(self.body(client, 3)[1].endswith(LARGE))  # from its cache
        status, said = self.body(other, 3)
        self.assertEqual((status, said[:13]), ("NO", b"[UNAVAILABLE]"))
        for node in self.world.nodes:
            self.wait_for(node, "object store s3", "unhealthy")
        breaker = "sora_s3_circuit_breaker_open"
        self.until(lambda: value_of(self.one.metrics(), breaker, "[^}]*"), "no breaker opens")

        self.world.heal()
        for node in self.world.nodes:
            self.wait_for(node, "object store s3", "healthy")
        self.assertTrue(self.body(other, 3)[1].endswith(LARGE))
        self.until(lambda: not self.staged(), "nothing is uploaded")
        self.until(lambda: not value_of(self.one.metrics(), breaker, "[^}]*"), "a breaker stays")

    def staged(self) -> int:
        ((count,),) = self.world.rows(
            "SELECT count(*) FROM contents WHERE staging_slot IS NOT NULL AND state = 'live'"
        )
        return int(count)

    # ------------------------------------------------------------ disks

    def the_disk_of_the_cache_is_full(self, lmtp: smtplib.LMTP) -> None:
        """What is not cached is read all the same, again and again."""
        text = b"Subject: uncached\r\n\r\n" + b"x" * 100_000 + b"\r\n"
        self.assertEqual(self.deliver(lmtp, text)[:3], b"250")
        self.until(lambda: not self.staged(), "nothing is uploaded")
        self.two.disk.fill()
        self.assertIn("cache", self.wait_for(self.two, "disks", "unhealthy")["text"])
        client = self.imap(self.two)
        for _ in range(2):
            self.assertTrue(self.body(client, 5)[1].endswith(text))
        self.two.disk.free()
        self.wait_for(self.two, "disks", "healthy", "degraded")
        self.assertTrue(self.body(client, 5)[1].endswith(text))

    # ------------------------------------------------------------ overload

    def more_log_in_than_can(self, client: imaplib.IMAP4) -> None:
        """G65: all get in, after a while, and who is in does not wait for them."""
        body = {"password": PASSWORD, "hash": "bcrypt"}
        path = f"/admin/accounts/{USER}/password"
        self.assertIn(self.one.ask("PUT", path, body)[0], (200, 204))
        before = value_of(self.one.metrics(), "sora_logins_delayed_total", "[^}]*")
        with ThreadPoolExecutor(LOGINS) as pool:
            logins = [pool.submit(self.imap, self.one) for _ in range(LOGINS)]
            self.until(lambda: self.logins("waiting"), "no login waits")
            self.assertEqual(client.store("1", "+FLAGS", "\\Answered")[0], "OK")
            self.assertFalse(all(login.done() for login in logins))
            for login in logins:
                login.result()
        self.assertGreater(
            value_of(self.one.metrics(), "sora_logins_delayed_total", "[^}]*"), before
        )
        self.wait_for(self.one, "logins", "healthy")
        self.assertEqual(self.logins("waiting") + self.logins("running"), 0)

    def logins(self, state: str) -> float:
        return value_of(self.one.metrics(), f"sora_logins_{state}", "[^}]*")


class FullStoreTests(DegradationCase):
    def test_the_disk_of_all_bodies(self) -> None:
        """452 and [UNAVAILABLE], nothing is there by half, and all goes on when there is room."""
        if not is_mountable():
            return
        self.begin(None)
        assert self.world.bodies is not None
        client, lmtp = self.imap(self.one), self.lmtp(self.one)
        self.assertEqual(self.deliver(lmtp, LARGE)[:3], b"250")
        self.world.bodies.fill()
        self.assertEqual(self.deliver(lmtp, LARGE + b"more\r\n")[:9], b"452 4.3.1")
        status, said = client.append("INBOX", "", "", LARGE + b"again\r\n")
        self.assertEqual((status, said[0][:13]), ("NO", b"[UNAVAILABLE]"))
        self.assertIn("object store", self.wait_for(self.one, "disks", "unhealthy")["text"])
        self.assertEqual(client.status("INBOX", "(MESSAGES)")[1], [b"INBOX (MESSAGES 1)"])
        self.assertTrue(self.body(client, 1)[1].endswith(LARGE))
        self.world.bodies.free()
        self.wait_for(self.one, "disks", "healthy", "degraded")
        self.assertEqual(self.deliver(lmtp, LARGE + b"more\r\n")[:3], b"250")
        self.assertTrue(self.body(client, 2)[1].endswith(b"more\r\n"))
