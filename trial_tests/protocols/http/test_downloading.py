"""A user's mail as a download: the same that exports write, sent no faster than it is read."""

import os
import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from sora.exchange.streams import PIECE
from sora.net.peer import Peer
from sora.protocols.http.download import MOST, STALLED
from trial_tests.protocols.http.desk import KEY, READING, TAKING, parse
from trial_tests.protocols.http.test_exchange import HERE, ExchangeTestCase

TAR = f"{HERE}/export/maildir"
DEEP = ".Work.&ZeVnLIqe-"
LONG = "a" * 120
SIZE = 50_000
COUNT = 30


class SlowClient(StringTransport):
    """One that does not read: the system takes 64 KiB for it."""

    def write(self, data: bytes) -> None:
        super().write(data)
        if len(self.value()) >= PIECE:
            self.producer.pauseProducing()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        self.write(b"".join(iovec))

    def read(self) -> bytes:
        """It takes what is there, and wants more."""
        there = self.value()
        self.clear()
        self.producer.resumeProducing()
        return there


class DownloadTestCase(ExchangeTestCase):
    """An account with mail in several folders."""

    def setUp(self) -> None:
        super().setUp()
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.put("1.a:2,S", "2.b:2,Fa", "3.c:2,ab")
        (self.maildir / "dovecot-keywords").write_text("0 Important\n1 $Label1\n")
        (self.maildir / "dovecot-uidlist").write_text("3 V77 N31 Gabc\n9 :1.a\n12 :2.b\n30 :3.c\n")
        for folder in (DEEP, f".{LONG}"):
            self.put("8.y:2,S", folder=self.folder(self.maildir / folder))
        (self.maildir / "cur" / "7.large:2,").write_text(f"Subject: l\n\nFrom x\n{'x' * 300_000}")
        (self.maildir / "subscriptions").write_text("V\t2\n\nWork\t&ZeVnLIqe-\n")
        os.utime(self.maildir / "cur" / "1.a:2,S", (1_000_000_000, 1_000_000_000))
        done = self.task(self.imports(preserve_uids=True))
        self.assertEqual(self.counts(done), (6, 6, 0, 0), done)

    def exported(self, what: str = "maildir", **wanted: Any) -> Path:
        """What an export writes."""
        directory = self.open / f"out-{what}"
        body = {"path": str(directory), **wanted}
        task = self.task(self.ask("POST", f"{HERE}/export/{what}", body))
        self.assertTrue(task["result"]["complete"], task)
        return directory

    def audited(self) -> tuple[str, str]:
        """The outcome of the last thing that the log of changes has, and what it says of it."""
        told = [one for one in self.events if one["log_namespace"] == "sora.audit"]
        return told[-1]["outcome"], told[-1].get("change") or told[-1].get("why") or ""

    def asking(self, path: str = TAR, transport: StringTransport | None = None) -> Any:
        """A connection on which something is being downloaded."""
        connection = self.factory.buildProtocol(None)
        connection.peer = Peer("10.1.2.3", 40000)
        transport = SlowClient() if transport is None else transport
        connection.makeConnection(transport)
        head = f"GET {path} HTTP/1.1\r\nHost: sora\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        connection.dataReceived(head.encode())
        return connection, transport


