"""Several processes on one database and one node: what one does, the others' clients see at once."""

import imaplib
import re
import shutil
import smtplib
import socket
import tempfile
import time
from statistics import median

from twisted.internet import reactor
from twisted.logger import Logger

from sora.retry import pause
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire
from trial_tests.system.test_nodes import NodesTestCase, letter

USER = "ann@example.com"
log = Logger()


class TwoProcessesTests(NodesTestCase):
    """`twistd sora` twice."""

    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = self.node(), self.node()
        self.two.doorbell = self.one.doorbell
        self.one.spawn()
        self.wait_ready(self.one)
        self.one.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)
        self.two.spawn()
        self.wait_ready(self.two)

    def node(self, **tables: dict[str, object]) -> SoraNode:
        if not hasattr(self, "objects"):
            self.objects = tempfile.mkdtemp(prefix="sora-objects-")
            self.addCleanup(shutil.rmtree, self.objects, True)
        return super().node(s3={"provider": "filesystem", "path": self.objects}, **tables)

    def idle(self, node: SoraNode) -> "Idling":
        idling = Idling(self.session(node))
        self.addCleanup(idling.end)
        return idling

    def test_a_delivery_to_one_is_told_in_idle_by_the_other(self) -> None:
        """Each delivery is told before the next one is made; from the LMTP answer on it takes
        some milliseconds (ARCHITECTURE: under 10), which the log says and no test asserts."""
        idling = self.idle(self.two)
        self.assertEqual(self.sockets(), 2)
        took = []
        with smtplib.LMTP("127.0.0.1", self.one.lmtp, timeout=60) as client:
            for number in range(1, 31):
                client.sendmail("a@example.org", [EMAIL], letter(str(number)))
                began = time.perf_counter()
                self.assertEqual(idling.until(b"EXISTS"), b"* %d EXISTS" % number)
                took.append(time.perf_counter() - began)
        log.info(
            "from the answer to a delivery to EXISTS in another process: "
            "median {median:.2f} ms, longest {longest:.2f} ms",
            median=median(took) * 1000,
            longest=max(took) * 1000,
        )

    def test_a_killed_process_is_followed_by_another(self) -> None:
        """G61 in small: sockets that are left behind disturb nobody."""
        self.one.kill_sora()
        self.one.spawn()
        self.wait_ready(self.one)
        idling = self.idle(self.two)
        self.deliver(self.one, letter("x"))
        self.assertEqual(idling.until(b"EXISTS"), b"* 1 EXISTS")

    def sockets(self) -> int:
        return len(list(self.one.doorbell.iterdir()))


