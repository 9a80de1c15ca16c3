"""The contract of STORE and EXPUNGE."""

from sora.errors import NoSuchMailbox, TooMany
from sora.mail.flags import MAX_KEYWORDS, MAX_KEYWORDS_PER_COMMAND, Flags
from sora.storage.rows import FlagChange
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, flags, letter, sets


class ChangingContract(Contract):
    """Flags that change, and messages that go."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)
        self.uids = await self.fill(
            self.ann, self.inbox, [], ["\\Seen"], ["\\Flagged", "$Work"], ["\\Seen", "$Work"]
        )

    async def test_the_three_modes(self) -> None:
        """RFC 3501 §6.4.6"""
        for mode, names, expected in (
            ("add", ["\\Seen"], {1: ["\\Seen"], 3: ["$Work", "\\Flagged", "\\Seen"]}),
            ("remove", ["\\Seen", "$work"], {1: [], 3: ["\\Flagged"]}),
            ("replace", ["\\Draft", "$New"], {1: ["$New", "\\Draft"], 3: ["$New", "\\Draft"]}),
            ("replace", [], {1: [], 3: []}),
        ):
            await self.store(self.inbox, sets(1, 3), mode, *names)
            found = await self.contents(self.ann)
            self.assertEqual({uid: found[uid] for uid in (1, 3)}, expected, mode)
            self.assertEqual(found[4], ["$Work", "\\Seen"])
            await self.check(self.ann)

    async def test_it_names_only_what_is_different_now(self) -> None:
        before = (await self.opened(self.ann)).mailbox.highest_modseq
        stored = await self.store(self.inbox, EVERYTHING, "add", "\\Seen")
        self.assertEqual(list(stored.changed.uids), [1, 3])
        self.assertEqual(stored.mailbox_id, self.inbox.id)
        self.assertEqual(stored.before, before)
        self.assertGreater(stored.modseq, before)
        self.assertEqual(list(stored.changed.modseqs), [stored.modseq] * 2)
        self.assertFalse(stored.modified)
        opened = await self.check(self.ann)
        states = dict(zip(opened.states.uids, opened.states.masks, strict=True))
        self.assertEqual(stored.changed.masks, [states[1], states[3]])
        self.assertEqual(opened.mailbox.highest_modseq, stored.modseq)

    async def test_the_keywords_of_an_account_are_bounded(self) -> None:
        """What does not fit is refused as a whole; what is known goes on."""
        names = [f"$k{number}" for number in range(MAX_KEYWORDS - 1)]  # and $Work
        for start in range(0, len(names), MAX_KEYWORDS_PER_COMMAND):
            some = names[start : start + MAX_KEYWORDS_PER_COMMAND]
            await self.store(self.inbox, sets(1), "replace", *some)
        before = await self.contents(self.ann)
        await self.refused(TooMany, self.store(self.inbox, sets(1), "add", "$k1", "$more"))
        self.assertEqual(await self.contents(self.ann), before)
        await self.store(self.inbox, sets(2), "replace", "$k0", "$k998")
        self.assertEqual((await self.contents(self.ann))[2], ["$k0", "$k998"])

    async def test_a_store_that_changes_nothing_is_no_change(self) -> None:
        before = (await self.check(self.ann)).mailbox
        for uids, mode, names in (
            (EVERYTHING, "add", []),
            (sets(2), "add", ["\\Seen"]),
            (sets(1), "remove", ["\\Seen", "$Never"]),
            (sets(99), "replace", ["\\Seen"]),
            (sets(), "replace", ["\\Seen"]),
            (sets(3), "replace", ["$WORK", "\\Flagged"]),
        ):
            stored = await self.store(self.inbox, uids, mode, *names)
            self.assertEqual(list(stored.changed.uids), [], (mode, names))
            self.assertEqual((stored.before, stored.modseq), (before.highest_modseq,) * 2)
        self.assertEqual((await self.check(self.ann)).mailbox, before)

    async def test_removing_an_unknown_keyword_does_not_make_it(self) -> None:
        await self.store(self.inbox, EVERYTHING, "remove", "$Never")
        self.assertEqual([name for _, name in (await self.opened(self.ann)).keywords], ["$Work"])

    async def test_uids_that_are_gone_are_ignored(self) -> None:
        await self.store(self.inbox, sets(2), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        stored = await self.store(self.inbox, sets(1, 2, 3, 77), "add", "\\Answered")
        self.assertEqual(list(stored.changed.uids), [1, 3])

    async def test_new_keywords_are_told_from_the_number_the_caller_knows(self) -> None:
        change = FlagChange("add", flags("$Later", "$work", "$Last"))
        stored = await self.storage.messages.store(
            self.inbox.id, sets(1), change, self.operation(), known_keywords=1
        )
        self.assertEqual(sorted(stored.keywords), [(1, "$Later"), (2, "$Last")])
        self.assertEqual((await self.contents(self.ann))[1], ["$Last", "$Later", "$Work"])

    async def test_a_keyword_that_is_named_twice_is_one(self) -> None:
        """G33: it has one number, and the first spelling."""
        change = FlagChange("add", Flags(0, ("$Later", "$LATER", "$Last")))
        stored = await self.storage.messages.store(
            self.inbox.id, sets(1), change, self.operation(), known_keywords=1
        )
        self.assertEqual(sorted(stored.keywords), [(1, "$Later"), (2, "$Last")])
        self.assertEqual((await self.contents(self.ann))[1], ["$Last", "$Later"])

    async def test_unchanged_since_refuses_what_changed_later(self) -> None:
        """RFC 7162 §3.1.3, G30"""
        since = (await self.opened(self.ann)).mailbox.highest_modseq
        await self.store(self.inbox, sets(2), "add", "\\Deleted")
        await self.store(self.inbox, sets(2), "remove", "\\Deleted")
        stored = await self.store(
            self.inbox, sets(1, 2, 3), "add", "\\Deleted", unchanged_since=since
        )
        self.assertEqual(list(stored.changed.uids), [1, 3])
        self.assertEqual(list(stored.modified), [2])
        self.assertNotIn("\\Deleted", (await self.contents(self.ann))[2])
        await self.check(self.ann)

    async def test_unchanged_since_looks_at_the_flags_in_question(self) -> None:
        """RFC 7162 §3.1.12: what others did to other flags is no hindrance; a replacement is
        about all flags, and so is one that somebody else made."""
        since = (await self.opened(self.ann)).mailbox.highest_modseq
        await self.store(self.inbox, sets(1), "add", "\\Flagged", "$Work")
        await self.store(self.inbox, sets(2), "replace", "\\Seen", "$Other")
        await self.store(self.inbox, sets(3), "add", "$Junk")
        new = await self.fill(self.ann, self.inbox, [])
        for mode, names, refused in [
            ("add", ["$Junk"], [2, 3, *new]),
            ("add", ["\\Draft"], [2, *new]),
            ("remove", ["$work", "\\Seen"], [1, 2, *new]),
            ("replace", ["\\Answered"], [1, 2, 3, 4, *new]),
        ]:
            stored = await self.store(self.inbox, EVERYTHING, mode, *names, unchanged_since=since)
            self.assertEqual(list(stored.modified), refused, (mode, names))
            self.assertFalse(set(stored.changed.uids) & set(refused))
        await self.check(self.ann)

    async def test_unchanged_since_without_history(self) -> None:
        """Then each later change counts."""
        since = (await self.opened(self.ann)).mailbox.highest_modseq
        await self.store(self.inbox, sets(1), "add", "\\Flagged")
        await self.storage.forget_history(self.inbox.id)
        stored = await self.store(self.inbox, EVERYTHING, "add", "\\Draft", unchanged_since=since)
        self.assertEqual(list(stored.modified), [1])

    async def test_unchanged_since_zero_is_present(self) -> None:
        """G30, RFC 7162 §3.1.3 example 8: system flags are always there, keywords may not be."""
        stored = await self.store(self.inbox, EVERYTHING, "add", "\\Draft", unchanged_since=0)
        self.assertEqual(list(stored.changed.uids), [])
        self.assertEqual(list(stored.modified), self.uids)
        self.assertEqual(stored.before, stored.modseq)
        for names, changed in [
            (["$Work", "\\Draft"], []),
            (["$work"], [1, 2]),
            (["$New"], [1, 2, 3, 4]),
        ]:
            stored = await self.store(self.inbox, EVERYTHING, "add", *names, unchanged_since=0)
            self.assertEqual(list(stored.changed.uids), changed, names)
            self.assertEqual(
                list(stored.modified), [uid for uid in self.uids if uid not in changed], names
            )
        await self.check(self.ann)

    async def test_system_flags_and_counters(self) -> None:
        """G16"""
        for mode, names in (
            ("add", ["\\Deleted"]),
            ("add", ["\\Seen", "\\Deleted"]),
            ("remove", ["\\Seen"]),
            ("replace", ["\\Seen"]),
            ("replace", ["\\Deleted"]),
            ("remove", ["\\Deleted", "\\Answered"]),
        ):
            await self.store(self.inbox, sets(1, 2, 3), mode, *names)
            await self.check(self.ann)

    async def test_other_mailboxes_are_not_touched(self) -> None:
        other = await self.find(self.ann, "Other")
        await self.fill(self.ann, other, [], ["\\Deleted"])
        before = (await self.check(self.ann, "Other")).mailbox
        await self.store(self.inbox, EVERYTHING, "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual((await self.check(self.ann, "Other")).mailbox, before)

    # -------------------------------------------------------------- expunge

    async def test_expunge_takes_what_is_marked_as_deleted(self) -> None:
        await self.store(self.inbox, sets(1, 3), "add", "\\Deleted")
        before = (await self.opened(self.ann)).mailbox.highest_modseq
        expunged = await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual(list(expunged.vanished), [1, 3])
        self.assertEqual((expunged.mailbox_id, expunged.before), (self.inbox.id, before))
        self.assertGreater(expunged.modseq, before)
        opened = await self.check(self.ann)
        self.assertEqual(list(opened.states.uids), [2, 4])
        self.assertEqual(opened.mailbox.highest_modseq, expunged.modseq)
        self.assertEqual(opened.mailbox.uidnext, 5)

    async def test_uid_expunge_takes_only_those_named(self) -> None:
        """RFC 4315 §2.1"""
        await self.store(self.inbox, sets(1, 3), "add", "\\Deleted")
        expunged = await self.storage.messages.expunge(
            self.inbox.id, sets(2, 3, 9), self.operation()
        )
        self.assertEqual(list(expunged.vanished), [3])
        self.assertEqual(list((await self.check(self.ann)).states.uids), [1, 2, 4])

    async def test_an_expunge_of_nothing_is_no_change(self) -> None:
        before = (await self.check(self.ann)).mailbox
        for uids in (None, sets(), sets(1, 2), EVERYTHING):
            expunged = await self.storage.messages.expunge(self.inbox.id, uids, self.operation())
            self.assertFalse(expunged.vanished)
            self.assertEqual((expunged.before, expunged.modseq), (before.highest_modseq,) * 2)
        self.assertEqual((await self.check(self.ann)).mailbox, before)

    async def test_uids_are_not_used_again(self) -> None:
        """G29"""
        await self.store(self.inbox, EVERYTHING, "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        placed = await self.put(self.ann, self.inbox, letter("after"))
        self.assertEqual(placed.uid, 5)
        self.assertEqual(list((await self.check(self.ann)).states.uids), [5])

    async def test_many_messages_at_once(self) -> None:
        other = await self.find(self.ann, "Other")
        message = letter("one of many")
        for _ in range(3):
            await self.place(self.ann, message, *[self.target(other) for _ in range(50)])
        odd = sets(*range(1, 151, 2))
        await self.store(other, odd, "add", "\\Deleted", "$odd")
        await self.check(self.ann, "Other")
        expunged = await self.storage.messages.expunge(other.id, None, self.operation())
        self.assertEqual(list(expunged.vanished), list(odd))
        opened = await self.check(self.ann, "Other")
        self.assertEqual(list(opened.states.uids), list(range(2, 151, 2)))

    # -------------------------------------------------------------- what vanished

    async def _vanished(self, since: int, *uids: int) -> tuple[list[int] | None, bool]:
        among = sets(*uids) if uids else EVERYTHING
        answer = await self.storage.mailboxes.vanished(self.inbox.id, since, among)
        return None if answer.uids is None else list(answer.uids), answer.is_lost

    async def test_what_vanished_is_known_by_modseq(self) -> None:
        """RFC 7162 §3.2.6: expunged and moved away, also what came after that modseq."""
        start = (await self.opened(self.ann)).mailbox.highest_modseq
        await self.store(self.inbox, sets(1, 3), "add", "\\Deleted")
        first = await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        await self.fill(self.ann, self.inbox, [], [])
        moved = await self.storage.messages.move(
            self.inbox.id, sets(4, 5), self.ann.id, "Other", self.operation()
        )
        self.assertEqual(await self._vanished(start), ([1, 3, 4, 5], False))
        self.assertEqual(await self._vanished(start, 2, 3, 5, 77), ([3, 5], False))
        self.assertEqual(await self._vanished(first.modseq - 1), ([1, 3, 4, 5], False))
        self.assertEqual(await self._vanished(first.modseq), ([4, 5], False))
        self.assertEqual(await self._vanished(moved.expunged.modseq), ([], False))

    async def test_a_history_that_was_forgotten_is_no_answer(self) -> None:
        """G28, and G70 for a modseq that was never given out."""
        await self.store(self.inbox, sets(1), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        now = (await self.opened(self.ann)).mailbox.highest_modseq
        await self.storage.forget_history(self.inbox.id)
        self.assertEqual(await self._vanished(now - 1), (None, False))
        self.assertEqual(await self._vanished(now), ([], False))
        self.assertEqual(await self._vanished(now + 1_000_000_000), (None, True))

    async def test_nothing_vanished_from_a_mailbox_that_is_gone(self) -> None:
        row = await self.storage.mailboxes.create(self.ann.id, "gone", None, self.operation())
        await self.storage.mailboxes.delete(self.ann.id, "gone", self.operation())
        await self.refused(NoSuchMailbox, self.storage.mailboxes.vanished(row.id, 0, EVERYTHING))
