"""Policies through two whole servers on one database: what they say, what goes, and what IMAP and POP3
clients that are there meanwhile hear of it."""

import re
import time
from datetime import timedelta
from typing import Any

from attrs import evolve

from sora.app.accounts import accounts_on
from sora.app.cleaning import server_retention
from sora.app.health import look_at_deletions
from sora.health import Status
from sora.operations.owners import Whose
from sora.operations.retention import RetentionOperations
from sora.workers.cleaner import Cleaned, Cleaner
from trial_tests.support.ports import free_port
from trial_tests.support.whole_sora import LOGIN_PASSWORD, WholeSora, WholeSoraTestCase, Wire

DAY = 86400.0
AGES = {"INBOX": (400, 100, 1), "Trash": (40, 20, 1), "Junk": (8, 1)}
"""days that messages have been in a mailbox, by UID"""
ANN, BOB, EVE, NED = "ann@example.com", "bob@example.com", "eve@example.com", "ned@example.net"
GOING = {
    # The account's rule is about the trash; for the rest there are the server's.
    (ANN, "INBOX"): 1,
    (ANN, "Junk"): 1,
    (ANN, "Trash"): 2,
    (BOB, "INBOX"): 1,
    (BOB, "Junk"): 1,
    (BOB, "Trash"): 1,
    # The domain's rule is about all mailboxes, and comes before the server's for some.
    (NED, "INBOX"): 2,
    # Eve's mail stays for ever.
}
LETTER = b"Subject: %b\r\nFrom: a@example.org\r\n\r\ntext\r\n"


