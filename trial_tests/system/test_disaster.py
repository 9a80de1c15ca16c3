"""The database is lost, and what takes its place has forgotten the last moments: real servers, real
clients, and a directory of objects that stays as it is (G70)."""

import contextlib
import hashlib
import imaplib
import poplib
import re
import shutil
import smtplib
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from attrs import Factory, define
from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.recovery import Archive
from trial_tests.support.replication import ReplicatedServer, replicated
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import EMAIL, PASSWORD

LARGE = 200_000
"""octets of a body that goes to the directory at once, before its message is placed"""


def letter(name: str, size: int = 300) -> bytes:
    """A message that nobody else has."""
    head = f"From: a@example.org\r\nTo: {EMAIL}\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n"
    line = name.encode() + b"\r\n"
    return head.encode() + b"\r\n" + line * (size // len(line))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


@define
class Cache:
    """What a client with QRESYNC keeps of a mailbox between two connections (RFC 7162 §3.2)."""

    uidvalidity: int = 0
    modseq: int = 0
    uidnext: int = 0
    flags: dict[int, frozenset[str]] = Factory(dict)
    bodies: dict[int, str] = Factory(dict)

    def sync(self, client: imaplib.IMAP4, mailbox: str = "INBOX") -> None:
        """Select the mailbox with what is known of it, believe what is said, and fetch the bodies of
        what is new."""
        client.enable("CONDSTORE")
        client.enable("QRESYNC")
        known = f"(QRESYNC ({self.uidvalidity} {self.modseq}))" if self.modseq else "(CONDSTORE)"
        client.untagged_responses.clear()
        status, answer = client._simple_command("SELECT", mailbox, known)
        assert status == "OK", answer
        said = client.untagged_responses
        client.state = "SELECTED"
        codes = b" ".join(one for one in said.get("OK", []) if one)
        for data in said.get("UIDVALIDITY", []):
            if int(data) != self.uidvalidity:
                self.uidvalidity, self.flags, self.bodies = int(data), {}, {}
        for data in said.get("VANISHED", []):
            gone = re.sub(rb"^\(EARLIER\) ", b"", data).decode()
            for low, high in _ranges(gone):
                for uid in [uid for uid in self.flags if low <= uid <= high]:
                    del self.flags[uid], self.bodies[uid]
        if self.modseq:
            self._learn(said.get("FETCH", []))
            new = f"{max(self.flags, default=0) + 1}:*"
        else:
            new = "1:*"
        self.modseq = int(said["HIGHESTMODSEQ"][0])
        uidnext = int(said["UIDNEXT"][0])
        assert uidnext >= self.uidnext, (uidnext, self.uidnext, codes)
        self.uidnext = uidnext
        self._learn(client.uid("FETCH", new, "(UID FLAGS)")[1])
        for uid in self.flags.keys() - self.bodies.keys():
            self.bodies[uid] = digest(body_of(client, uid))

    def _learn(self, lines: list[Any]) -> None:
        for line in lines:
            found = re.search(rb"UID (\d+)", line or b"")
            flags = re.search(rb"FLAGS \(([^)]*)\)", line or b"")
            if found and flags:
                names = flags[1].decode().split()
                self.flags[int(found[1])] = frozenset(set(names) - {"\\Recent"})


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split(","):
        low, _, high = part.partition(":")
        yield int(low), int(high or low)


def body_of(client: imaplib.IMAP4, uid: int) -> bytes:
    status, answer = client.uid("FETCH", str(uid), "(BODY.PEEK[])")
    assert status == "OK", answer
    return next(item[1] for item in answer if isinstance(item, tuple))


def hang_up(client: imaplib.IMAP4) -> None:
    """End a connection that may have ended already."""
    with contextlib.suppress(OSError):
        client.shutdown()


class DisasterTestCase(SynchronousTestCase):
    timeout = 240

    def node(self, server: ReplicatedServer, directory: str) -> SoraNode:
        """A Sora on this database server, with its objects in the directory."""
        where = server.tcp()
        node = SoraNode(
            directory,
            {
                "database": {
                    "host": where.host,
                    "port": where.port,
                    "dbname": where.database,
                    "user": where.user,
                    "password": "not asked for here",
                },
                "s3": {"provider": "filesystem", "path": str(self.objects)},
            },
        )
        node.servers.append(node._server("pop3", node.pop3, insecure_auth=True))
        node.write()
        self.addCleanup(node.cleanup)
        return node

    def setUp(self) -> None:
        self.directory = temporary_directory("sora-disaster-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.objects = self.directory / "objects"
        self.objects.mkdir()
        self.seen: dict[tuple[int, int], str] = {}
        self.uidls: dict[str, str] = {}

    # ------------------------------------------------------------ clients

    def session(self, node: SoraNode) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", node.imap, timeout=60)
        self.addCleanup(hang_up, client)
        client.login(EMAIL, PASSWORD)
        return client

    def deliver(self, node: SoraNode, *letters: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", node.lmtp, timeout=60) as client:
            for one in letters:
                client.sendmail("a@example.org", [EMAIL], one)

    def sync(self, cache: Cache, node: SoraNode, mailbox: str = "INBOX") -> None:
        """A client comes, brings its cache up to date, and goes."""
        client = self.session(node)
        cache.sync(client, mailbox)
        client.logout()

    def truth(self, node: SoraNode, mailbox: str = "INBOX") -> Cache:
        """What a client finds that knows nothing. No UID may ever have been another message."""
        cache = Cache()
        self.sync(cache, node, mailbox)
        for uid, body in cache.bodies.items():
            self.assertEqual(self.seen.setdefault((cache.uidvalidity, uid), body), body)
        return cache

    def read_pop3(self, node: SoraNode) -> dict[str, str]:
        """All messages by their UIDL. None may ever have been that of another message."""
        client = poplib.POP3("127.0.0.1", node.pop3, timeout=60)
        client.user(EMAIL)
        client.pass_(PASSWORD)
        found = {}
        for line in client.uidl()[1]:
            number, name = line.decode().split()
            body = b"\r\n".join(client.retr(int(number))[1]) + b"\r\n"
            found[name] = digest(body)
        client.quit()
        for name, body_digest in found.items():
            self.assertEqual(self.uidls.setdefault(name, body_digest), body_digest)
        return found

    def mbsync(self, node: SoraNode) -> list[str]:
        """Copy all mailboxes both ways; gives the subjects that are here now."""
        program = require_program(self, "mbsync", "isync")
        config = self.directory / "mbsyncrc"
        mail = self.directory / "mail"
        mail.mkdir(exist_ok=True)
        config.write_text(
            f"IMAPStore remote\nHost 127.0.0.1\nPort {node.imap}\nUser {EMAIL}\n"
            f'Pass "{PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\n'
            f"MaildirStore local\nPath {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim\n\n"
            "Channel all\nFar :remote:\nNear :local:\nPattern INBOX\nCreate Near\n"
            "Expunge Both\nSyncState *\n"
        )
        config.chmod(0o600)

        done = subprocess.run(
            [program, "-c", str(config), "-a"],
            capture_output=True,
            timeout=120,
            env={"HOME": str(self.directory), "PATH": "/usr/bin:/bin"},
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode("utf-8", "replace")[-2000:])
        files = [*(mail / "INBOX" / "cur").iterdir(), *(mail / "INBOX" / "new").iterdir()]
        return sorted(
            re.search(rb"Subject: (\S+)", file.read_bytes())[1].decode() for file in files
        )

    def subjects(self, node: SoraNode) -> list[str]:
        client = self.session(node)
        client.select("INBOX", readonly=True)
        found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        client.logout()
        texts = [item[1] for item in found if isinstance(item, tuple)]
        return sorted(re.search(rb"Subject: (\S+)", text)[1].decode() for text in texts)


class PromotionTests(DisasterTestCase):
    """A replica that has not heard of the last moments takes the place of its primary."""

    def test_a_replica_that_lagged_is_promoted_under_load(self) -> None:
        """G70, G29, G27, G24: what was lost is lost, and nothing else; no UID, modseq or UIDL comes
        again, and every client finds exactly what is there."""
        servers = replicated(self)
        primary, replica = servers.primary, servers.replicas[0]
        node = self.node(primary, str(self.directory / "node"))
        node.start()
        node.admin("accounts", "create", "--email", EMAIL, "--password", PASSWORD)
        kept = [letter(f"kept{number}") for number in range(12)]
        self.deliver(node, *kept, letter("kept-large", LARGE))
        writer = self.session(node)
        writer.select("INBOX")
        writer.uid("STORE", "1:3", "+FLAGS", "(\\Seen $Kept)")
        qresync, condstore = Cache(), Cache()
        self.sync(qresync, node)
        self.truth(node)
        self.read_pop3(node)
        self.mbsync(node)

        # From here on the replica hears of nothing; it has what was before.
        replica.wait_for(primary)
        self.assertRegex(node.admin("database", "status"), r"replica: .*, streaming, async, ")
        there = node.admin("database", "status", "--set", f"database.host={replica.host}")
        self.assertIn(", replica, timeline 1\n", there)
        replica.set("primary_conninfo", "")
        before = self.truth(node)
        writer.uid("STORE", "2,5", "+FLAGS", "(\\Flagged $Lost)")
        writer.uid("STORE", "4", "+FLAGS", "(\\Deleted)")
        writer.expunge()
        writer.create("Lost")
        writer.append("Lost", "", None, letter("in-lost"))
        node.admin("accounts", "create", "--email", "late@example.com", "--password", PASSWORD)
        stop = threading.Event()
        load = [
            threading.Thread(target=self.load, args=(node, number, stop), daemon=True)
            for number in range(3)
        ]
        for thread in load:
            thread.start()
        deadline = time.monotonic() + 60
        while len(qresync.bodies) < len(before.bodies) + 20:
            self.assertLess(time.monotonic(), deadline)
            self.sync(qresync, node)
        self.sync(condstore, node)
        self.truth(node)
        self.read_pop3(node)
        self.mbsync(node)
        lost = {*qresync.bodies, *self.truth(node).bodies} - set(before.bodies)
        self.assertGreater(len(lost), 19)
        watcher = self.session(node)
        watcher.select("INBOX")

        # The machine is gone, with clients in the middle of things. Its address goes to the replica.
        primary.kill()
        stop.set()
        for thread in load:
            thread.join(60)
        replica.promote()
        replica.stop()
        promoted = ReplicatedServer(replica.directory, replica.settings, primary.host)
        self.addCleanup(promoted.kill)
        promoted.start()

        # A session that lives through it is told what is different, and goes on.
        self.until_told(watcher, len(before.bodies))
        self.assertEqual(self.flags(watcher), before.flags)
        self.assertEqual(self.truth(node).bodies, before.bodies)

        # New mail, by every way in, gets numbers that nobody has seen.
        self.deliver(node, *(letter(f"new{number}") for number in range(5)))
        watcher.append("INBOX", "(\\Seen)", None, letter("appended", LARGE))
        now = self.truth(node)
        new = set(now.bodies) - set(before.bodies)
        self.assertEqual(len(new), 6)
        self.assertGreater(min(new), max({*lost, *before.bodies, qresync.uidnext}))
        self.assertGreater(now.modseq, qresync.modseq)
        self.assertEqual({uid: now.bodies[uid] for uid in before.bodies}, before.bodies)

        # Clients that were away know what was lost, and find out.
        status, changed = self.changed_since(node, condstore.modseq)
        self.assertEqual((status, changed), ("OK", set(now.bodies)))
        self.sync(qresync, node)
        self.assertEqual((qresync.bodies, qresync.flags), (now.bodies, now.flags))
        self.assertEqual(len(self.read_pop3(node)), len(now.bodies))
        # A message whose expunge was lost is there again. Who has expunged it and goes by UIDs
        # alone, as mbsync does, does not copy it once more.
        self.assertEqual({*self.mbsync(node), "kept3"}, set(self.subjects(node)))
        self.assertEqual(self.truth(node).bodies, now.bodies)

        # An account, a mailbox and a keyword that were lost may be made again.
        node.admin("accounts", "create", "--email", "late@example.com", "--password", PASSWORD)
        writer = self.session(node)
        self.assertEqual(writer.select("Lost")[0], "NO")
        writer.create("Lost")
        self.assertEqual(self.truth(node, "Lost").bodies, {})
        said = node.admin("database", "status")
        self.assertIn("2 (timeline)", said)
        self.assertIn("nothing was done", node.admin("database", "promoted"))
        self.assertIn("the database was set back", node.messages_of_log())
        self.assertEqual(node.stop(wait=90), -15)

    def load(self, node: SoraNode, number: int, stop: threading.Event) -> None:
        """Deliver, append and change flags until the database is gone."""
        for count in range(1000):
            if stop.is_set():
                return
            with contextlib.suppress(OSError, imaplib.IMAP4.error, smtplib.SMTPException):
                if number:
                    self.deliver(node, letter(f"lost{number}-{count}"))
                else:
                    client = imaplib.IMAP4("127.0.0.1", node.imap, timeout=60)
                    client.login(EMAIL, PASSWORD)
                    client.append("INBOX", "(\\Flagged)", None, letter(f"lost-a{count}", 2000))
                    client.logout()
            time.sleep(0.02)

    def until_told(self, client: imaplib.IMAP4, messages: int) -> None:
        """Ask for news until there are so many messages."""
        deadline = time.monotonic() + 60
        while len(self.flags(client)) != messages:
            self.assertLess(time.monotonic(), deadline)
            client.noop()
            time.sleep(0.1)

    def flags(self, client: imaplib.IMAP4) -> dict[int, frozenset[str]]:
        """What this session has been told of, by number; temporary errors are waited out."""
        found = Cache()
        status, lines = client.fetch("1:*", "(UID FLAGS)")
        if status == "OK":
            found._learn(lines)
        return found.flags

    def changed_since(self, node: SoraNode, modseq: int) -> tuple[str, set[int]]:
        """What a client without QRESYNC is told that has all up to a modseq."""
        client = self.session(node)
        client.select("INBOX", readonly=True)
        status, lines = client.uid("FETCH", "1:*", f"(FLAGS) (CHANGEDSINCE {modseq})")
        found = Cache()
        found._learn(lines)
        return status, set(found.flags)


class PointInTimeTests(DisasterTestCase):
    """The database is restored to an earlier point; the directory of objects stays as it is."""

    def test_mail_before_the_point_is_whole_and_nothing_after_it_is_there(self) -> None:
        """G70, G1, G5: objects that are newer than the database disturb nobody, are not written
        over, and can be found."""
        archive = Archive(self.directory)
        servers = replicated(self, replicas=0, settings=archive.settings())
        primary = servers.primary
        node = self.node(primary, str(self.directory / "node"))
        node.start()
        node.admin("accounts", "create", "--email", EMAIL, "--password", PASSWORD)
        self.deliver(node, *(letter(f"first{number}") for number in range(6)))
        base = archive.base_backup(primary)
        self.deliver(node, *(letter(f"second{number}") for number in range(6)))
        self.deliver(node, letter("second-large", LARGE))
        writer = self.session(node)
        writer.select("INBOX")
        writer.uid("STORE", "1:2", "+FLAGS", "(\\Flagged)")
        self.wait_for_objects(primary)
        before = self.truth(node)
        point = primary.value("SELECT clock_timestamp()")
        time.sleep(0.05)

        # What comes after the point: mail, an expunge, flags.
        self.deliver(node, *(letter(f"after{number}") for number in range(6)))
        self.deliver(node, letter("after-large", LARGE))
        writer.uid("STORE", "3,8", "+FLAGS", "(\\Deleted)")
        writer.expunge()
        self.wait_for_objects(primary)
        client = Cache()
        self.sync(client, node)
        self.read_pop3(node)
        lost = set(self.truth(node).bodies) - set(before.bodies)
        self.assertEqual(len(lost), 7)
        objects = self.all_objects()
        node.stop()
        archive.close(primary)
        primary.kill()

        restored = archive.recover(base, point, host=primary.host)
        self.addCleanup(restored.kill)
        node.start()
        now = self.truth(node)
        self.assertEqual((now.bodies, now.flags), (before.bodies, before.flags))
        self.sync(client, node)
        self.assertEqual((client.bodies, client.flags), (now.bodies, now.flags))
        self.assertEqual(len(self.read_pop3(node)), len(now.bodies))

        # New mail, also the same that was lost, gets new UIDs and new objects.
        self.deliver(node, *(letter(f"after{number}") for number in range(3)))
        self.deliver(node, letter("after-large", LARGE), letter("again", LARGE))
        self.wait_for_objects(restored)
        new = set(self.truth(node).bodies) - set(before.bodies)
        self.assertEqual(len(new), 5)
        self.assertGreater(min(new), max(lost))
        self.read_pop3(node)
        there = self.all_objects()
        self.assertEqual({name: there[name] for name in objects}, objects)
        self.assertGreaterEqual(len(there), len(objects) + 5)
        self.assertIn("(timeline)", node.admin("database", "status"))
        node.stop()

    def wait_for_objects(self, server: ReplicatedServer) -> None:
        """Wait until every body has left the database."""
        deadline = time.monotonic() + 60
        while server.value("SELECT count(*) FROM contents WHERE staging_slot IS NOT NULL", "sora"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def all_objects(self) -> dict[str, tuple[int, str]]:
        """Every object, with the time it was written and what is in it."""
        return {
            path.name: (path.stat().st_mtime_ns, digest(path.read_bytes()))
            for path in self.objects.rglob("*-*")
            if path.is_file() and not path.name.startswith(".")
        }
