"""The contract of `IMessages.append` and `prepare`: several messages, or one for another."""

from collections.abc import Sequence
from datetime import timedelta

from attrs import evolve

from sora.errors import ExpungeIssued, NoSuchMailbox, OverQuota
from sora.storage.rows import Appended, Arrival, ObjectPlace, Replaced, Target, Want
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, Letter, letter


def staged(message: Letter) -> Arrival:
    """A letter whose bytes come with the statement."""
    return Arrival(message.hash, message.facts, message.octets)


class AppendingContract(Contract):
    """All of it happens, or nothing."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Drafts")
        self.inbox = await self.find(self.ann)
        self.drafts = await self.find(self.ann, "Drafts")

    async def append(
        self,
        letters: Sequence[Letter],
        *targets: Target,
        replaced: Replaced | None = None,
        known: Sequence[int] = (),
    ) -> Appended:
        """Append letters; those at the places `known` without their bytes."""
        arrivals = [
            Arrival(one.hash) if place in known else staged(one)
            for place, one in enumerate(letters)
        ]
        return await self.storage.messages.append(
            self.ann.scope_id,
            arrivals,
            targets or [self.target(self.inbox) for _ in letters],
            self.operation(),
            replaced,
        )

    async def untouched(self) -> None:
        for name, row in (("INBOX", self.inbox), ("Drafts", self.drafts)):
            self.assertEqual((await self.check(self.ann, name)).mailbox, row)

    # -------------------------------------------------------------- several

    async def test_several_messages_in_their_order(self) -> None:
        """RFC 3502: UIDs in the order in which they came."""
        letters = [letter(f"number {number}", "x" * number) for number in range(4)]
        appended = await self.append(
            letters,
            self.target(self.inbox, "\\Seen", "$Work"),
            self.target(self.inbox),
            self.target(self.inbox, "\\Deleted", "$WORK", "later"),
            self.target(self.inbox),
        )
        self.assertEqual(appended.missing, frozenset())
        self.assertIsNone(appended.expunged)
        self.assertEqual([one.uid for one in appended.placed], [1, 2, 3, 4])
        self.assertEqual({one.uidvalidity for one in appended.placed}, {self.inbox.uidvalidity})
        before = self.inbox.highest_modseq
        for one in appended.placed:
            self.assertEqual((one.before, one.mailbox_id), (before, self.inbox.id))
            self.assertGreater(one.modseq, before)
            before = one.modseq
        self.assertEqual(appended.placed[0].keywords, ((0, "$Work"),))
        row = (await self.check(self.ann)).mailbox
        self.assertEqual((row.messages, row.unseen, row.deleted), (4, 3, 1))
        self.assertEqual(
            await self.contents(self.ann),
            {1: ["$Work", "\\Seen"], 2: [], 3: ["$Work", "\\Deleted", "later"], 4: []},
        )
        read = await self.storage.messages.read(
            self.inbox.id, EVERYTHING, frozenset({Want.HEADER, Want.BODY})
        )
        self.assertEqual([one.header for one in read.messages], [one.header for one in letters])
        self.assertEqual(
            [one.body.size for one in read.messages if one.body],
            [len(one.octets) for one in letters],
        )
        for one, sent in zip(read.messages, letters, strict=True):
            assert one.body is not None
            pieces = await self.storage.uploads.staged(one.body.content_id, 0, 9)
            self.assertEqual(b"".join(pieces), sent.octets)

    async def test_whoever_follows_the_changes_learns_of_all(self) -> None:
        await self.append([letter("a"), letter("b")])
        changes = await self.storage.mailboxes.changes(self.inbox.id, self.inbox.highest_modseq, 0)
        self.assertEqual(list(changes.changed.uids), [1, 2])

    async def test_the_same_bytes_twice_are_one_content(self) -> None:
        """G2"""
        appended = await self.append([letter("a"), letter("b"), letter("a")])
        first, second, third = (one.content_id for one in appended.placements)
        self.assertEqual(first, third)
        self.assertNotEqual(first, second)
        self.assertEqual([one.uid for one in appended.placed], [1, 2, 3])

    async def test_large_bodies_are_not_mixed_up(self) -> None:
        """Each is staged in pieces of its own."""
        letters = [letter(f"large {n}", f"{n}" * 300_000) for n in range(3)]
        letters.insert(1, letter("small"))
        appended = await self.append(letters)
        for placement, sent in zip(appended.placements, letters, strict=True):
            pieces = await self.storage.uploads.staged(placement.content_id, 0, 9)
            self.assertEqual(b"".join(pieces), sent.octets)

    async def test_a_mailbox_can_be_named(self) -> None:
        named = evolve(self.target(self.inbox), mailbox_id=0, name="Drafts")
        appended = await self.append([letter("a"), letter("b")], named, evolve(named))
        self.assertEqual({one.mailbox_id for one in appended.placed}, {self.drafts.id})
        nowhere = evolve(named, name="Nowhere")
        await self.refused(NoSuchMailbox, self.append([letter("c")], nowhere))

    async def test_a_mailbox_of_somebody_else_is_no_mailbox(self) -> None:
        bob = await self.account("bob@example.com")
        target = evolve(self.target(await self.find(bob)), account_id=self.ann.id)
        await self.refused(NoSuchMailbox, self.append([letter("c")], target))
        await self.check(bob)

    async def test_over_quota_leaves_nothing(self) -> None:
        """RFC 3502 §6.3.11: no partial appending; not a keyword either."""
        await self.storage.set_quota(self.ann.id, None, 1)
        targets = [self.target(self.inbox, "$New"), self.target(self.inbox)]
        await self.refused(OverQuota, self.append([letter("a"), letter("b")], *targets))
        await self.untouched()
        self.assertEqual((await self.opened(self.ann)).keywords, ())

    # -------------------------------------------------------------- known contents

    async def test_without_bytes_nothing_is_done_and_said_of_which(self) -> None:
        await self.put(self.ann, self.drafts, letter("known"))
        self.drafts = await self.find(self.ann, "Drafts")
        letters = [letter("new"), letter("known"), letter("unknown")]
        appended = await self.append(letters, known=(1, 2))
        self.assertEqual([one.needs_body for one in appended.placements], [False, False, True])
        self.assertEqual(appended.placed, ())
        await self.untouched()
        appended = await self.append(letters, known=(1,))
        self.assertEqual([one.uid for one in appended.placed], [1, 2, 3])

    async def test_a_prepared_content_is_known_afterwards(self) -> None:
        first = await self.storage.messages.prepare(self.ann.scope_id, staged(letter("large")))
        again = await self.storage.messages.prepare(self.ann.scope_id, staged(letter("large")))
        self.assertEqual(first.content_id, again.content_id)
        await self.untouched()
        appended = await self.append([letter("large"), letter("b")], known=(0,))
        self.assertEqual(appended.placements[0].content_id, first.content_id)
        await self.check(self.ann)

    async def test_an_object_is_bound_once(self) -> None:
        """G1, G2: whoever brought another one hears that it was not used."""
        message = letter("in the store")
        names = await self.storage.uploads.reserve("main", 3)
        arrivals = [
            Arrival(
                message.hash,
                message.facts,
                object=ObjectPlace(name, "main", None, len(message.octets)),
            )
            for name in names
        ]
        appended = await self.storage.messages.append(
            self.ann.scope_id,
            arrivals[:2],
            [self.target(self.inbox), self.target(self.inbox)],
            self.operation(),
        )
        self.assertEqual([one.used_object for one in appended.placements], [True, False])
        prepared = await self.storage.messages.prepare(self.ann.scope_id, arrivals[2])
        self.assertFalse(prepared.used_object)
        _, bound = await self.storage.uploads.place_of(prepared.content_id)
        self.assertEqual([copy.id for copy in bound], [names[0]])

    # -------------------------------------------------------------- one for another

    async def test_a_message_takes_the_place_of_another(self) -> None:
        """RFC 8508 §3.4: only that one goes, with or without \\Deleted."""
        uids = await self.fill(self.ann, self.drafts, ["\\Draft"], ["\\Deleted"], [])
        before = (await self.find(self.ann, "Drafts")).highest_modseq
        appended = await self.append(
            [letter("better")],
            self.target(self.drafts, "\\Seen"),
            replaced=Replaced(self.drafts.id, uids[0]),
        )
        gone = appended.expunged
        assert gone is not None
        [placed] = appended.placed
        self.assertEqual((gone.mailbox_id, list(gone.vanished)), (self.drafts.id, [uids[0]]))
        self.assertEqual((gone.before, placed.before), (before, gone.modseq))
        self.assertLess(gone.modseq, placed.modseq)
        row = (await self.check(self.ann, "Drafts")).mailbox
        self.assertEqual((row.messages, row.unseen, row.deleted), (3, 2, 1))
        self.assertEqual(
            await self.contents(self.ann, "Drafts"), {2: ["\\Deleted"], 3: [], 4: ["\\Seen"]}
        )
        changes = await self.storage.mailboxes.changes(self.drafts.id, before, 0)
        self.assertEqual(list(changes.vanished), [1])
        self.assertEqual(list(changes.changed.uids), [4])

    async def test_into_another_mailbox(self) -> None:
        for source, there in ((self.drafts, self.inbox), (self.inbox, self.drafts)):
            [uid] = await self.fill(self.ann, source, ["\\Draft"])
            appended = await self.append(
                [letter("sent")], self.target(there), replaced=Replaced(source.id, uid)
            )
            assert appended.expunged is not None
            self.assertEqual(appended.expunged.mailbox_id, source.id)
            self.assertEqual(appended.placed[0].mailbox_id, there.id)
            await self.check(self.ann)
            await self.check(self.ann, "Drafts")
            self.assertNotIn(uid, await self.contents(self.ann, source.name))

    async def test_what_goes_makes_room(self) -> None:
        """RFC 8508 §3.4: only what is used in the end counts."""
        message = letter("sized", "x" * 500)
        placed = await self.put(self.ann, self.drafts, message)
        await self.storage.set_quota(self.ann.id, len(message.octets) + 10, 1)
        await self.refused(OverQuota, self.append([letter("other", "y" * 500)]))
        replaced = Replaced(self.drafts.id, placed.uid)
        await self.refused(OverQuota, self.append([letter("larger", "y" * 520)], replaced=replaced))
        self.assertEqual(list(await self.contents(self.ann, "Drafts")), [placed.uid])
        appended = await self.append([letter("other", "y" * 500)], replaced=replaced)
        self.assertEqual(appended.placed[0].uid, 1)

    async def test_one_that_is_gone_leaves_everything(self) -> None:
        await self.refused(
            ExpungeIssued, self.append([letter("a")], replaced=Replaced(self.drafts.id, 7))
        )
        await self.untouched()
        [uid] = await self.fill(self.ann, self.drafts, [])
        nowhere = evolve(self.target(self.inbox), mailbox_id=0, name="Nowhere")
        await self.refused(
            NoSuchMailbox,
            self.append([letter("a")], nowhere, replaced=Replaced(self.drafts.id, uid)),
        )
        self.assertEqual(list(await self.contents(self.ann, "Drafts")), [uid])
        await self.check(self.ann, "Drafts")

    async def test_its_content_is_cleaned_up_when_its_grace_is_over(self) -> None:
        [uid] = await self.fill(self.ann, self.drafts, [])
        await self.append([letter("a")], replaced=Replaced(self.drafts.id, uid))
        self.assertEqual(await self.storage.cleaning.purge_expunged(timedelta(0), 10), 1)
        self.assertEqual(await self.storage.cleaning.condemn(timedelta(0), 10), 1)