class PolicyTests(WholeSoraTestCase):
    async def setUp(self) -> None:
        self.pop_port = free_port()
        cleanup = (
            '[cleanup]\nmax_age_restriction = "365d"\n'
            '[cleanup.special_use]\ntrash = "30d"\njunk = "7d"\n'
        )
        pop3 = f'[[servers]]\ntype = "pop3"\naddr = "127.0.0.1:{self.pop_port}"\n'
        fresh = await self.fresh()
        self.extra = cleanup + pop3
        self.one: WholeSora = await self.sora(fresh)
        self.extra = cleanup
        self.two: WholeSora = await self.sora(fresh)
        tables = self.one.house.tables
        self.operations = RetentionOperations(
            accounts_on(tables).owners, tables.retention, server_retention(self.one.config.cleanup)
        )
        for person in (ANN, BOB, EVE, NED):
            await self.account(self.one, person)
            await self.fill(person)
        await self.operations.set(Whose(email=ANN), "trash", 10 * DAY)
        await self.operations.set(Whose(email=EVE), None, None)
        await self.operations.set(Whose(domain="example.net"), None, 90 * DAY)

    async def fill(self, person: str) -> None:
        wire = await self.one.imap(person)
        for mailbox, ages in AGES.items():
            for age in ages:
                letter = LETTER % f"{person} {mailbox} {age}".encode()
                name = mailbox.encode()
                said = await wire.ask(b"APPEND %b {%d+}\r\n%b" % (name, len(letter), letter))
                self.assertIn(b"a OK", said)
        await wire.ask(b"LOGOUT")

    async def pass_days(self) -> None:
        """All messages are as old as they are to be."""
        account = "(select account_id from credentials where address = %s)"
        for person in (ANN, BOB, EVE, NED):
            for mailbox, ages in AGES.items():
                for uid, age in enumerate(ages, 1):
                    await self.do(
                        "update messages set save_date = now() - %s where uid = %s and mailbox_id ="
                        f" (select id from mailboxes where name = %s and account_id = {account})",
                        (timedelta(days=age, hours=1), uid, mailbox, person),
                    )

    async def do(self, sql: str, parameters: tuple[Any, ...]) -> None:
        await self.one.database.run("test", lambda tx: tx.do(sql, parameters), write=True)

    async def clean(self) -> Cleaned:
        """A round of the first server's own cleaner. Partitions are left out: an hour that begins
        makes one."""
        (cleaner,) = [one for one in _services(self.one._service) if isinstance(one, Cleaner)]
        return evolve(await cleaner.clean(), partitions=0)

    async def due(self) -> dict[tuple[str, str], int]:
        return {(one.address, one.mailbox): one.messages for one in await self.operations.due(None)}

    async def selected(self, sora: WholeSora, person: str, mailbox: bytes) -> Wire:
        wire = await sora.imap(person)
        await wire.ask(b"ENABLE QRESYNC" if person == ANN else b"NOOP")
        self.assertIn(b"a OK", await wire.ask(b"SELECT " + mailbox))
        return wire

    async def test_what_was_announced_goes_and_everybody_who_looks_is_told(self) -> None:
        """G24, G27: as any other expunge, on all nodes; what a dry run says is what goes."""
        ann = await self.selected(self.two, ANN, b"Trash")
        bob = await self.selected(self.one, BOB, b"INBOX")
        ned = await self.pop(NED)
        before = await self.listing(ned)
        self.assertEqual(len(before), 3)
        await self.pass_days()
        self.assertEqual(await self.due(), GOING)
        self.assertEqual(sum((await self.due()).values()), 9)
        self.assertEqual(
            (await self.messages(BOB, "INBOX"), await self.messages(ANN, "Trash")), (3, 3)
        )
        for wire in (ann, bob):
            wire.send(b"i IDLE\r\n")
            await wire.until(rb"\+ [^\r\n]*\r\n")
        cleaned = await self.clean()
        self.assertEqual((cleaned.expired, cleaned.expunged), (9, 0))
        self.assertEqual(await self.due(), {})
        # IDLE on this node, and with QRESYNC on another one.
        await bob.until(rb"\* 1 EXPUNGE\r\n")
        await ann.until(rb"\* VANISHED 1:2\r\n")
        for wire in (ann, bob):
            wire.send(b"DONE\r\n")
            await wire.until(rb"i OK [^\r\n]*\r\n")
        said = await bob.ask(b"FETCH 1:* (UID)")
        self.assertIn(b"* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 3)\r\n", said)
        left = {
            (person, mailbox): len(ages) - GOING.get((person, mailbox), 0)
            for person in (ANN, BOB, EVE, NED)
            for mailbox, ages in AGES.items()
        }
        found = {key: await self.messages(*key) for key in left}
        self.assertEqual(found, left)

        # POP3: the list of a session does not change; what is gone cannot be retrieved.
        self.assertEqual(await self.listing(ned), before)
        self.assertTrue((await self.ask(ned, b"RETR 1")).startswith(b"-ERR"))
        self.assertIn(b"ned@example.net INBOX 1\r\n", await self.ask_lines(ned, b"RETR 3"))
        self.assertTrue((await self.ask(ned, b"QUIT")).startswith(b"+OK"))
        after = await self.listing(await self.pop(NED))
        self.assertEqual(after, [before[2].replace(b"3 ", b"1 ", 1)])

        # What went can be restored for the grace, like all that was expunged.
        kinds = "select count(*) from expunged where kind = 'retention'"
        count = await self.one.database.run("test", lambda tx: tx.value(kinds), write=False)
        self.assertEqual(count, 9)
        self.assertEqual(await self.clean(), Cleaned())

    async def test_what_pop3_says_of_it(self) -> None:
        """RFC 2449 §6.7: the account's rule; before the login the least of all."""
        anybody = await self.one.client(self.pop_port)
        await anybody.until(rb"\+OK [^\r\n]*\r\n")
        self.assertIn(b"\r\nEXPIRE 90 USER\r\n", await self.ask_lines(anybody, b"CAPA"))
        for person, told in ((ANN, b"365"), (EVE, b"NEVER"), (NED, b"90")):
            capabilities = await self.ask_lines(await self.pop(person), b"CAPA")
            self.assertIn(b"\r\nEXPIRE %b\r\n" % told, capabilities)

    async def test_what_an_account_deletes_all_at_once_is_kept_longer(self) -> None:
        wire = await self.selected(self.one, BOB, b"INBOX")
        for number in range(60):
            letter = LETTER % b"%d" % number
            await wire.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(letter), letter))
        await wire.ask(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        await wire.ask(b"EXPUNGE")
        for earlier in (
            "update expunged set expunged_at = expunged_at - %s",
            "update deletions_pass set began_at = began_at - %s",
        ):
            await self.do(earlier, (timedelta(minutes=11),))
        self.assertEqual((await self.clean()).unusual, 1)
        self.assertEqual((await self.clean()).unusual, 0)
        finding = await look_at_deletions(self.one.house.tables, time.time)()
        self.assertEqual(finding.status, Status.DEGRADED)
        self.assertIn(f"{BOB} 63 messages, with 5 left", finding.text)
        earlier = "update expunged set grace_from = grace_from - %s"
        await self.do(earlier, (timedelta(days=41),))
        self.assertEqual((await self.clean()).expunged, 0)
        await self.do(earlier, (timedelta(days=2),))
        self.assertEqual((await self.clean()).expunged, 63)

    # ------------------------------------------------------------ clients

    async def messages(self, person: str, mailbox: str) -> int:
        wire = await self.two.imap(person)
        said = await wire.ask(f"STATUS {mailbox} (MESSAGES)".encode())
        await wire.ask(b"LOGOUT")
        found = re.search(rb"MESSAGES (\d+)", said)
        assert found is not None, said
        return int(found[1])

    async def pop(self, person: str) -> Wire:
        wire = await self.one.client(self.pop_port)
        await wire.until(rb"\+OK [^\r\n]*\r\n")
        await self.ask(wire, b"USER " + person.encode())
        said = await self.ask(wire, b"PASS " + LOGIN_PASSWORD.encode())
        self.assertTrue(said.startswith(b"+OK"), said)
        return wire

    async def ask(self, wire: Wire, command: bytes) -> bytes:
        wire.send(command + b"\r\n")
        return await wire.until(rb"(?m)^(\+OK|-ERR)[^\r\n]*\r\n")

    async def ask_lines(self, wire: Wire, command: bytes) -> bytes:
        wire.send(command + b"\r\n")
        return await wire.until(rb"\r\n\.\r\n")

    async def listing(self, wire: Wire) -> list[bytes]:
        """What UIDL says."""
        return (await self.ask_lines(wire, b"UIDL")).split(b"\r\n")[1:-2]


def _services(service: Any) -> list[Any]:
    """A service and all that are in it."""
    return [service, *(each for child in _children(service) for each in _services(child))]


def _children(service: Any) -> list[Any]:
    return list(service) if hasattr(service, "__iter__") else []
