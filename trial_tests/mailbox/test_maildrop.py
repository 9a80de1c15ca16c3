"""Maildrops over PostgreSQL: what they cost, and two nodes at the same time."""

from typing import Any

from twisted.internet import reactor

from sora.auth.interfaces import Identity
from sora.deferreds import gather
from sora.errors import InUse, Superseded
from sora.mail.flags import parse_flags
from sora.mailbox.maildrop import Ended, Maildrop
from sora.mailbox.maildrops import Maildrops
from sora.mailbox.reach import SessionFacts
from sora.mailbox.read_ahead import ALLOWANCE, Allowance
from sora.mailbox.retrieval import Whole
from sora.storage.rows import FlagChange
from trial_tests.mailbox.test_on_postgres import OnPostgres
from trial_tests.mailbox.world import Process, message


class OfNode:
    """The maildrops of a process."""

    def __init__(self, process: Process, row: Any) -> None:
        storage: Any = process.storage
        clock: Any = reactor
        self.allowance = Allowance()
        self.house = Maildrops(
            storage.maildrops,
            storage.messages,
            process.bodies,
            process.open_mailboxes,
            clock,
            allowance=self.allowance,
        )
        self.identity = Identity(row.id, row.scope_id, row.address)
        self.is_over = False
        self.superseded = 0

    def was_superseded(self) -> None:
        self.superseded += 1

    async def open(self) -> Maildrop:
        return await self.house.open(
            self.identity,
            SessionFacts("s1", "pop3", "192.0.2.1"),
            is_over=lambda: self.is_over,
            superseded=self.was_superseded,
        )


class MaildropTests(OnPostgres):
    async def setUp(self) -> None:
        await super().setUp()
        self.node = OfNode(self.process, self.row)

    async def steal(self) -> None:
        """The lease runs out, as if the node had died."""

        async def work(tx: Any) -> None:
            await tx.do(
                "update maildrops set until = now() - interval '1 second' where account_id = %s",
                (self.row.id,),
            )

        await self.database.run("steal", work, write=True)

    async def test_what_a_session_costs(self) -> None:
        """One statement for the login, one for a group of messages, one for QUIT."""
        count = 150
        for number in range(count):
            await self.append(number)
        self.database.statements.clear()
        drop = await self.node.open()
        for number in range(1, count + 1):
            retrieved = await drop.message(number)
            assert isinstance(retrieved, Whole)
            self.assertEqual(retrieved.octets, message(number - 1))
            drop.retrieved(number)
            drop.delete(number)
        self.assertEqual(await drop.quit(), Ended(count, 0))
        await drop.leave()
        statements = self.database.statements
        self.assertEqual((statements["open_maildrop"], statements["quit_maildrop"]), (1, 1))
        # 4, 16, 64, 64, and the rest.
        self.assertEqual(statements["maildrop_bodies"], 5)
        self.assertNotIn("release_maildrop", statements)

    async def test_headers_cost_a_statement_for_a_group_and_no_body(self) -> None:
        for number in range(80):
            await self.append(number)
        drop = await self.node.open()
        self.database.statements.clear()
        for number in range(1, 81):
            header = await drop.header(number)
            self.assertEqual(header, message(number - 1).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        self.assertEqual(dict(self.database.statements), {"read": 3})
        self.assertLess(self.node.allowance.left, ALLOWANCE)
        await drop.leave()
        self.assertEqual(self.node.allowance.left, ALLOWANCE, "who leaves holds nothing")

    async def test_two_nodes_log_in_at_once(self) -> None:
        """One has it, the others are told so."""
        nodes = [OfNode(self.new_process(alone=False), self.row) for _ in range(4)]

        async def attempt(node: OfNode) -> Maildrop | None:
            try:
                return await node.open()
            except InUse:
                return None

        for _ in range(5):
            found = [drop for drop in await gather(*map(attempt, nodes)) if drop is not None]
            self.assertEqual(len(found), 1)
            await found[0].leave()
        self.assertEqual([len(node.house) for node in nodes], [0] * 4)

    async def test_who_is_taken_for_dead_removes_nothing(self) -> None:
        for number in range(3):
            await self.append(number)
        drop = await self.node.open()
        drop.delete(1)
        await self.steal()
        other = OfNode(self.new_process(alone=False), self.row)
        second = await other.open()
        second.delete(2)
        with self.assertRaises(Superseded):
            await drop.quit()
        self.assertEqual(await second.quit(), Ended(1, 0))
        again = await self.node.open()
        self.assertEqual([again.uid(number) for number in again.numbers()], [1, 3])
        await again.leave()

    async def test_who_lost_the_lease_hears_of_it(self) -> None:
        drop = await self.node.open()
        await self.steal()
        second = await OfNode(self.new_process(alone=False), self.row).open()
        await self.node.house._renew()
        self.assertEqual((self.node.superseded, drop.is_superseded), (1, True))
        await drop.leave()
        await second.leave()

    async def test_a_lease_that_nobody_took_is_renewed(self) -> None:
        drop = await self.node.open()
        await self.steal()
        await self.node.house._renew()
        with self.assertRaises(InUse):
            await OfNode(self.new_process(alone=False), self.row).open()
        await drop.leave()

    async def test_quit_against_an_expunge(self) -> None:
        """Both want the same messages; each is removed once, and the counters are right."""
        for number in range(40):
            await self.append(number)
        selected = await self.select()
        await selected.store(
            list(range(10, 31)), FlagChange("add", parse_flags(["\\Deleted"])), False
        )
        drop = await self.node.open()
        for number in range(1, 21):
            drop.retrieved(number)
            drop.delete(number)
        for number in range(21, 41):
            drop.retrieved(number)
        ended, _ = await gather(drop.quit(), selected.expunge())
        assert isinstance(ended, Ended)
        self.assertEqual(ended.removed + ended.gone, 20)
        await selected.refresh()
        self.assertEqual(list(selected.view.uids)[:1], [1])
        selected.updates(True)
        self.assertEqual(list(selected.view.uids), list(range(31, 41)))
        status = await self.ann.status("INBOX")
        self.assertEqual((status.messages, status.unseen, status.deleted), (10, 0, 0))

    async def test_a_client_that_comes_back_waits_for_its_old_session(self) -> None:
        drop = await self.node.open()
        self.node.is_over = True
        second, _ = await gather(self.node.open(), drop.leave())
        assert isinstance(second, Maildrop)
        await second.leave()