class DownloadTests(DownloadTestCase):
    """What comes, and what does not."""

    def test_a_maildir_as_a_tar(self) -> None:
        """File by file what `export-maildir` writes: UIDs, keywords, subscriptions, dates, names
        in UTF-7 and long ones (G29)."""
        answer = self.ask("GET", TAR)
        self.assertEqual(
            (answer.status, answer.headers["content-type"]), (200, "application/x-tar")
        )
        self.assertIn('filename="ann@example.com.tar"', answer.headers["content-disposition"])
        outcome, said = self.audited()
        self.assertEqual(outcome, "done")
        self.assertRegex(said, r"the mail of ann@example.com, as a maildir: 6 messages, \d+ octets")
        unpacked = self.open / "unpacked"
        with tarfile.open(fileobj=BytesIO(answer.body)) as tar:
            tar.extractall(unpacked, filter="tar")
        expected = _tree(self.exported())
        self.assertEqual(_tree(unpacked), expected)
        self.assertEqual(len([name for name in expected if "/cur/" in f"/{name}"]), 6)

    def test_some_mailboxes_in_the_other_layout(self) -> None:
        """As the export that is given the same wishes."""
        answer = self.ask(
            "GET", f"{TAR}?layout=fs&mailbox=inbox&mailbox=Work%2F%E6%97%A5%E6%9C%AC%E8%AA%9E"
        )
        unpacked = self.open / "unpacked"
        with tarfile.open(fileobj=BytesIO(answer.body)) as tar:
            tar.extractall(unpacked, filter="tar")
        chosen = ["INBOX", "Work/日本語"]
        self.assertEqual(_tree(unpacked), _tree(self.exported(layout="fs", mailbox=chosen)))
        self.assertTrue((unpacked / "Work" / "&ZeVnLIqe-" / "cur").is_dir())

    def test_mbox(self) -> None:
        """All in a ZIP archive, and one by itself."""
        answer = self.ask("GET", f"{HERE}/export/mbox")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/zip"))
        directory = self.exported("mbox")
        with ZipFile(BytesIO(answer.body)) as archive:
            self.assertIsNone(archive.testzip())
            found = {name: archive.read(name) for name in archive.namelist()}
        self.assertEqual(found, {name: octets for name, (_, octets) in _files(directory).items()})
        one = self.ask("GET", f"{HERE}/mailboxes/INBOX/mbox")
        self.assertEqual((one.status, one.headers["content-type"]), (200, "application/mbox"))
        self.assertEqual(one.body, found["INBOX.mbox"])
        self.assertIn(b"\n>From x\n", one.body)

    def test_head(self) -> None:
        """All but the mail; nothing was taken away."""
        answer = self.ask("HEAD", TAR)
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["content-type"], "application/x-tar")
        self.assertNotIn("content-length", answer.headers)
        self.assertEqual(self.ask("HEAD", "/admin/accounts/x@example.com/export/mbox").status, 404)

    def test_what_there_is_not(self) -> None:
        """It is refused before anything is sent, and to who may only look."""
        self.has_problem(self.ask("GET", TAR, key=READING), 403, "not-permitted", "export")
        self.assertEqual(self.audited()[0], "refused")
        foreign = self.ask("GET", "/admin/accounts/x@example.com/export/maildir")
        self.has_problem(foreign, 404, "not-found")
        self.has_problem(self.ask("GET", f"{TAR}?mailbox=Nowhere"), 404, "not-found", "Nowhere")
        self.has_problem(self.ask("GET", f"{HERE}/mailboxes/No/mbox"), 404, "not-found")
        self.has_problem(self.ask("GET", f"{TAR}?layout=x"), 400, "bad-request")
        new = {"mailbox": "v1.0"}
        self.assertEqual(self.ask("POST", f"{HERE}/mailboxes", new).status, 201)
        self.has_problem(self.ask("GET", TAR), 422, "cannot-be-done", "layout fs")
        self.assertEqual(self.ask("GET", f"{TAR}?layout=fs").status, 200)

    def test_a_key_for_nothing_else(self) -> None:
        """Who may take mail away may neither look at accounts nor change them."""
        self.assertEqual(self.ask("GET", TAR, key=TAKING).status, 200)
        self.assertEqual(self.ask("GET", f"{HERE}/mailboxes/INBOX/mbox", key=TAKING).status, 200)
        self.has_problem(self.ask("GET", HERE, key=TAKING), 403, "not-permitted", "read")
        order = {"path": str(self.open / "out")}
        answer = self.ask("POST", f"{HERE}/export/maildir", order, key=TAKING)
        self.has_problem(answer, 403, "not-permitted", "write")

    def test_what_cannot_be_read(self) -> None:
        """All else comes, and the end does not (G8)."""
        contents = self.storage.tables.contents.values()
        max(contents, key=lambda one: one.size).pieces = None
        connection, transport = self.asking(transport=StringTransport())
        self.assertTrue(transport.disconnecting)
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertIn(b"200 OK", head)
        self.assertNotIn(b"\r\n0\r\n\r\n", body)
        self.assertIn(b"subscriptions", body)
        connection.connectionLost(Failure(ConnectionDone()))
        outcome, why = self.audited()
        self.assertEqual(outcome, "failed")
        self.assertIn("INBOX, UID ", why)
        self.clock.advance(STALLED)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SlowDownloadTests(DownloadTestCase):
    """Who reads slowly, or not at all."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.folder(self.maildir / ".Many")
        for number in range(COUNT):
            (folder / "cur" / f"{number}.m:2,").write_text(f"Subject: {number}\n\n{'x' * SIZE}\n")
        self.task(self.imports())

    def test_no_faster_than_it_is_read(self) -> None:
        """However much there is, no more is sent than has room, and all of it comes."""
        connection, client = self.asking()
        found = b""
        pieces = 0
        while client.value():
            self.assertLess(len(client.value()), 3 * PIECE)
            found += client.read()
            pieces += 1
            self.clock.advance(STALLED / 2)
        self.assertGreater(pieces, 15)
        with tarfile.open(fileobj=BytesIO(parse(found).body)) as tar:
            self.assertEqual(sum("/cur/" in f"/{one}" for one in tar.getnames()), 6 + COUNT)
        self.assertEqual(self.audited()[0], "done")
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_mail_comes_and_goes_meanwhile(self) -> None:
        """What was there at the beginning comes, but for what has gone away; what was not does
        not; the list of UIDs fits."""
        connection, client = self.asking(f"{TAR}?mailbox=Many")
        found = client.value()
        client.clear()
        self.put("99.new:2,", folder=self.maildir / ".Many")
        self.task(self.imports())
        client.producer.resumeProducing()
        while client.value():
            found += client.read()
        with tarfile.open(fileobj=BytesIO(parse(found).body)) as tar:
            names = {one.rpartition("/")[2] for one in tar.getnames() if "/cur/" in one}
            listed = tar.extractfile(".Many/dovecot-uidlist")
            assert listed is not None
            lines = listed.read().decode().splitlines()
        self.assertEqual(len(names), COUNT)
        self.assertIn(f" N{COUNT + 1} ", lines[0])
        bases = {name.partition(":")[0] for name in names}
        self.assertEqual({line.partition(":")[2] for line in lines[1:]}, bases)
        connection.connectionLost(Failure(ConnectionDone()))

    def test_the_client_goes_away(self) -> None:
        """Nothing more is read for it; the log of changes says what it has."""
        connection, client = self.asking()
        connection.connectionLost(Failure(ConnectionDone()))
        outcome, why = self.audited()
        self.assertEqual(outcome, "gone")
        self.assertRegex(why, r"went away after \d+ messages, \d+ octets")
        sent = client.value()
        self.clock.advance(2 * STALLED)
        self.assertEqual(client.value(), sent)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_client_reads_nothing(self) -> None:
        """It is hung up on."""
        connection, client = self.asking()
        self.clock.advance(STALLED - 1)
        self.assertFalse(client.disconnected)
        self.clock.advance(1)
        self.assertTrue(client.disconnected)
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.audited()[0], "gone")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_too_many_at_once(self) -> None:
        """The next one has its place when one has ended (G55)."""
        running = [self.asking()[0] for _ in range(MOST)]
        self.has_problem(self.ask("GET", TAR), 409, "too-many", "downloads")
        self.assertEqual(self.ask("HEAD", f"{HERE}/export/mbox").status, 409)
        running.pop().connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.ask("GET", TAR).status, 200)
        for connection in running:
            connection.connectionLost(Failure(ConnectionDone()))


def _files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Permissions and octets of all files, by their paths."""
    return {
        str(one.relative_to(root)): (one.stat().st_mode & 0o777, one.read_bytes())
        for one in root.rglob("*")
        if one.is_file()
    }


def _tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """The same with directories, and with the times of messages."""
    found: dict[str, tuple[Any, ...]] = dict(_files(root))
    for one in root.rglob("*"):
        name = str(one.relative_to(root))
        if one.is_dir():
            found[name] = (one.stat().st_mode & 0o777,)
        elif one.parent.name == "cur":
            found[name] = (*found[name], one.stat().st_mtime)
    return found
