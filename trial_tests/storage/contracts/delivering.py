"""The contract of `IMessages.deliver`: claims, and all that each of them does or none of it."""

from typing import Any
from uuid import uuid4

from attrs import evolve

from sora.mail.rights import RightsChange, parse_rights
from sora.storage.rows import (
    AccountRow,
    Arrival,
    Claim,
    Claimed,
    Delivered,
    Fate,
    MailboxRow,
    Memory,
    Target,
    Want,
)
from trial_tests.storage.contracts.contract import (
    EVERYTHING,
    Contract,
    Letter,
    address,
    letter,
)

HOUR = 3600


class DeliveringContract(Contract):
    """Deliveries after filters: several messages, or none, for each recipient."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Work", "Old")
        self.bob = await self.account("bob@example.com")
        self.inbox, self.work = await self.find(self.ann), await self.find(self.ann, "Work")
        self.bobs = await self.find(self.bob)

    def claim(self, inbox: MailboxRow, *targets: Target, **how: Any) -> Claim:
        how = {"recipient": "somebody@example.com", "received_hash": b"received", **how}
        return Claim(
            id=uuid4(), account_id=inbox.account_id, inbox_id=inbox.id, targets=targets, **how
        )

    def arrival(self, message: Letter, account: AccountRow | None = None) -> tuple[int, Arrival]:
        arrival = Arrival(message.hash, message.facts, message.octets)
        return (account or self.ann).scope_id, arrival

    async def deliver(self, message: Letter, *claims: Claim) -> Delivered:
        answer: Delivered = await self.storage.messages.deliver(
            [self.arrival(message)], claims, self.operation()
        )
        return answer

    async def one(self, message: Letter, claim: Claim) -> Claimed:
        (claimed,) = (await self.deliver(message, claim)).claims
        return claimed

    # -------------------------------------------------------------- messages

    async def test_one_message_in_inbox(self) -> None:
        target = self.target(self.inbox, "\\Flagged", "$new", trace=b"A: 1\r\n")
        claimed = await self.one(letter("plain"), self.claim(self.inbox, target))
        (placed,) = claimed.placed
        self.assertEqual((claimed.fate, placed.fate), (Fate.PLACED, Fate.PLACED))
        self.assertEqual(
            (placed.mailbox_id, placed.uid, placed.before, placed.keywords),
            (self.inbox.id, 1, self.inbox.highest_modseq, ((0, "$new"),)),
        )
        self.assertEqual(await self.contents(self.ann), {1: ["$new", "\\Flagged"]})
        row = (await self.check(self.ann)).mailbox
        self.assertEqual(row.size, len(letter("plain").octets) + 6)
        self.assertEqual(row.highest_modseq, placed.modseq)

    async def test_each_target_has_its_flags(self) -> None:
        claim = self.claim(
            self.inbox,
            self.target(self.work, "\\Seen"),
            self.target(self.inbox, "$todo"),
            self.target(self.work, "\\Flagged"),
        )
        claimed = await self.one(letter("to many places"), claim)
        self.assertEqual(
            [(placed.mailbox_id, placed.uid) for placed in claimed.placed],
            [(self.work.id, 1), (self.inbox.id, 1), (self.work.id, 2)],
        )
        self.assertEqual(await self.contents(self.ann), {1: ["$todo"]})
        self.assertEqual(await self.contents(self.ann, "Work"), {1: ["\\Seen"], 2: ["\\Flagged"]})
        for name in ("INBOX", "Work"):
            await self.check(self.ann, name)

    async def test_targets_of_several_arrivals(self) -> None:
        """An edited copy beside the message as it came (G46)."""
        came, edited = letter("as it came"), letter("edited")
        targets = [self.target(self.inbox), evolve(self.target(self.work), arrival=1)]
        delivered = await self.storage.messages.deliver(
            [self.arrival(came), self.arrival(edited)],
            [self.claim(self.inbox, *targets)],
            self.operation(),
        )
        self.assertEqual(len({content_id for content_id, _ in delivered.contents}), 2)
        for mailbox, message in ((self.inbox, came), (self.work, edited)):
            read = await self.storage.messages.read(
                mailbox.id, EVERYTHING, frozenset({Want.HEADER})
            )
            self.assertEqual([one.header for one in read.messages], [message.header])

    async def test_several_recipients_each_with_a_fate_of_his_own(self) -> None:
        """G41"""
        eve = await self.account("eve@example.com")
        await self.storage.set_quota(eve.id, 10, None)
        eves = await self.find(eve)
        gone = await self.account("gone@example.com")
        lost = await self.find(gone)
        await self.storage.accounts.delete(address("gone@example.com"))
        delivered = await self.deliver(
            letter("to many"),
            self.claim(self.bobs, self.target(self.bobs)),
            self.claim(eves, self.target(eves)),
            self.claim(self.inbox, self.target(self.work), self.target(self.inbox)),
            self.claim(lost, self.target(lost)),
            self.claim(self.inbox, recipient="nothing@example.com"),
        )
        self.assertEqual(
            [(one.fate, len(one.placed)) for one in delivered.claims],
            [
                (Fate.PLACED, 1),
                (Fate.OVER_QUOTA, 0),
                (Fate.PLACED, 2),
                (Fate.NO_MAILBOX, 0),
                (Fate.PLACED, 0),
            ],
        )
        self.assertEqual((await self.check(eve)).mailbox.messages, 0)

    async def test_known_bytes_need_no_body_and_unknown_ones_do(self) -> None:
        message = letter("known")
        bare = (self.ann.scope_id, Arrival(message.hash, message.facts))
        claim = self.claim(self.inbox, self.target(self.inbox))
        other = self.arrival(letter("other"))
        refused = await self.storage.messages.deliver([other, bare], [claim], self.operation())
        self.assertEqual((refused.missing, refused.claims), ({1}, ()))
        await self.put(self.ann, self.work, message)
        delivered = await self.storage.messages.deliver([bare], [claim], self.operation())
        self.assertEqual(delivered.claims[0].fate, Fate.PLACED)

    # -------------------------------------------------------------- mailboxes that are gone

    async def test_what_has_no_mailbox_goes_to_inbox(self) -> None:
        """Nothing is lost because a mailbox was deleted a moment ago."""
        old = await self.find(self.ann, "Old")
        await self.storage.mailboxes.delete(self.ann.id, "Old", self.operation())
        claim = self.claim(self.inbox, self.target(self.work), self.target(old, "\\Seen"))
        claimed = await self.one(letter("late"), claim)
        self.assertEqual(
            [(placed.mailbox_id, placed.uid) for placed in claimed.placed],
            [(self.work.id, 1), (self.inbox.id, 1)],
        )
        self.assertEqual(await self.contents(self.ann), {1: ["\\Seen"]})

    async def test_but_it_is_not_put_there_twice(self) -> None:
        old = await self.find(self.ann, "Old")
        await self.storage.mailboxes.delete(self.ann.id, "Old", self.operation())
        claim = self.claim(
            self.inbox, self.target(old), self.target(self.inbox, "$kept"), self.target(old)
        )
        claimed = await self.one(letter("once"), claim)
        self.assertEqual(
            [(placed.mailbox_id, placed.uid) for placed in claimed.placed],
            [(self.inbox.id, 0), (self.inbox.id, 1), (self.inbox.id, 0)],
        )
        self.assertEqual(await self.contents(self.ann), {1: ["$kept"]})
        await self.check(self.ann)

    async def test_somebody_elses_mailbox_is_none(self) -> None:
        """Without a right there, his mail is in his INBOX."""
        claim = self.claim(self.inbox, self.target(self.bobs))
        claimed = await self.one(letter("not there"), claim)
        self.assertEqual(
            [(placed.mailbox_id, placed.uid) for placed in claimed.placed], [(self.inbox.id, 1)]
        )
        self.assertEqual((await self.check(self.bob)).mailbox.messages, 0)

    async def test_the_right_to_insert_or_to_post_lets_mail_be_filed(self) -> None:
        """RFC 4314 §4: with the flags that the rights allow."""
        for number, rights in enumerate(("lrs", "p", "is", "iw"), 1):
            await self.storage.rights.set(
                self.bob.id,
                "INBOX",
                self.bob.id,
                address("ann@example.com"),
                RightsChange("replace", parse_rights(rights)),
                self.operation(),
            )
            target = self.target(self.bobs, "\\Seen", "\\Flagged", "$word")
            claim = self.claim(self.inbox, target, received_hash=str(number).encode())
            claimed = await self.one(letter(rights), claim)
            self.assertEqual(claimed.fate, Fate.PLACED)
        self.assertEqual(
            await self.contents(self.bob), {1: [], 2: ["\\Seen"], 3: ["$word", "\\Flagged"]}
        )
        self.assertEqual(await self.contents(self.ann), {1: ["$word", "\\Flagged", "\\Seen"]})
        await self.check(self.bob)

    # -------------------------------------------------------------- claims

    async def test_a_delivery_happens_once_whatever_it_would_do_now(self) -> None:
        """G42: also with a script that was changed meanwhile."""
        message = letter("once")
        first = self.claim(self.inbox, self.target(self.inbox))
        again = self.claim(
            self.inbox,
            self.target(self.work),
            self.target(self.inbox),
            vacations=(Memory(b"v", HOUR),),
            duplicates=(Memory(b"d", HOUR),),
        )
        nothing = self.claim(self.inbox)
        fates = [await self.one(message, each) for each in (first, again, nothing)]
        self.assertEqual(
            [(one.fate, one.placed, one.vacations, one.is_own) for one in fates[1:]],
            [(Fate.DUPLICATE, (), frozenset(), False)] * 2,
        )
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 1)
        self.assertEqual((await self.check(self.ann, "Work")).mailbox.messages, 0)
        self.assertFalse(await self.storage.messages.seen_before(self.ann.id, b"d"))

    async def test_what_was_only_sent_on_or_discarded_is_claimed_too(self) -> None:
        nothing = self.claim(self.inbox)
        no_bytes = await self.storage.messages.deliver([], [nothing], self.operation())
        self.assertEqual([one.fate for one in no_bytes.claims], [Fate.PLACED])
        claimed = await self.one(letter("x"), self.claim(self.inbox, self.target(self.inbox)))
        self.assertEqual((claimed.fate, claimed.is_own), (Fate.DUPLICATE, False))
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 0)

    async def test_one_s_own_claim_is_known_again(self) -> None:
        """G14: who tries again after an unknown outcome learns that it had happened."""
        claim = self.claim(self.inbox, self.target(self.inbox))
        await self.one(letter("x"), claim)
        again = await self.one(letter("x"), claim)
        self.assertEqual((again.fate, again.is_own), (Fate.DUPLICATE, True))

    async def test_one_statement_does_not_deliver_twice_either(self) -> None:
        both = [self.claim(self.inbox, self.target(self.inbox)) for _ in range(2)]
        delivered = await self.deliver(letter("x"), *both)
        self.assertEqual([one.fate for one in delivered.claims], [Fate.PLACED, Fate.DUPLICATE])
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 1)

    async def test_all_or_none(self) -> None:
        """One of two messages has room: none is placed, nothing is claimed or remembered."""
        message = letter("too much", "x" * 100)
        await self.storage.set_quota(self.ann.id, len(message.octets) + 10, None)
        claim = self.claim(
            self.inbox,
            self.target(self.inbox),
            self.target(self.work),
            vacations=(Memory(b"v", HOUR),),
            duplicates=(Memory(b"d", HOUR),),
        )
        claimed = await self.one(message, claim)
        self.assertEqual(
            (claimed.fate, claimed.placed, claimed.vacations), (Fate.OVER_QUOTA, (), set())
        )
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 0)
        self.assertFalse(await self.storage.messages.seen_before(self.ann.id, b"d"))
        await self.storage.set_quota(self.ann.id, None, None)
        later = await self.one(message, evolve(claim, id=uuid4()))
        self.assertEqual((later.fate, len(later.placed), later.vacations), (Fate.PLACED, 2, {0}))

    # -------------------------------------------------------------- memories

    async def test_a_vacation_reply_is_one_delivery_s(self) -> None:
        """G43: of several deliveries the first one sends it, for as long as it is remembered."""
        replies = (Memory(b"one", HOUR), Memory(b"two", HOUR))
        claims = [
            self.claim(self.inbox, received_hash=b"1", vacations=replies[:1]),
            self.claim(self.inbox, received_hash=b"2", vacations=replies),
            self.claim(self.bobs, received_hash=b"2", vacations=replies[:1]),
            self.claim(self.inbox, received_hash=b"3", vacations=replies),
        ]
        won = [
            one.vacations
            for one in (await self.deliver(letter("x"), *claims[:3])).claims
            + (await self.deliver(letter("x"), claims[3])).claims
        ]
        self.assertEqual(won, [{0}, {1}, {0}, set()])

    async def test_a_vacation_reply_is_forgotten_with_time(self) -> None:
        brief = (Memory(b"brief", 0), Memory(b"long", HOUR))
        for number in range(2):
            claim = self.claim(self.inbox, received_hash=bytes([number]), vacations=brief)
            claimed = await self.one(letter("x"), claim)
            self.assertEqual(claimed.vacations, {0, 1} if number == 0 else {0})

    async def test_duplicates_are_seen_afterwards(self) -> None:
        """RFC 7352 §3"""
        memories = (Memory(b"seen", HOUR), Memory(b"over", 0))
        seen = self.storage.messages.seen_before
        self.assertFalse(await seen(self.ann.id, b"seen"))
        await self.one(letter("x"), self.claim(self.inbox, duplicates=memories))
        self.assertTrue(await seen(self.ann.id, b"seen"))
        self.assertFalse(await seen(self.ann.id, b"over"))
        self.assertFalse(await seen(self.bob.id, b"seen"))
        await self.one(
            letter("x"),
            self.claim(self.inbox, received_hash=b"2", duplicates=(Memory(b"seen", 0),)),
        )
        self.assertFalse(await seen(self.ann.id, b"seen"))

    async def test_the_cleaner_forgets_what_is_over_in_small_batches(self) -> None:
        forget = self.storage.cleaning.forget_memories
        memories = tuple(Memory(bytes([number]), 0) for number in range(3))
        kept = (Memory(b"kept", HOUR),)
        await self.one(
            letter("x"),
            self.claim(self.inbox, vacations=memories + kept, duplicates=memories + kept),
        )
        self.assertEqual([await forget(2) for _ in range(3)], [4, 2, 0])
        self.assertTrue(await self.storage.messages.seen_before(self.ann.id, b"kept"))
        claimed = await self.one(
            letter("x"), self.claim(self.inbox, received_hash=b"2", vacations=kept)
        )
        self.assertEqual(claimed.vacations, set())
