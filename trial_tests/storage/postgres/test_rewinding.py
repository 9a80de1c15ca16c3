"""Random lives of a database that is copied, put back and promoted: what somebody was told once is
never true of something else (G70, G29).

A snapshot is a copy (`CREATE DATABASE … TEMPLATE`), and putting it back takes the database's place
by its name: so neither the timeline nor the cluster tells. That is noticed by a process that lives
through it, or said by an operator; a promotion is another timeline. The seed is in the name of each
failure: `SORA_REWIND_SEED=7 SORA_REWIND_STEPS=200 ./dev test trial_tests.storage.postgres.test_rewinding`.
"""

import os
from collections.abc import Hashable
from random import Random
from typing import Any
from uuid import uuid4

from attrs import define
from twisted.internet import reactor

from sora.addresses import parse_address
from sora.mail.flags import Flags, parse_flags
from sora.mail.numbers import NumberSet
from sora.retry import pause
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.mailboxes import Mailboxes
from sora.storage.postgres.membership import Membership
from sora.storage.postgres.messages import Messages
from sora.storage.rows import AccountRow, FlagChange, MailboxRow, NewMailbox, Target
from trial_tests.storage.postgres.stage import DAY, arrival_of, bytes_of, new_operation
from trial_tests.support.postgres import DatabaseTestCase, FreshDatabase, _plainly, administer

SEEDS = [int(os.environ["SORA_REWIND_SEED"])] if "SORA_REWIND_SEED" in os.environ else [1]
STEPS = int(os.environ.get("SORA_REWIND_STEPS", "40"))
GAP = 50
"""UIDs, for lives in which epochs begin as many milliseconds apart: the gap and the time between two
epochs go together"""
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$a", "$b", "$c")
NAMES = ("a", "b", "c")

_TOLD = {
    "message": "select b.object_id, b.uidvalidity, m.uid, m.email_id::text from mailboxes b join"
    " (select mailbox_id, uid, email_id from messages union all"
    " select mailbox_id, uid, email_id from expunged) m on m.mailbox_id = b.id",
    "name": "select account_id, name_key, uidvalidity, object_id from mailboxes",
    "mailbox": "select id, object_id from mailboxes",
    "modseq": "select mailbox_id, modseq, operation::text || kind || uids::text from events",
    "content": "select id, encode(hash, 'hex') from contents",
    "account": "select a.id, c.address || a.created_at from accounts a join credentials c"
    " on c.account_id = a.id",
    "credential": "select id, address || created_at from credentials",
    "version": "select a.id, a.version, a.deleted_at::text || coalesce((select"
    " string_agg(b.name || b.object_id, ',' order by b.id) from mailboxes b"
    " where b.account_id = a.id and b.deleted_at is null), '') from accounts a",
    "epoch": "select id::text, epoch from epochs",
}
"""What clients, nodes and buckets hear: each row is a name, and what it stands for."""


@define
class Remembered:
    """A mailbox as a client with QRESYNC has kept it."""

    account_id: int
    object_id: str
    modseq: int
    masks: dict[int, int]
    uidnext: int


