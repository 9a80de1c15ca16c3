"""The contract of `IMessages.place`: contents, claims, quota, counters."""

from datetime import datetime, timedelta, timezone

from attrs import evolve

from sora.mail.flags import FIRST_KEYWORD_BIT
from sora.storage.rows import Arrival, Fate, Want
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter


class PlacingContract(Contract):
    """Messages made from bytes, for APPEND and LMTP."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Work")
        self.bob = await self.account("bob@example.com")
        self.inbox = await self.find(self.ann)

    async def test_uids_and_modseqs_ascend_and_each_answer_names_the_one_before(self) -> None:
        """G29"""
        before = self.inbox.highest_modseq
        for number in range(1, 5):
            placed = await self.put(self.ann, self.inbox, letter(f"number {number}"))
            self.assertEqual((placed.uid, placed.before), (number, before))
            self.assertEqual(placed.uidvalidity, self.inbox.uidvalidity)
            self.assertEqual(placed.mailbox_id, self.inbox.id)
            self.assertGreater(placed.modseq, before)
            before = placed.modseq
        opened = await self.check(self.ann)
        self.assertEqual(list(opened.states.uids), [1, 2, 3, 4])
        self.assertEqual(opened.mailbox.highest_modseq, before)
        self.assertEqual(opened.mailbox.uidnext, 5)

    async def test_a_mailbox_can_be_named(self) -> None:
        """As APPEND names it: INBOX in any case, others as they are written (G22)."""
        places = []
        for name in ("inbox", "Work", "work", "Nowhere"):
            target = evolve(self.target(self.inbox), mailbox_id=0, name=name)
            places.append((await self.place(self.ann, letter(name), target)).placed[0])
        work = await self.find(self.ann, "Work")
        self.assertEqual(
            [(placed.fate, placed.mailbox_id, placed.uid) for placed in places],
            [
                (Fate.PLACED, self.inbox.id, 1),
                (Fate.PLACED, work.id, 1),
                (Fate.NO_MAILBOX, 0, 0),
                (Fate.NO_MAILBOX, 0, 0),
            ],
        )
        stranger = evolve(self.target(self.inbox), mailbox_id=0, name="Work")
        stranger = evolve(stranger, account_id=self.bob.id)
        placed = (await self.place(self.bob, letter("x"), stranger)).placed[0]
        self.assertEqual(placed.fate, Fate.NO_MAILBOX)
        await self.check(self.ann)

    async def test_counters_follow(self) -> None:
        """G16"""
        await self.fill(
            self.ann, self.inbox, [], ["\\Seen"], ["\\Deleted"], ["\\Seen", "\\Deleted"], ["$x"]
        )
        row = (await self.check(self.ann)).mailbox
        self.assertEqual((row.messages, row.unseen, row.deleted), (5, 3, 2))

    async def test_size_is_content_and_trace(self) -> None:
        message = letter("with trace")
        trace = b"Return-Path: <x@example.org>\r\nDelivered-To: ann@example.com\r\n"
        await self.put(self.ann, self.inbox, message, trace=trace)
        await self.put(self.ann, self.inbox, message)
        read = await self.storage.messages.read(self.inbox.id, EVERYTHING, frozenset[Want]())
        content = len(message.octets)
        self.assertEqual([one.size for one in read.messages], [content + len(trace), content])
        self.assertEqual((await self.check(self.ann)).mailbox.size, 2 * content + len(trace))

    async def test_keywords_keep_their_first_spelling_and_are_caseless(self) -> None:
        """G33"""
        first = await self.put(self.ann, self.inbox, letter("1"), "$Forwarded", "\\Flagged")
        second = await self.put(self.ann, self.inbox, letter("2"), "$FORWARDED", "work")
        self.assertEqual(first.keywords, ((0, "$Forwarded"),))
        self.assertEqual(sorted(second.keywords), [(0, "$Forwarded"), (1, "work")])
        self.assertEqual(first.mask, 4 | 1 << FIRST_KEYWORD_BIT)
        self.assertEqual(second.mask, 3 << FIRST_KEYWORD_BIT)
        self.assertEqual(
            await self.contents(self.ann),
            {1: ["$Forwarded", "\\Flagged"], 2: ["$Forwarded", "work"]},
        )
        opened = await self.opened(self.ann)
        self.assertEqual(sorted(opened.keywords), [(0, "$Forwarded"), (1, "work")])
        # The dictionary is the account's, not the mailbox's.
        elsewhere = await self.put(self.ann, await self.find(self.ann, "Work"), letter("3"), "WORK")
        self.assertEqual(elsewhere.mask, 2 << FIRST_KEYWORD_BIT)

    async def test_many_keywords(self) -> None:
        names = [f"k{number}" for number in range(70)]
        for start in (0, 35):
            await self.put(self.ann, self.inbox, letter(str(start)), *names[start : start + 35])
        opened = await self.opened(self.ann)
        self.assertEqual(len(opened.keywords), 70)
        self.assertEqual(
            [sorted(self.flag_names(mask, opened.keywords)) for mask in opened.states.masks],
            [sorted(names[:35]), sorted(names[35:])],
        )

    async def test_internal_date_keeps_its_zone(self) -> None:
        zones = [0, 330, -300, 840, -720, 765]
        dates = [
            datetime(2024, 2, 29, 23, 59, 58, tzinfo=timezone(timedelta(minutes=minutes)))
            for minutes in zones
        ] + [datetime(1969, 12, 31, 1, 2, 3, tzinfo=timezone(timedelta(hours=-1)))]
        for number, when in enumerate(dates):
            await self.put(self.ann, self.inbox, letter(str(number)), internal_date=when)
        read = await self.storage.messages.read(self.inbox.id, EVERYTHING, frozenset[Want]())
        self.assertEqual([one.internal_date for one in read.messages], dates)
        self.assertEqual(
            [one.internal_date.utcoffset() for one in read.messages],
            [when.utcoffset() for when in dates],
        )

    async def test_one_statement_serves_many_targets_and_each_has_its_own_fate(self) -> None:
        """G41"""
        work = await self.find(self.ann, "Work")
        eve = await self.account("eve@example.com")
        await self.storage.set_quota(eve.id, 10, None)
        gone = await self.storage.mailboxes.create(self.ann.id, "Gone", None, self.operation())
        await self.storage.mailboxes.delete(self.ann.id, "Gone", self.operation())
        placement = await self.place(
            self.ann,
            letter("to many"),
            self.target(self.inbox, trace=b"A: 1\r\n"),
            self.target(gone),
            self.target(await self.find(self.bob), "\\Seen"),
            self.target(await self.find(eve)),
            self.target(work),
        )
        self.assertEqual(
            [one.fate for one in placement.placed],
            [Fate.PLACED, Fate.NO_MAILBOX, Fate.PLACED, Fate.OVER_QUOTA, Fate.PLACED],
        )
        self.assertFalse(placement.needs_body)
        for account, name in ((self.ann, "INBOX"), (self.ann, "Work"), (self.bob, "INBOX")):
            self.assertEqual((await self.check(account, name)).mailbox.messages, 1)
        self.assertEqual((await self.check(eve)).mailbox.messages, 0)

    async def test_two_targets_in_one_mailbox(self) -> None:
        placement = await self.place(
            self.ann,
            letter("twice"),
            self.target(self.inbox, recipient="ann@example.com", received=b"r"),
            self.target(self.inbox, recipient="a@example.com", received=b"r"),
        )
        self.assertEqual([one.uid for one in placement.placed], [1, 2])
        row = (await self.check(self.ann)).mailbox
        self.assertEqual(row.highest_modseq, max(one.modseq for one in placement.placed))
        changes = await self.storage.mailboxes.changes(self.inbox.id, self.inbox.highest_modseq, 0)
        self.assertEqual(list(changes.changed.uids), [1, 2])

    async def test_a_mailbox_of_somebody_else_is_no_mailbox(self) -> None:
        target = self.target(await self.find(self.bob))
        stolen = type(target)(self.ann.id, target.mailbox_id, target.internal_date, target.email_id)
        placed = (await self.place(self.ann, letter("x"), stolen)).placed[0]
        self.assertEqual((placed.fate, placed.uid), (Fate.NO_MAILBOX, 0))
        self.assertEqual((await self.check(self.bob)).mailbox.messages, 0)

    # -------------------------------------------------------------- contents

    async def test_the_same_bytes_are_one_content_in_a_scope(self) -> None:
        """G2"""
        message = letter("once")
        first = await self.place(self.ann, message, self.target(self.inbox))
        second = await self.place(self.bob, message, self.target(await self.find(self.bob)))
        self.assertEqual(first.content_id, second.content_id)
        eve = await self.account("eve@example.org")
        third = await self.place(eve, message, self.target(await self.find(eve)))
        self.assertNotEqual(first.content_id, third.content_id)

    async def test_known_bytes_need_no_body_and_unknown_ones_do(self) -> None:
        message = letter("known")
        arrival = Arrival(message.hash, message.facts)
        targets = [self.target(self.inbox, "$new")]
        refused = await self.storage.messages.place(
            self.ann.scope_id, arrival, targets, self.operation()
        )
        self.assertTrue(refused.needs_body)
        self.assertEqual((await self.check(self.ann)).mailbox, self.inbox)
        await self.put(self.ann, self.inbox, message)
        placement = await self.storage.messages.place(
            self.ann.scope_id, arrival, targets, self.operation()
        )
        self.assertFalse(placement.needs_body)
        self.assertEqual([one.uid for one in placement.placed], [2])

    # -------------------------------------------------------------- claims

    async def test_a_delivery_happens_once_whatever_the_mailbox(self) -> None:
        """G42"""
        work = await self.find(self.ann, "Work")
        message = letter("delivered")
        first = await self.put(
            self.ann, self.inbox, message, recipient="ann@example.com", received=b"hash"
        )
        again = await self.place(
            self.ann,
            message,
            self.target(work, recipient="ann@example.com", received=b"hash"),
            self.target(self.inbox, recipient="ann@example.com", received=b"other"),
            self.target(work, recipient="other@example.com", received=b"hash"),
        )
        self.assertEqual(
            [one.fate for one in again.placed], [Fate.DUPLICATE, Fate.PLACED, Fate.PLACED]
        )
        self.assertIn(again.placed[0].uid, (0, first.uid))
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 2)
        self.assertEqual((await self.check(self.ann, "Work")).mailbox.messages, 1)

    async def test_the_same_delivery_to_two_accounts_is_two_deliveries(self) -> None:
        placement = await self.place(
            self.ann,
            letter("both"),
            self.target(self.inbox, recipient="list@example.com", received=b"hash"),
            self.target(await self.find(self.bob), recipient="list@example.com", received=b"hash"),
        )
        self.assertEqual([one.fate for one in placement.placed], [Fate.PLACED, Fate.PLACED])

    async def test_one_statement_does_not_deliver_twice_either(self) -> None:
        target = self.target(self.inbox, recipient="ann@example.com", received=b"hash")
        placement = await self.place(self.ann, letter("x"), target, target)
        self.assertEqual([one.fate for one in placement.placed], [Fate.PLACED, Fate.DUPLICATE])
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 1)

    async def test_what_was_not_placed_is_not_claimed(self) -> None:
        """G42: a retry after the quota was raised arrives."""
        await self.storage.set_quota(self.ann.id, 1, None)
        target = self.target(self.inbox, recipient="ann@example.com", received=b"hash")
        message = letter("later")
        first = await self.place(self.ann, message, target)
        await self.storage.set_quota(self.ann.id, None, None)
        second = await self.place(self.ann, message, target)
        third = await self.place(self.ann, message, target)
        self.assertEqual(
            [one.placed[0].fate for one in (first, second, third)],
            [Fate.OVER_QUOTA, Fate.PLACED, Fate.DUPLICATE],
        )

    async def test_appends_are_never_duplicates(self) -> None:
        message = letter("appended")
        uids = [(await self.put(self.ann, self.inbox, message)).uid for _ in range(3)]
        self.assertEqual(uids, [1, 2, 3])

    # -------------------------------------------------------------- quota

    async def test_quota_counts_all_mailboxes_of_the_account(self) -> None:
        message = letter("sized", "x" * 500)
        size = len(message.octets)
        work = await self.find(self.ann, "Work")
        await self.storage.set_quota(self.ann.id, 2 * size, None)
        await self.put(self.ann, self.inbox, message)
        await self.put(self.ann, work, message)
        refused = await self.place(self.ann, message, self.target(self.inbox))
        self.assertEqual(refused.placed[0].fate, Fate.OVER_QUOTA)
        await self.storage.set_quota(self.ann.id, 3 * size, None)
        self.assertEqual((await self.put(self.ann, self.inbox, message)).uid, 2)

    async def test_quota_of_messages(self) -> None:
        await self.storage.set_quota(self.ann.id, None, 1)
        placement = await self.place(
            self.ann, letter("x"), self.target(self.inbox), self.target(self.inbox)
        )
        self.assertEqual([one.fate for one in placement.placed], [Fate.PLACED, Fate.OVER_QUOTA])
        await self.check(self.ann)
