"""Scripts for what clients do (RFC 6785), with a whole Sora: over the wire, on PostgreSQL."""

from collections import Counter
from pathlib import Path

from twisted.internet import reactor

from sora.mailbox.event_scripts import EventScripts
from sora.retry import pause
from sora.storage.postgres.scripts import Scripts
from sora.storage.rows import ScriptLimits
from trial_tests.support.ports import free_port
from trial_tests.support.relay_queue import letters_in
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire

USER = "ann@example.com"
PLENTY = ScriptLimits(1_000_000, 100, 10_000_000)
SCRIPT = """require ["imapsieve", "environment", "imap4flags", "fileinto", "copy", "variables"];
if environment :matches "imap.cause" "*" { addflag "${1}"; }
if environment "imap.changedflags" "\\\\Flagged" { fileinto :copy "Archive"; }
"""


class ImapSieveTests(WholeSoraTestCase):
    """The operator has a script for what comes into Junk; nobody answers at the relay's."""

    def setUp(self) -> None:  # type: ignore[override]
        self.queue = Path(self.mktemp())
        self.queue.mkdir()
        report = Path(self.mktemp())
        report.write_text('require "copy"; redirect :copy "spam@example.net";')
        self.extra = f"""
[relay]
type = "smtp"
smtp_host = "127.0.0.1:{free_port()}"
tls_use_starttls = false
[relay.queue]
path = "{self.queue}"
[[sieve.imap_events]]
mailbox = "\\\\Junk"
script = "{report.absolute()}"
[[servers]]
type = "managesieve"
addr = "127.0.0.1:{free_port()}"
"""

    async def fetched(self, wire: Wire, pattern: bytes) -> bytes:
        """FETCH FLAGS, until it says what it should."""
        for _ in range(500):
            said = await wire.ask(b"FETCH 1:* FLAGS")
            if pattern in said:
                return said
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        raise AssertionError(said)

    async def begin(self) -> tuple[WholeSora, Wire]:
        sora = await self.sora()
        await self.account(sora, USER)
        await Scripts(sora.database).put(await sora.account_id(USER), "events", SCRIPT, PLENTY)
        return sora, await sora.imap(USER)

    async def test_append_flags_and_copies(self) -> None:
        sora, wire = await self.begin()
        port = next(one.addr.port for one in sora.config.servers if one.type == "managesieve")
        self.assertIn(
            b" IMAPSIEVE=sieve://%s:%d" % (sora.house.hostname.encode(), port),
            await wire.ask(b"CAPABILITY"),
        )
        await wire.ask(b"SELECT INBOX")
        await wire.ask(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n")
        self.assertIn(b"FLAGS (\\Recent)", await wire.ask(b"FETCH 1:* FLAGS"))
        said = await wire.ask(b'SETMETADATA INBOX (/shared/imapsieve/script "events")')
        self.assertIn(b"a OK", said)
        await wire.ask(b"APPEND INBOX {8+}\r\nA: c\r\n\r\n")
        await self.fetched(wire, b"2 FETCH (FLAGS (APPEND \\Recent))")
        await wire.ask(b"STORE 1 +FLAGS (\\Flagged)")
        await self.fetched(wire, b"1 FETCH (FLAGS (\\Flagged FLAG")
        await wire.ask(b"COPY 1 INBOX")
        await self.fetched(wire, b"3 FETCH (FLAGS (\\Flagged FLAG COPY")
        self.assertIn(b"MESSAGES 1", await wire.ask(b"STATUS Archive (MESSAGES)"))

    async def test_without_a_script_no_command_costs_more(self) -> None:
        """Somebody else has one: that is his affair."""
        sora, wire = await self.begin()
        await wire.ask(b'SETMETADATA Archive (/shared/imapsieve/script "events")')
        await self.account(sora, "bob@example.com")
        bob = await sora.imap("bob@example.com")
        await bob.ask(b"SELECT INBOX")
        while sora.house.event_accounts.has(await sora.account_id("bob@example.com")):
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        # Once it has to be found out where Junk is, after the answer.
        before = sora.database.statements["recipient"]
        await bob.ask(b"APPEND INBOX {8+}\r\nA: a\r\n\r\n")
        while sora.database.statements["recipient"] == before:
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        (events,) = [one for one in sora._service if isinstance(one, EventScripts)]  # type: ignore[attr-defined, union-attr]
        while events._waits or events._working:
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        for _ in range(3):
            spent = await self.cost(sora, bob.ask(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n"))
            self.assertEqual(spent, Counter(place=1))
        spent = await self.cost(sora, bob.ask(b"STORE 1 +FLAGS (\\Seen)"))
        self.assertEqual(sum(spent.values()), 1, spent)

    async def test_what_comes_into_junk_is_sent_on(self) -> None:
        """That is how spam filters learn (`[[sieve.imap_events]]`)."""
        _, wire = await self.begin()
        await wire.ask(b"SELECT INBOX")
        await wire.ask(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n")
        self.assertIn(b"a OK", await wire.ask(b"MOVE 1 Junk"))
        while not (found := letters_in(self.queue)):
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        (letter,) = found.values()
        self.assertIn(b"spam@example.net", letter)