class Life:
    """One database, what everybody was ever told of it, and clients that come back."""

    def __init__(self, test: DatabaseTestCase, fresh: FreshDatabase, seed: int) -> None:
        self.test = test
        self.fresh = fresh
        self.random = Random(seed)
        self.seed = seed
        self.number = 0
        self.made = 0
        """mailboxes since a snapshot was put back"""
        self.told: dict[Hashable, Any] = {}
        self.snapshots: list[str] = []
        self.clients: list[Remembered] = []
        self.heard: Any = None
        self.steps: list[str] = []
        self.open()

    # ------------------------------------------------------------ the database

    def open(self) -> None:
        self.database = self.test.open(self.fresh.server)
        self.accounts = Accounts(self.database)
        self.mailboxes = Mailboxes(self.database, reactor)  # type: ignore[arg-type]
        self.messages = Messages(self.database, reactor)  # type: ignore[arg-type]
        self.membership = Membership(self.database)
        self.membership._heard = self.heard

    async def close(self) -> None:
        """All connections end, and the server has noticed; the process lives on."""
        self.heard = self.membership._heard
        await self.database.close(grace=1)
        query = f"select 1 from pg_stat_activity where datname = '{self.fresh.name}'"
        while administer(query):
            await pause(reactor, 0.01)  # type: ignore[arg-type]

    async def rows(self, sql: str) -> list[Any]:
        return await self.database.run("look", lambda tx: tx.all(sql), write=False)

    async def snapshot(self) -> None:
        await self.close()
        name = f"{self.fresh.name}_{len(self.snapshots)}"
        administer(f'CREATE DATABASE "{name}" TEMPLATE "{self.fresh.name}"{_plainly()}')
        self.test.addCleanup(FreshDatabase(name, self.fresh.server).drop)
        self.snapshots.append(name)
        self.open()

    async def put_back(self) -> None:
        """A snapshot takes the place of the database; sometimes a process has lived through it."""
        if not self.snapshots:
            return
        # A restore takes longer than this, and seconds are what UIDVALIDITY is made of.
        await pause(reactor, 1.0 * self.made + 0.1)  # type: ignore[arg-type]
        self.made = 0
        await self.close()
        name = self.random.choice(self.snapshots)
        self.fresh.drop()
        administer(f'CREATE DATABASE "{self.fresh.name}" TEMPLATE "{name}"{_plainly()}')
        self.open()
        if self.heard is not None and self.random.random() < 0.5:
            await self.membership.beat(uuid4(), "")
        else:
            await self.rows("select promoted_v1(true)")
            self.membership._heard = None

    async def promote(self) -> None:
        await pause(reactor, GAP / 1000)  # type: ignore[arg-type]
        await self.rows("update sora set timeline = timeline - 1 returning 1")

    # ------------------------------------------------------------ what is done

    async def account(self) -> AccountRow:
        found = [one async for one in self._accounts()]
        return self.random.choice(found) if found else await self.make_account()

    async def _accounts(self) -> Any:
        for (address,) in await self.rows("select address from credentials order by id"):
            yield await self.accounts.show(parse_address(address))

    async def mailbox(self) -> MailboxRow:
        account = await self.account()
        listing = await self.mailboxes.list(account.id)
        return self.random.choice(listing.mailboxes)

    async def make_account(self) -> AccountRow:
        self.number += 1
        self.made += 1
        return await self.accounts.create(
            parse_address(f"u{self.number % 3}{self.number}@example.org"),
            [],
            [NewMailbox("INBOX"), NewMailbox("Trash", "\\Trash")],
        )

    async def deliver(self) -> None:
        account, box = await self.account(), None
        listing = await self.mailboxes.list(account.id)
        box = self.random.choice(listing.mailboxes)
        for _ in range(self.random.randint(1, 4)):
            self.number += 1
            names = self.random.sample(FLAGS, self.random.randint(0, 2))
            await self.messages.place(
                account.scope_id,
                arrival_of(bytes_of(self.number % 30)),
                [Target(account.id, box.id, DAY, uuid4(), parse_flags(names))],
                new_operation(),
            )

    async def uids(self, box: MailboxRow) -> NumberSet:
        found = await self.rows(f"select uid from messages where mailbox_id = {box.id}")
        uids = [uid for (uid,) in found]
        return NumberSet.of(self.random.sample(uids, min(len(uids), 3)))

    async def store(self) -> None:
        box = await self.mailbox()
        mode: Any = self.random.choice(("add", "remove", "replace"))
        flags = parse_flags(self.random.sample(FLAGS, 2))
        if uids := await self.uids(box):
            await self.messages.store(box.id, uids, FlagChange(mode, flags), new_operation())

    async def expunge(self) -> None:
        box = await self.mailbox()
        if uids := await self.uids(box):
            deleted = FlagChange("add", Flags(8))
            await self.messages.store(box.id, uids, deleted, new_operation())
            await self.messages.expunge(box.id, uids, new_operation())

    async def move(self) -> None:
        box = await self.mailbox()
        listing = await self.mailboxes.list(box.account_id)
        there = self.random.choice(listing.mailboxes)
        if there.id != box.id and (uids := await self.uids(box)):
            done = self.random.choice((self.messages.copy, self.messages.move))
            await done(box.id, uids, box.account_id, there.name, new_operation())

    async def make_mailbox(self) -> None:
        account = await self.account()
        name = self.random.choice(NAMES)
        listing = await self.mailboxes.list(account.id)
        there = name in {one.name for one in listing.mailboxes}
        if there:
            await self.mailboxes.delete(account.id, name, new_operation())
        else:
            self.made += 1
            await self.mailboxes.create(account.id, name, None, new_operation())

    # ------------------------------------------------------------ clients

    async def remember(self) -> None:
        """A client reads a mailbox, and goes away with what it knows."""
        box = await self.mailbox()
        opened = await self.mailboxes.open(box.account_id, box.name)
        self.clients.append(
            Remembered(
                box.account_id,
                box.object_id,
                opened.mailbox.highest_modseq,
                dict(zip(opened.states.uids, opened.states.masks, strict=True)),
                opened.mailbox.uidnext,
            )
        )

    async def come_back(self) -> None:
        """All clients come back and resynchronise by what they are told: they know what is there."""
        for client in self.clients:
            rows = await self.rows(
                "select name from mailboxes where deleted_at is null"
                f" and object_id = '{client.object_id}'"
            )
            if not rows:
                continue
            opened = await self.mailboxes.open(client.account_id, rows[0][0])
            box, states = opened.mailbox, opened.states
            among = NumberSet(((1, box.uidnext - 1),)) if box.uidnext > 1 else NumberSet()
            answer = await self.mailboxes.vanished(box.id, client.modseq, among)
            there = dict(zip(states.uids, states.masks, strict=True))
            gone = among - NumberSet.of(there) if answer.uids is None else answer.uids
            since = 0 if answer.is_lost else client.modseq
            believed = {uid: mask for uid, mask in client.masks.items() if uid not in gone}
            for uid, mask, modseq in zip(states.uids, states.masks, states.modseqs, strict=True):
                if modseq > since:
                    believed[uid] = mask
            self.test.assertEqual(believed, there, self.story())
            self.test.assertGreaterEqual(box.uidnext, client.uidnext, self.story())

    # ------------------------------------------------------------ all of it

    async def look(self) -> None:
        """Nothing that was told before may stand for something else now."""
        for kind, sql in _TOLD.items():
            for row in await self.rows(sql):
                name, meaning = (kind, *row[:-1]), row[-1]
                known = self.told.setdefault(name, meaning)
                self.test.assertEqual(known, meaning, f"{name}: {self.story()}")

    def story(self) -> str:
        return f"SORA_REWIND_SEED={self.seed}: {', '.join(self.steps)}"

    async def live(self, steps: int) -> None:
        await self.rows(f"update sora set uid_gap = {GAP} returning 1")
        await self.make_account()
        doing = {
            self.deliver: 6,
            self.store: 4,
            self.expunge: 2,
            self.move: 3,
            self.make_mailbox: 2,
            self.make_account: 1,
            self.remember: 4,
            self.snapshot: 1,
            self.put_back: 2,
            self.promote: 1,
        }
        for _ in range(steps):
            [step] = self.random.choices(list(doing), list(doing.values()))
            self.steps.append(step.__name__)
            await step()
            await self.look()
            if self.random.random() < 0.5:
                await self.membership.beat(uuid4(), "")
            if self.random.random() < 0.3:
                await self.come_back()
        await self.come_back()


class RewindingTests(DatabaseTestCase):
    timeout = 600

    async def test_nothing_is_told_twice_of_different_things(self) -> None:
        """G70: UIDs, modseqs, UIDVALIDITY, ids and versions; and clients find what is there."""
        for seed in SEEDS:
            await Life(self, await self.fresh(), seed).live(STEPS)
