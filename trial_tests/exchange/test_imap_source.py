"""Import from another IMAP server: a script of a server on a port of this machine."""

import re
import socket
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID, uuid4

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.errors import AuthenticationFailed, Unavailable
from sora.exchange import watch
from sora.exchange.counts import Counts
from sora.exchange.ending import Cancelled, Stopped
from sora.exchange.folder_import import MAX_BATCH
from sora.exchange.imap_source import ImapSource
from sora.exchange.importer import import_all
from sora.exchange.importing import ImportRooms, Into
from sora.exchange.wishes import Login, Wishes
from sora.mail.facts import derive
from sora.mailbox.arrivals import Arrivals
from sora.retry import Delays
from sora.storage.memory.objects import MemoryObjects
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox, Operation
from sora.storage.stores import ObjectStore
from trial_tests.mailbox.world import AtOnce

LIMIT = 5000


class OldServer(LineReceiver):
    """Courier's way: all is below INBOX., with dots. `mail` is UIDs with flags and octets."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.folder = ""

    def connectionMade(self) -> None:
        self.world.connections.append(self)
        self.sendLine(b"* OK ready")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.world.connections.remove(self)
        if not self.world.connections and self.world.all_gone is not None:
            self.world.all_gone.callback(None)

    def lineReceived(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        self.world.said.append(rest.decode())
        verb = "_".join(re.findall(r"^(?:UID )?\w+", rest.decode())[0].lower().split())
        if self.world.is_silent(rest.decode()):
            return
        answer: Callable[[str], str | None] = getattr(self, f"do_{verb}")
        said = answer(rest.decode())
        if said is not None:
            self.sendLine(tag + b" " + said.encode())

    def do_capability(self, line: str) -> str:
        self.sendLine(b"* CAPABILITY IMAP4rev1 NAMESPACE")
        return "OK"

    def do_login(self, line: str) -> str:
        return "OK" if line == 'LOGIN "old" "se\\"cret"' else "NO [AUTHENTICATIONFAILED] no"

    def do_namespace(self, line: str) -> str:
        self.sendLine(b'* NAMESPACE (("INBOX." ".")) NIL (("shared." "."))')
        return "OK"

    def do_list(self, line: str) -> str:
        self.sendLine(b'* LIST (\\HasChildren) "." "INBOX"')
        self.sendLine(b'* LIST (\\NoSelect) "." "INBOX.Gone"')
        self.sendLine(b'* LIST () "." {16}')
        self.sendLine(b"INBOX.Gone.&AOk-")
        self.sendLine(b'* LIST (\\All) "." "INBOX.All"')
        self.sendLine(b'* LIST () "." "shared.Team"')
        self.sendLine(b'* LIST () "." "INBOX.bad..name"')
        return "OK"

    def do_lsub(self, line: str) -> str:
        self.sendLine(b'* LSUB () "." "INBOX.Gone.&AOk-"')
        return "OK"

    def do_status(self, line: str) -> str:
        name = re.findall('"(.*)"', line)[0]
        self.sendLine(f'* STATUS "{name}" (MESSAGES 9 UIDNEXT 40 UIDVALIDITY 7)'.encode())
        return "OK"

    def do_examine(self, line: str) -> str:
        self.folder = re.findall('"(.*)"', line)[0]
        self.sendLine(f"* OK [UIDVALIDITY {self.world.uidvalidity}] it is".encode())
        return "OK [READ-ONLY] examined"

    def do_uid_search(self, line: str) -> str:
        mail = self.world.mail if self.folder == "INBOX" else {}
        self.sendLine(b"* SEARCH " + " ".join(map(str, mail)).encode())
        return "OK"

    def do_uid_fetch(self, line: str) -> str | None:
        if "RFC822.SIZE" in line:
            for uid, (flags, octets) in self.world.mail.items():
                about = f"UID {uid} FLAGS ({flags}) RFC822.SIZE {len(octets)}"
                self.sendLine(f"* 1 FETCH ({about})".encode())
            return "OK"
        if self.world.losses:
            self.world.losses -= 1
            self.transport.loseConnection()  # type: ignore[union-attr]
            return None
        for uid, (flags, octets) in self.world.mail.items():
            if uid not in self.world.vanished and len(octets) <= LIMIT:
                head = f'* 1 FETCH (FLAGS ({flags}) INTERNALDATE " 1-Feb-2003 04:05:06 +0100"'
                body = b" BODY[] {%d}\r\n" % len(octets) + octets if octets else b' BODY[] ""'
                self.sendLine(head.encode() + body + b" UID %d)" % uid)
        self.sendLine(b"* 1 FETCH (FLAGS (\\Seen))")
        return "OK"

    def do_logout(self, line: str) -> str:
        self.transport.loseConnection()  # type: ignore[union-attr]
        return "OK"


class World:
    """What the server has, and heard."""

    def __init__(self) -> None:
        self.mail: dict[int, tuple[str, bytes]] = {}
        self.vanished: set[int] = set()
        self.losses = 0
        self.silent_at = ""
        self.said_nothing = 0
        self.uidvalidity = 7
        self.said: list[str] = []
        self.connections: list[OldServer] = []
        self.all_gone: Any = None

    def is_silent(self, line: str) -> bool:
        """Whether this is not answered any more."""
        is_silent = bool(self.silent_at) and self.silent_at in line
        self.said_nothing += is_silent
        return is_silent


class ImapSourceTests(TestCase):
    timeout = 30

    async def setUp(self) -> None:
        self.world = World()
        self.patch(watch, "PAUSE", 0.02)
        factory: Any = Factory.forProtocol(lambda: OldServer(self.world))
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(listening.stopListening)
        self.login = Login(
            host="127.0.0.1",
            port=listening.getHost().port,
            user="old",
            password='se"cret',
            tls="none",
        )
        self.storage = memory_storage(reactor)  # type: ignore[arg-type]
        threads: Any = AtOnce()
        random = Random(1)
        self.rooms = ImportRooms(
            importing=self.storage.importing,
            mailboxes=self.storage.mailboxes,
            messages=self.storage.messages,
            arrivals=Arrivals(
                self.storage.messages,
                self.storage.uploads,
                ObjectStore("main", MemoryObjects(), is_remote=True),
                derive=derive,
                threads=threads,
                clock=reactor,  # type: ignore[arg-type]
            ),
            new_operation=lambda: Operation(UUID(int=random.getrandbits(128))),
            new_uuid=uuid4,
            clock=reactor,  # type: ignore[arg-type]
            random=random,
            patience=Delays(0.01, 0.01, attempts=2),
        )
        self.account = await self.storage.accounts.create(
            parse_address("ann@example.com"), [], [NewMailbox("INBOX")]
        )
        for uid in (3, 5, 9):
            self.world.mail[uid] = ("\\Seen $Work \\Odd", b"Subject: %d\r\n\r\nbody\r\n" % uid)

    async def imports(
        self, told: Callable[[Counts], None] = lambda counts: None, **wishes: Any
    ) -> Counts:
        source = ImapSource(reactor, self.login, limit=LIMIT, virtual="only" in wishes)
        try:
            into = Into(self.account.id, self.account.scope_id)
            counts = await import_all(self.rooms, source, into, Wishes(**wishes), told)
        finally:
            await source.close()
            while self.world.connections:
                self.world.all_gone = Deferred()
                await self.world.all_gone
        self.assertEqual(
            counts.seen, counts.done + counts.skipped + counts.failed + counts.left, counts
        )
        return counts

    def numbers(self, counts: Counts) -> tuple[int, int, int, int]:
        return (counts.seen, counts.done, counts.skipped, counts.failed)

    async def names(self) -> list[str]:
        listing = await self.storage.mailboxes.list(self.account.id)
        return [row.name for row in listing.mailboxes]

    async def test_folders_and_messages(self) -> None:
        """The prefix is taken off, what is not one's own or virtual is left out; a name that cannot
        be is told. Each message has its flags and date."""
        counts = await self.imports()
        self.assertEqual(self.numbers(counts), (4, 3, 0, 1))
        self.assertEqual([problem.where for problem in counts.problems], ["INBOX.bad..name"])
        self.assertEqual(await self.names(), ["Gone", "Gone/é", "INBOX"])
        opened = await self.storage.mailboxes.open(self.account.id, "INBOX")
        self.assertEqual(list(opened.states.masks), [1 | 32] * 3)
        self.assertEqual(opened.keywords, ((0, "$Work"),))
        [first, *_] = self.storage.tables.mailboxes[opened.mailbox.id].messages.values()
        self.assertEqual(first.internal_date.isoformat(), "2003-02-01T04:05:06+01:00")
        subscribed = self.storage.tables.accounts[self.account.id].subscriptions
        self.assertEqual(set(subscribed), {"INBOX", "Gone/é"})

    async def test_again_only_what_is_new(self) -> None:
        await self.imports(only=frozenset({"INBOX"}))
        self.world.mail[12] = ("", b"Subject: new\r\n\r\n")
        self.world.said.clear()
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual(self.numbers(counts), (4 + 1, 1, 3, 1))
        fetched = [line for line in self.world.said if "BODY.PEEK" in line]
        self.assertEqual(fetched, ["UID FETCH 12 (UID FLAGS INTERNALDATE BODY.PEEK[])"])

    async def test_flags_that_changed_there(self) -> None:
        await self.imports(only=frozenset({"INBOX"}))
        self.world.mail[5] = ("\\Flagged", b"Subject: 5\r\n\r\nbody\r\n")
        counts = await self.imports(only=frozenset({"INBOX"}), update_flags=True)
        self.assertEqual((counts.skipped, counts.changed), (3, 1))
        opened = await self.storage.mailboxes.open(self.account.id, "INBOX")
        self.assertEqual(list(opened.states.masks), [33, 4, 33])

    async def test_uids_are_kept(self) -> None:
        """G29"""
        await self.imports(preserve_uids=True)
        opened = await self.storage.mailboxes.open(self.account.id, "INBOX")
        self.assertEqual(list(opened.states.uids), [3, 5, 9])
        self.assertEqual((opened.mailbox.uidvalidity, opened.mailbox.uidnext), (7, 40))

    async def test_too_large_empty_and_gone(self) -> None:
        """What is too large is not even asked for."""
        self.world.mail[20] = ("", b"x" * (LIMIT + 1))
        self.world.mail[21] = ("", b"")
        self.world.vanished = {5}
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual((*self.numbers(counts), counts.gone), (6, 2, 1, 3, 1))
        self.assertIn("INBOX, UID 20: It is larger", str(counts.problems[1]))
        self.assertNotIn(",20", " ".join(self.world.said))

    async def test_a_connection_that_is_lost_is_made_again(self) -> None:
        self.world.losses = 2
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual(self.numbers(counts)[1], 3)

    async def test_a_server_that_stays_away(self) -> None:
        """What was seen and is not done is told as left; a second run does it."""
        self.world.losses = 3
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual((counts.done, counts.left, counts.is_whole), (0, 3, False))
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual((counts.done, counts.left), (3, 0))

    async def test_it_is_ended_while_the_server_says_nothing(self) -> None:
        """Whatever it was asked: it is not waited for. What has come stays, the figures add up,
        and the next run goes on. Nothing of it is a problem of the mail."""
        self.world.mail = {
            uid: ("", b"Subject: %d\r\n\r\n" % uid) for uid in range(1, MAX_BATCH + 4)
        }

        def told(counts: Counts) -> None:
            if self.world.said_nothing:
                raise Stopped(Cancelled())

        done = 0
        rest = f"UID FETCH {MAX_BATCH + 1}:"
        for line in ("CAPABILITY", "LOGIN", "LIST", "EXAMINE", "SEARCH", "RFC822.SIZE", rest):
            self.world.silent_at, self.world.said_nothing = line, 0
            counts = await self.imports(told, only=frozenset({"INBOX"}))
            self.assertIsInstance(counts.stopped, Cancelled, line)
            self.assertFalse([one for one in counts.problems if one.count == 0], line)
            done += counts.done
        self.assertEqual(done, MAX_BATCH)
        self.world.silent_at = ""
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual((counts.done, counts.left), (len(self.world.mail) - done, 0))

    async def test_it_is_ended_before_anybody_has_answered(self) -> None:
        """The connection is not made yet; then it is, and nobody greets."""

        def told(counts: Counts) -> None:
            raise Stopped(Cancelled())

        with socket.socket() as nobody, socket.socket() as first, socket.socket() as second:
            nobody.bind(("127.0.0.1", 0))
            nobody.listen(0)
            self.login = evolve(self.login, port=nobody.getsockname()[1])
            for full in (None, first, second):
                if full is not None:
                    full.setblocking(False)
                    full.connect_ex(nobody.getsockname())
                counts = await self.imports(told)
                self.assertIsInstance(counts.stopped, Cancelled)

    async def test_another_uidvalidity_meanwhile(self) -> None:
        self.world.uidvalidity = 8
        counts = await self.imports(only=frozenset({"INBOX"}))
        self.assertEqual(counts.done, 0)
        self.assertIn("has become another mailbox", str(counts.problems[-1]))

    async def test_a_wrong_password_and_nobody_there(self) -> None:
        self.login = evolve(self.login, password="wrong")
        with self.assertRaises(AuthenticationFailed):
            await self.imports()
        self.login = evolve(self.login, port=1)
        with self.assertRaises(Unavailable):
            await self.imports()
