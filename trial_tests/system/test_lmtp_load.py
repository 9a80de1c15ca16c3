"""Many messages at the same time through a whole Sora: counts, bounded spools, true answers."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.deferreds import gather
from sora.operations.owners import OwnerLookup, Whose
from sora.operations.quota import QuotaOperations
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.quotas import Quotas
from sora.storage.postgres.rights import RightsTable
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire

CONNECTIONS = 6
EACH = 15
PEOPLE = 8


class LMTPLoadTests(WholeSoraTestCase):
    timeout = 300

    async def setUp(self) -> None:
        self.one: WholeSora = await self.sora()
        self.people = [f"p{number}@example.com" for number in range(PEOPLE)]
        for name in self.people:
            await self.account(self.one, name)

    async def send(self, wire: Wire, letter: bytes, names: list[str]) -> list[bytes]:
        """One pipelined transaction; the codes of RCPT, and those after the message."""
        wire.send(b"MAIL FROM:<a@b.c>\r\n")
        await wire.until(rb"250 [^\r\n]*\r\n")
        wire.send(b"".join(b"RCPT TO:<%s>\r\n" % name.encode() for name in names))
        codes = [(await wire.until(rb"\d{3} [^\r\n]*\r\n"))[:9] for _ in names]
        wire.send(b"DATA\r\n")
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(letter + b".\r\n")
        accepted = [code for code in codes if code.startswith(b"250")]
        return codes + [(await wire.until(rb"\d{3} [^\r\n]*\r\n"))[:9] for _ in accepted]

    async def messages(self, name: str) -> int:
        wire = await self.one.imap(name)
        said = await wire.ask(b"STATUS INBOX (MESSAGES)")
        return int(said.partition(b"MESSAGES ")[2].partition(b")")[0])

    async def test_each_message_arrives_once_in_each_mailbox(self) -> None:
        """A statement for all recipients of a message, and one for each RCPT."""
        wires = [await self.one.lmtp() for _ in range(CONNECTIONS)]

        async def work(number: int, wire: Wire) -> None:
            for turn in range(EACH):
                letter = b"Subject: %d %d\r\n\r\ntext\r\n" % (number, turn)
                codes = await self.send(wire, letter, self.people)
                self.assertEqual(codes, [b"250 2.1.5"] * PEOPLE + [b"250 2.0.0"] * PEOPLE)

        async def all_of_it() -> None:
            await gather(*[_begun(work(number, wire)) for number, wire in enumerate(wires)])

        cost = await self.cost(self.one, all_of_it())
        count = CONNECTIONS * EACH
        self.assertEqual(cost, {"recipient": count * PEOPLE, "deliver": count})
        for name in self.people:
            self.assertEqual(await self.messages(name), count)
        await self.filed(self.one)

    async def test_who_is_full_and_who_is_nobody_are_told_so(self) -> None:
        """G41, over real sockets: at RCPT and after the message."""
        database = self.one.database
        accounts = Accounts(database)
        rights = RightsTable(database, reactor)  # type: ignore[arg-type]
        quotas = QuotaOperations(OwnerLookup(accounts, rights), Quotas(database))
        await quotas.set(Whose(email=self.people[0]), 100, None, None)
        wire = await self.one.lmtp()
        names = [self.people[0], "nobody@example.com", self.people[1]]
        letter = b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n"
        self.assertEqual(
            await self.send(wire, letter, names),
            [b"250 2.1.5", b"550 5.1.1", b"250 2.1.5", b"452 4.2.2", b"250 2.0.0"],
        )
        await quotas.set(Whose(email=self.people[0]), 0, None, None)
        self.assertEqual(
            await self.send(wire, letter + b"2\r\n", names),
            [b"452 4.2.2", b"550 5.1.1", b"250 2.1.5", b"250 2.0.0"],
        )

    async def test_large_messages_at_the_same_time_arrive_whole(self) -> None:
        wires = [await self.one.lmtp() for _ in range(CONNECTIONS)]

        async def work(number: int, wire: Wire) -> None:
            letter = b"Subject: large %d\r\n\r\n" % number + b"%09d\r\n" % number * 300_000
            codes = await self.send(wire, letter, self.people[:2])
            self.assertEqual(codes[2:], [b"250 2.0.0"] * 2)

        await gather(*[_begun(work(number, wire)) for number, wire in enumerate(wires)])
        self.assertEqual(await self.messages(self.people[1]), CONNECTIONS)


def _begun(work: Any) -> Any:
    return Deferred.fromCoroutine(work)
