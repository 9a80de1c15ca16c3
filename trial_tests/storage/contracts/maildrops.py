"""`IMaildrops`: one session at a time, a list that is right, an end that is all or nothing."""

from datetime import timedelta
from random import Random
from uuid import UUID, uuid4

from blake3 import blake3

from sora.errors import InUse, Superseded, TooSoon
from sora.mail.facts import derive
from sora.mail.flags import parse_flags
from sora.mail.numbers import NumberSet
from sora.storage.rows import (
    AccountRow,
    Arrival,
    FlagChange,
    MailboxRow,
    MaildropClosed,
    MaildropOpened,
    Want,
)
from trial_tests.storage.contracts.contract import Contract, sets

MINUTE = timedelta(minutes=1)
OVER = timedelta(seconds=-1)
AT_ONCE = timedelta(0)
NONE = NumberSet()
DELETING = FlagChange("add", parse_flags(["\\Deleted"]))


class MaildropsContract(Contract):
    async def open_drop(
        self,
        account: AccountRow,
        session: UUID,
        lease: timedelta = MINUTE,
        delay: timedelta = AT_ONCE,
    ) -> MaildropOpened:
        return await self.storage.maildrops.open(account.id, session, lease, delay)

    async def quit_drop(
        self,
        account: AccountRow,
        session: UUID,
        box: MailboxRow | MaildropOpened,
        seen: NumberSet = NONE,
        gone: NumberSet = NONE,
    ) -> MaildropClosed:
        mailbox_id = box.id if isinstance(box, MailboxRow) else box.mailbox_id
        return await self.storage.maildrops.quit(
            account.id, session, mailbox_id, seen, gone, self.operation()
        )

    async def put_octets(self, account: AccountRow, box: MailboxRow, octets: bytes) -> None:
        arrival = Arrival(blake3(octets).digest(), derive(octets), octets)
        target = self.target(box, trace=b"Received: x\r\n")
        await self.storage.messages.place(account.scope_id, arrival, [target], self.operation())

    # -------------------------------------------------------------- the list

    async def test_an_empty_maildrop(self) -> None:
        account = await self.account()
        opened = await self.open_drop(account, uuid4())
        box = await self.find(account)
        self.assertEqual(opened.mailbox_id, box.id)
        self.assertEqual(opened.uidvalidity, box.uidvalidity)
        self.assertEqual((list(opened.uids), list(opened.sizes)), ([], []))

    async def test_sizes_are_those_with_crlf_and_with_the_trace(self) -> None:
        account = await self.account()
        box = await self.find(account)
        for octets in (
            b"A: b\r\n\r\nc\r\n",
            b"A: b\n\nc\n",
            b"A: b\r\n\r\nc",
            b"A: b\n\nc\rd\n\ne",
        ):
            await self.put_octets(account, box, octets)
        opened = await self.open_drop(account, uuid4())
        self.assertEqual(list(opened.uids), [1, 2, 3, 4])
        trace = len(b"Received: x\r\n")
        self.assertEqual(
            list(opened.sizes),
            [
                trace + len(octets)
                for octets in (
                    b"A: b\r\n\r\nc\r\n",
                    b"A: b\r\n\r\nc\r\n",
                    b"A: b\r\n\r\nc\r\n",
                    b"A: b\r\n\r\nc\rd\r\n\r\ne\r\n",
                )
            ],
        )

    async def test_messages_that_are_marked_as_deleted_are_there(self) -> None:
        account = await self.account()
        await self.fill(account, await self.find(account), ["\\Deleted"], [])
        self.assertEqual(list((await self.open_drop(account, uuid4())).uids), [1, 2])

    async def test_the_list_of_who_comes_again(self) -> None:
        """Whatever has happened since the last time: it is the one that IMAP sees."""
        account = await self.account()
        box = await self.find(account)
        random = Random(3)
        there: list[int] = []
        sizes: dict[int, int] = {}
        for step in range(40):
            for _ in range(random.choice((0, 0, 1, 3))):
                octets = b"A: %d\r\n\r\n%s" % (step, b"x\n" * random.randrange(5))
                await self.put_octets(account, box, octets)
                uid = max(sizes, default=0) + 1
                there.append(uid)
                sizes[uid] = len(b"Received: x\r\n") + derive(octets).size_crlf
            session = uuid4()
            opened = await self.open_drop(account, session)
            self.assertEqual(list(opened.uids), there)
            self.assertEqual(list(opened.sizes), [sizes[uid] for uid in there])
            gone = random.sample(there, random.choice((0, 0, 1, 2)) if len(there) > 2 else 0)
            if random.random() < 0.5:
                await self.quit_drop(account, session, opened, gone=sets(*gone))
            else:
                await self.storage.maildrops.release(account.id, session)
                if gone:
                    messages, which = self.storage.messages, sets(*gone)
                    await messages.store(box.id, which, DELETING, self.operation())
                    await messages.expunge(box.id, which, self.operation())
            there = [uid for uid in there if uid not in gone]

    async def test_the_list_of_an_inbox_that_was_renamed(self) -> None:
        """RFC 3501 §6.3.5: the messages go, and INBOX stays."""
        account = await self.account()
        await self.fill(account, await self.find(account), [], [])
        opened = await self.open_drop(account, (first := uuid4()))
        self.assertEqual(list(opened.uids), [1, 2])
        await self.storage.maildrops.release(account.id, first)
        await self.storage.mailboxes.rename(account.id, "INBOX", "Old", self.operation())
        again = await self.open_drop(account, uuid4())
        self.assertEqual(list(again.uids), [])

    async def test_each_account_has_its_own(self) -> None:
        account = await self.account()
        other = await self.account("bob@example.com")
        await self.open_drop(other, uuid4())
        opened = await self.open_drop(account, uuid4())
        self.assertEqual(opened.mailbox_id, (await self.find(account)).id)

    async def test_bodies_of_those_that_are_there(self) -> None:
        account = await self.account()
        box = await self.find(account)
        for octets in (b"A: 1\r\n\r\n", b"A: 2\r\n\r\n"):
            await self.put_octets(account, box, octets)
        read = await self.storage.messages.read(box.id, sets(1, 2), frozenset({Want.BODY}))
        bodies = await self.storage.maildrops.bodies(box.id, sets(1, 2, 3))
        self.assertEqual((list(bodies), len(bodies)), ([1, 2], 2))
        self.assertEqual([one.uid for one in bodies.values()], [1, 2])
        self.assertEqual([one.trace for one in bodies.values()], [b"Received: x\r\n"] * 2)
        self.assertEqual([one.body for one in bodies.values()], [row.body for row in read.messages])

    # -------------------------------------------------------------- the lease

    async def test_one_session_at_a_time(self) -> None:
        account = await self.account()
        first, second = uuid4(), uuid4()
        await self.open_drop(account, first)
        await self.refused(InUse, self.open_drop(account, second))
        await self.storage.maildrops.release(account.id, second)
        await self.refused(InUse, self.open_drop(account, second))
        await self.storage.maildrops.release(account.id, first)
        await self.open_drop(account, second)

    async def test_a_session_that_asks_again_has_what_it_has(self) -> None:
        account = await self.account()
        session = uuid4()
        first = await self.open_drop(account, session)
        self.assertEqual(await self.open_drop(account, session, delay=MINUTE), first)

    async def test_a_lease_runs_out(self) -> None:
        account = await self.account()
        first, second = uuid4(), uuid4()
        await self.open_drop(account, first, OVER)
        await self.open_drop(account, second)
        await self.refused(InUse, self.open_drop(account, first))

    async def test_a_lease_is_renewed(self) -> None:
        account, other = await self.account(), await self.account("bob@example.com")
        first, second, third = uuid4(), uuid4(), uuid4()
        await self.open_drop(account, first, OVER)
        await self.open_drop(other, second)
        kept = await self.storage.maildrops.renew({account.id: first, other.id: third}, MINUTE)
        self.assertEqual(list(kept), [first])
        await self.refused(InUse, self.open_drop(account, third))
        self.assertEqual(list(await self.storage.maildrops.renew({}, MINUTE)), [])

    async def test_the_next_login_may_have_to_wait(self) -> None:
        account = await self.account()
        first, second = uuid4(), uuid4()
        await self.open_drop(account, first, delay=MINUTE)
        await self.refused(InUse, self.open_drop(account, second, delay=MINUTE))
        await self.storage.maildrops.release(account.id, first)
        await self.refused(TooSoon, self.open_drop(account, second, delay=MINUTE))
        await self.open_drop(account, second)

    # -------------------------------------------------------------- the end

    async def test_the_end_marks_and_removes(self) -> None:
        account = await self.account()
        await self.fill(account, await self.find(account), [], ["\\Deleted"], ["\\Flagged"], [])
        session = uuid4()
        opened = await self.open_drop(account, session)
        closed = await self.quit_drop(account, session, opened, sets(1, 3), sets(2, 4))
        assert closed.stored is not None and closed.expunged is not None
        self.assertEqual(list(closed.stored.changed.uids), [1, 3])
        self.assertEqual(closed.expunged.vanished, sets(2, 4))
        self.assertEqual(closed.expunged.before, closed.stored.modseq)
        self.assertEqual(await self.contents(account), {1: ["\\Seen"], 3: ["\\Flagged", "\\Seen"]})
        after = await self.check(account)
        self.assertEqual(after.mailbox.highest_modseq, closed.expunged.modseq)
        changes = await self.storage.mailboxes.changes(opened.mailbox_id, closed.stored.before, 0)
        self.assertEqual(changes.vanished, sets(2, 4))
        await self.open_drop(account, uuid4())

    async def test_an_end_that_changes_nothing(self) -> None:
        account = await self.account()
        session = uuid4()
        opened = await self.open_drop(account, session)
        self.assertEqual(await self.quit_drop(account, session, opened), MaildropClosed())
        await self.open_drop(account, uuid4())

    async def test_what_others_have_expunged_is_passed_over(self) -> None:
        account = await self.account()
        box = await self.find(account)
        await self.fill(account, box, ["\\Deleted"], ["\\Deleted"], [], ["\\Seen"])
        session = uuid4()
        opened = await self.open_drop(account, session)
        await self.storage.messages.expunge(box.id, None, self.operation())
        closed = await self.quit_drop(account, session, opened, sets(2, 4), sets(1, 3))
        assert closed.stored is not None and closed.expunged is not None
        self.assertEqual(list(closed.stored.changed.uids), [])
        self.assertEqual(closed.expunged.vanished, sets(3))
        await self.check(account)

    async def test_nothing_is_removed_when_all_have_gone(self) -> None:
        account = await self.account()
        box = await self.find(account)
        await self.fill(account, box, ["\\Deleted"])
        session = uuid4()
        opened = await self.open_drop(account, session)
        gone = await self.storage.messages.expunge(box.id, None, self.operation())
        closed = await self.quit_drop(account, session, opened, gone=sets(1))
        assert closed.expunged is not None
        self.assertEqual(closed.expunged.vanished, NONE)
        self.assertEqual(closed.expunged.modseq, gone.modseq)

    async def test_who_has_lost_the_lease_changes_nothing(self) -> None:
        account = await self.account()
        await self.fill(account, await self.find(account), [], [])
        first, second = uuid4(), uuid4()
        opened = await self.open_drop(account, first, OVER)
        await self.open_drop(account, second)
        before = (await self.find(account)).highest_modseq
        await self.refused(Superseded, self.quit_drop(account, first, opened, sets(1), sets(2)))
        self.assertEqual((await self.find(account)).highest_modseq, before)
        closed = await self.quit_drop(account, second, opened, gone=sets(1))
        assert closed.expunged is not None
        self.assertEqual(closed.expunged.vanished, sets(1))
        await self.refused(Superseded, self.quit_drop(account, second, opened, gone=sets(2)))

    async def test_a_lease_that_ran_out_and_nobody_took_is_ones_own(self) -> None:
        account = await self.account()
        await self.fill(account, await self.find(account), [])
        session = uuid4()
        opened = await self.open_drop(account, session, OVER)
        closed = await self.quit_drop(account, session, opened, gone=sets(1))
        assert closed.expunged is not None
        self.assertEqual(closed.expunged.vanished, sets(1))
