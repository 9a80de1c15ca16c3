"""Open mailboxes and delivery over PostgreSQL: what they cost, and many at the same time."""

from contextlib import suppress as expecting  # trial reads "suppress" of a module
from random import Random
from typing import Any

from twisted.internet import reactor

from sora.addresses import parse_address
from sora.deferreds import gather
from sora.errors import ExpungeIssued
from sora.mail.flags import parse_flags
from sora.mailbox.account import Account
from sora.mailbox.envelope import Addressee
from sora.mailbox.selected import Selected
from sora.storage.rows import FlagChange, NewMailbox, Want
from trial_tests.mailbox.models import Client
from trial_tests.mailbox.test_resync import Remembering
from trial_tests.mailbox.world import Process, envelope, message, spool
from trial_tests.storage.postgres import test_contracts


class OnPostgres(test_contracts.PostgresStorage):
    async def setUp(self) -> None:
        self.storage = await self.new_storage()
        self.database = self.storage.accounts._database
        self.row = await self.storage.accounts.create(
            parse_address("ann@example.com"), [], [NewMailbox("INBOX"), NewMailbox("Other")]
        )
        self.process = self.new_process(alone=True)
        self.ann = self.process.session(self.row)

    def new_process(self, alone: bool) -> Process:
        storage: Any = self.storage
        clock: Any = reactor
        return Process(storage, clock, alone=alone)

    async def select(self, account: Account | None = None, name: str = "INBOX") -> Selected:
        selected = await (account or self.ann).select(name, False)
        self.addCleanup(selected.close)
        return selected

    async def append(self, number: int, *names: str) -> None:
        await self.ann.appending.append("INBOX", parse_flags(names), None, spool(message(number)))

    async def deliver(self, number: int) -> None:
        address = parse_address("ann@example.com")
        recipient = await self.process.delivery.resolve(address)
        assert recipient is not None
        outcomes = await self.process.delivery.deliver(
            envelope([Addressee(address, recipient)]), spool(message(number))
        )
        self.assertEqual(outcomes, [None])


class BudgetTests(OnPostgres):
    """The table of round trips in the architecture, held by what is really sent."""

    async def cost(self, work: Any) -> int:
        """How many statements some work sends."""
        before = self.database.statements.copy()
        await work
        return sum((self.database.statements - before).values())

    async def test_each_operation_costs_what_the_table_says(self) -> None:
        for number in range(5):
            await self.append(number)
        self.assertEqual(await self.cost(self.select()), 1)
        selected = await self.select()
        watcher = await self.select()

        async def read(see: bool) -> None:
            wants = frozenset({Want.ENVELOPE, Want.BODY})
            async for _ in selected.reading.read(selected.view.uids, wants, see):
                pass

        deleting = FlagChange("add", parse_flags(["\\Deleted", "$new"]))
        await self.process.delivery.resolve(parse_address("ann@example.com"))
        for name, work, statements in (
            ("SELECT, warm", self.select(), 0),
            ("NOOP", selected.refresh(), 0),
            ("STORE", selected.store([1, 2], deleting, False), 1),
            ("COPY", selected.copy([1, 3], "Other"), 1),
            ("EXPUNGE", selected.expunge(), 1),
            ("MOVE", selected.move([3], "Other"), 1),
            ("FETCH", read(False), 1),
            ("FETCH that marks as seen", read(True), 1),
            ("APPEND", self.append(6), 1),
            ("LMTP recipient and message", self.deliver(7), 2),
            ("LIST", self.ann.listing(), 1),
            ("STATUS", self.ann.status("Other"), 1),
        ):
            self.assertEqual(await self.cost(work), statements, name)
        updates = watcher.updates(True)
        self.assertEqual(len(updates.expunged), 3)
        self.assertEqual((updates.exists, updates.keywords), (4, True))
        self.assertEqual(await self.cost(read(False)), 1)