class Idling:
    """A client that waits in IDLE."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        client.select("INBOX", readonly=True)
        self._socket: socket.socket = client.sock
        self._held = b""
        self._socket.sendall(b"i IDLE\r\n")
        self.until(b"idling")

    def until(self, word: bytes) -> bytes:
        """The line that ends with a word, whatever came before it."""
        while (found := re.search(rb"(?m)^.*" + word + rb"\r\n", self._held)) is None:
            data = self._socket.recv(4096)
            assert data, self._held
            self._held += data
        line, self._held = found[0].rstrip(), self._held[found.end() :]
        return line

    def end(self) -> None:
        """Say DONE."""
        self._socket.sendall(b"DONE\r\n")


class StatementsTests(WholeSoraTestCase):
    """What it costs the process that hears."""

    async def setUp(self) -> None:
        fresh = await self.fresh()
        self.one, self.two = await self.sora(fresh), await self.sora(fresh)
        await self.account(self.one, USER)
        while not (self.bells(self.one) and self.bells(self.two)):
            await pause(reactor, 0.005)  # type: ignore[arg-type]

    def bells(self, sora: WholeSora) -> float:
        return sora.house.registry.get_sample_value("sora_doorbell_processes") or 0

    async def idle(self, sora: WholeSora) -> Wire:
        wire = await sora.imap(USER)
        self.addCleanup(wire.transport.abortConnection)
        await wire.ask(b"SELECT INBOX")
        wire.send(b"a IDLE\r\n")
        await wire.until(rb"\+ idling\r\n")
        return wire

    async def test_one_read_for_each_delivery_and_in_order(self) -> None:
        idling = await self.idle(self.two)
        other = await self.idle(self.two)
        before = self.two.database.statements["changes"]
        lmtp = await self.one.lmtp()
        self.addCleanup(lmtp.transport.abortConnection)
        for number in range(1, 21):
            lmtp.send(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<%s>\r\nDATA\r\n" % USER.encode())
            await lmtp.until(rb"354 [^\r\n]*\r\n")
            lmtp.send(b"Subject: %d\r\n\r\nx\r\n.\r\n" % number)
            await lmtp.until(rb"250 [^\r\n]*\r\n")
            for wire in (idling, other):
                said = await wire.until(rb"\* \d+ EXISTS\r\n")
                self.assertTrue(said.endswith(b"* %d EXISTS\r\n" % number), said)
        self.assertEqual(self.two.database.statements["changes"] - before, 20)

    async def test_names(self) -> None:
        """A mailbox that is renamed and deleted by another process."""
        writer = await self.one.imap(USER)
        self.addCleanup(writer.transport.abortConnection)
        await writer.ask(b"CREATE one")
        watcher = await self.two.imap(USER)
        self.addCleanup(watcher.transport.abortConnection)
        await watcher.ask(b"SELECT one")
        watcher.send(b"a IDLE\r\n")
        await watcher.until(rb"\+ idling\r\n")
        await writer.ask(b"RENAME one two")
        await writer.ask(b"DELETE two")
        await watcher.until(rb"\* BYE The selected mailbox was deleted\r\n")

    async def test_notify(self) -> None:
        """Deliveries, names and flags of another process, in mailboxes that nobody has open
        here: in order, and one listing for each at most."""
        writer = await self.one.imap(USER)
        self.addCleanup(writer.transport.abortConnection)
        watcher = await self.two.imap(USER)
        self.addCleanup(watcher.transport.abortConnection)
        said = await watcher.ask(
            b"NOTIFY SET STATUS (selected NONE)"
            b" (personal (MessageNew MessageExpunge FlagChange MailboxName))"
        )
        self.assertIn(b"* STATUS INBOX", said)
        before = self.two.database.statements["list"]
        for number in range(1, 11):
            await writer.ask(b"APPEND INBOX {6+}\r\na: b\r\n")
            told = await watcher.until(rb"\* STATUS [^\r\n]*\r\n")
            self.assertRegex(told, rb"UIDNEXT %d MESSAGES %d " % (number + 1, number))
        await writer.ask(b"CREATE new")
        self.assertTrue((await watcher.until(rb"\* LIST [^\r\n]*\r\n")).endswith(b" new\r\n"))
        await writer.ask(b"SELECT INBOX")
        await writer.ask(b"STORE 1 +FLAGS (\\Seen)")
        self.assertIn(b"UNSEEN 9", await watcher.until(rb"\* STATUS [^\r\n]*\r\n"))
        self.assertLessEqual(self.two.database.statements["list"] - before, 13)

    async def test_notify_of_annotations(self) -> None:
        writer = await self.one.imap(USER)
        self.addCleanup(writer.transport.abortConnection)
        watcher = await self.two.imap(USER)
        self.addCleanup(watcher.transport.abortConnection)
        await watcher.ask(b"NOTIFY SET (personal (MailboxMetadataChange ServerMetadataChange))")
        await writer.ask(b'SETMETADATA INBOX (/shared/comment "x" /private/comment "y")')
        await watcher.until(rb"\* METADATA INBOX /shared/comment /private/comment\r\n")
        await writer.ask(b'SETMETADATA "" (/private/comment "y")')
        await watcher.until(rb'\* METADATA "" /private/comment\r\n')