class ManyAtTheSameTimeTests(OnPostgres):
    """Real connections, answers in any order: every view ends with the truth."""

    async def work(self, session: Selected, seed: int) -> None:
        random = Random(seed)
        for step in range(15):
            known = list(session.view.uids)
            chosen = sorted(random.sample(known, min(len(known), 3)))
            kind = random.randrange(6)
            if kind == 0 or not chosen:
                await self.deliver(seed * 1000 + step)
            elif kind == 1:
                await self.append(seed * 1000 + step, f"$k{seed}", "\\Flagged")
            elif kind == 2:
                mode = random.choice(["add", "remove", "replace"])
                names = random.sample(["\\Seen", "\\Flagged", f"$k{seed}", "$all"], 2)
                await session.store(chosen, FlagChange(mode, parse_flags(names)), True)  # type: ignore[arg-type]
            elif kind == 3:
                await session.store(chosen[:1], FlagChange("add", parse_flags(["\\Deleted"])), True)
                await session.expunge()
            elif kind == 4:
                with expecting(ExpungeIssued):  # somebody else's expunge came first
                    await session.copy(chosen, "INBOX")
            else:
                await session.move(chosen[:1], "Other")
            if random.random() < 0.5:
                session.updates(random.random() < 0.7)

    async def test_every_view_ends_with_the_truth(self) -> None:
        """G16, G24–G27"""
        for number in range(10):
            await self.append(number)
        stranger = self.new_process(alone=False)
        sessions = [await self.select() for _ in range(4)]
        sessions += [await self.select(stranger.session(self.row)) for _ in range(2)]
        clients = [Client((await self.select()).view) for _ in range(2)]
        clients.append(Client((await self.select(stranger.session(self.row))).view))
        await gather(*[self.work(session, seed) for seed, session in enumerate(sessions, 1)])
        opened = await self.storage.mailboxes.open(self.row.id, "INBOX")
        for process in (self.process, stranger):
            mailbox = process.open_mailboxes.get(opened.mailbox.id)
            assert mailbox is not None
            await mailbox.settle(opened.mailbox.highest_modseq)
        truth = dict(zip(opened.states.uids, opened.states.masks, strict=True))
        for client in clients:
            client.take()
            self.assertEqual(client.masks, truth)
        for session in sessions:
            session.updates(True)
            self.assertEqual({uid: session.view.mask(uid) for uid in session.view.uids}, truth)
            self.assertEqual(session.keywords.known, len(opened.keywords))
        # One session of a process has it recent; the stranger is a process of its own.
        recent = [
            uid for client in clients[:2] for uid in client.uids if client.view.is_recent(uid)
        ]
        self.assertEqual(sorted(recent), sorted(set(recent)))

    async def wander(self, client: Remembering, processes: list[Process], seed: int) -> None:
        """Come and go, here and there, now and then cut off before an expunge was told."""
        random = Random(seed)
        for _ in range(8):
            await client.come(random.choice(processes), self.row)
            for _ in range(random.randrange(4)):
                assert client.selected is not None
                await client.selected.refresh()
                client.tell(may_expunge=random.random() < 0.5)
            await client.leave()

    async def test_clients_that_come_and_go_miss_nothing(self) -> None:
        """RFC 7162 §3.2: the history that they ask for is written meanwhile."""
        for number in range(20):
            await self.append(number)
        processes = [self.process, self.new_process(alone=False)]
        self.process.open_mailboxes.alone = False
        sessions = [
            await self.select(processes[number % 2].session(self.row)) for number in range(4)
        ]
        clients = [Remembering() for _ in range(3)]
        await gather(
            *[self.work(session, seed) for seed, session in enumerate(sessions, 1)],
            *[self.wander(client, processes, seed) for seed, client in enumerate(clients, 1)],
        )
        opened = await self.storage.mailboxes.open(self.row.id, "INBOX")
        truth = dict(zip(opened.states.uids, opened.states.masks, strict=True))
        for number, client in enumerate(clients):
            await client.come(processes[number % 2], self.row)
            self.assertEqual(client.masks, truth)
            await client.leave()

    async def test_deliveries_side_by_side_are_all_heard_of(self) -> None:
        watcher = await self.select()
        await gather(*[self.deliver(number) for number in range(40)])
        mailbox = self.process.open_mailboxes.get(watcher._state.mailbox_id)
        assert mailbox is not None
        await mailbox.settle((await self.ann.status("INBOX")).highest_modseq)
        updates = watcher.updates(True)
        self.assertEqual((updates.exists, updates.recent), (40, 40))
        self.assertEqual(list(watcher.view.uids), list(range(1, 41)))
