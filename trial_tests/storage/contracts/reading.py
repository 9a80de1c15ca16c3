"""The contract of `IMessages.read` and of `IMailboxes.changes`."""

from sora.mail.flags import SEEN
from sora.storage.rows import Changes, Column, Want
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter, sets

COLUMNS = {
    Want.ENVELOPE: "envelope",
    Want.STRUCTURE: "structure",
    Want.HEADER: "header",
    Want.PARTS: "parts",
    Want.BODY: "body",
}


class ReadingContract(Contract):
    """Columns of messages."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")
        self.inbox = await self.find(self.ann)
        self.letters = [letter(f"number {number}", "\0\xff \u2713" * number) for number in range(4)]
        self.emails = []
        for number, message in enumerate(self.letters):
            target = self.target(self.inbox, trace=b"X-Trace: \x00\xff %d\r\n" % number)
            self.emails.append(target.email_id)
            await self.place(self.ann, message, target)

    async def test_what_was_stored_is_read_octet_for_octet(self) -> None:
        """G32: NUL and 8-bit octets too."""
        read = await self.storage.messages.read(self.inbox.id, EVERYTHING, frozenset(Want))
        self.assertIsNone(read.stored)
        self.assertEqual([one.uid for one in read.messages], [1, 2, 3, 4])
        for number, (one, message) in enumerate(zip(read.messages, self.letters, strict=True)):
            facts = message.facts
            self.assertEqual(one.envelope, facts.envelope)
            self.assertEqual(one.structure, facts.structure)
            self.assertEqual(one.header, message.header)
            self.assertEqual(one.parts, facts.parts)
            self.assertEqual(one.trace, b"X-Trace: \x00\xff %d\r\n" % number)
            self.assertEqual(one.size, len(message.octets) + len(one.trace))
            self.assertEqual(one.email_id, self.emails[number])
            self.assertEqual((one.body.hash, one.body.size), (message.hash, len(message.octets)))
            self.assertIsNotNone(one.save_date)

    async def test_only_what_is_wanted_is_there(self) -> None:
        for want, column in COLUMNS.items():
            read = await self.storage.messages.read(self.inbox.id, sets(2), frozenset({want}))
            (one,) = read.messages
            for other in COLUMNS.values():
                self.assertEqual(getattr(one, other) is not None, other == column, (want, other))
            self.assertEqual(one.trace is not None, want in (Want.HEADER, Want.BODY), want)

    async def test_a_message_without_trace_has_an_empty_one(self) -> None:
        placed = await self.put(self.ann, self.inbox, letter("plain"))
        for want in (Want.HEADER, Want.BODY):
            read = await self.storage.messages.read(
                self.inbox.id, sets(placed.uid), frozenset({want})
            )
            self.assertEqual(read.messages[0].trace, b"")

    async def test_those_that_are_gone_are_absent(self) -> None:
        await self.store(self.inbox, sets(2), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        read = await self.storage.messages.read(
            self.inbox.id, sets(1, 2, 4, 99), frozenset({Want.ENVELOPE})
        )
        self.assertEqual([one.uid for one in read.messages], [1, 4])
        nothing = await self.storage.messages.read(self.inbox.id, sets(2), frozenset(Want))
        self.assertEqual(nothing.messages, ())

    async def test_columns_are_what_messages_say(self) -> None:
        everything = await self.storage.messages.read(self.inbox.id, EVERYTHING, frozenset(Want))
        columns = await self.storage.messages.columns(self.inbox.id, EVERYTHING, list(Column))
        self.assertEqual(list(columns.uids), [1, 2, 3, 4])
        for column, values in {
            Column.SIZE: [one.size for one in everything.messages],
            Column.DATE: [one.internal_date for one in everything.messages],
            Column.ENVELOPE: [one.envelope for one in everything.messages],
            Column.STRUCTURE: [one.structure for one in everything.messages],
            Column.HEADER: [one.trace + one.header for one in everything.messages],
            Column.EMAIL_ID: [one.email_id for one in everything.messages],
            Column.SAVE_DATE: [one.save_date for one in everything.messages],
            Column.PREVIEW: [one.preview for one in everything.messages],
        }.items():
            self.assertEqual(list(columns.values[column]), values, column)
        self.assertEqual(
            [date.utcoffset() for date in columns.values[Column.DATE]],
            [one.internal_date.utcoffset() for one in everything.messages],
        )

    async def test_columns_of_those_that_are_gone_are_absent(self) -> None:
        await self.store(self.inbox, sets(2), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        wanted = [Column.SIZE, Column.DATE, Column.HEADER, Column.SIZE]
        columns = await self.storage.messages.columns(self.inbox.id, sets(1, 2, 4, 99), wanted)
        self.assertEqual(list(columns.uids), [1, 4])
        self.assertEqual({len(values) for values in columns.values.values()}, {2})
        nothing = await self.storage.messages.columns(self.inbox.id, sets(2), wanted)
        self.assertEqual(list(nothing.uids), [])
        self.assertEqual(set(map(len, nothing.values.values())), {0})

    async def test_seeing_marks_in_the_same_statement(self) -> None:
        await self.store(self.inbox, sets(3), "add", "\\Seen", "\\Flagged")
        before = (await self.find(self.ann)).highest_modseq
        read = await self.storage.messages.read(
            self.inbox.id, sets(2, 3, 99), frozenset({Want.BODY}), self.operation()
        )
        self.assertEqual([one.uid for one in read.messages], [2, 3])
        self.assertIsNotNone(read.messages[0].body)
        self.assertEqual(list(read.stored.changed.uids), [2])
        self.assertEqual(read.stored.changed.masks, [SEEN])
        self.assertEqual(read.stored.before, before)
        self.assertGreater(read.stored.modseq, before)
        opened = await self.check(self.ann)
        self.assertEqual(opened.mailbox.highest_modseq, read.stored.modseq)
        self.assertEqual(opened.mailbox.unseen, 2)
        self.assertEqual((await self.contents(self.ann))[3], ["\\Flagged", "\\Seen"])

    async def test_seeing_what_was_seen_is_no_change(self) -> None:
        await self.store(self.inbox, EVERYTHING, "add", "\\Seen")
        before = await self.find(self.ann)
        read = await self.storage.messages.read(
            self.inbox.id, sets(1), frozenset({Want.BODY}), self.operation()
        )
        self.assertEqual([one.uid for one in read.messages], [1])
        if read.stored is not None:
            self.assertEqual(list(read.stored.changed.uids), [])
            self.assertEqual(read.stored.modseq, before.highest_modseq)
        self.assertEqual(await self.find(self.ann), before)

    async def test_reading_changes_nothing(self) -> None:
        """G34"""
        before = (await self.check(self.ann)).mailbox
        await self.storage.messages.read(self.inbox.id, EVERYTHING, frozenset(Want))
        self.assertEqual((await self.check(self.ann)).mailbox, before)

    async def test_a_staged_body_is_told_of(self) -> None:
        read = await self.storage.messages.read(self.inbox.id, sets(2), frozenset({Want.BODY}))
        place = read.messages[0].body
        self.assertTrue(place.staged)
        self.assertEqual(tuple(place.objects), ())
        pieces = await self.storage.uploads.staged(place.content_id, 0, 10)
        self.assertEqual(b"".join(pieces), self.letters[1].octets)


class ChangesContract(Contract):
    """What happened since: from each point of a life, the same present follows."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)
        self.known: dict[int, dict[int, int]] = {}
        await self.remember()

    async def remember(self) -> None:
        opened = await self.opened(self.ann)
        states = opened.states
        self.known[opened.mailbox.highest_modseq] = dict(
            zip(states.uids, states.masks, strict=True)
        )

    async def changes(self, since: int, known_keywords: int = 0) -> Changes:
        return await self.storage.mailboxes.changes(self.inbox.id, since, known_keywords)

    async def live_a_while(self) -> None:
        other = await self.find(self.ann, "Other")
        copying = (other.id, sets(1), self.ann.id, "INBOX")
        messages = self.storage.messages
        await self.fill(self.ann, other, ["\\Draft"])
        for number in range(3):
            await self.put(self.ann, self.inbox, letter(f"n{number}"))
            await self.remember()
        for step in (
            lambda: self.store(self.inbox, sets(1, 2), "add", "\\Seen", "$a"),
            lambda: self.store(self.inbox, sets(2), "add", "\\Deleted"),
            lambda: messages.expunge(self.inbox.id, None, self.operation()),
            lambda: messages.copy(*copying, self.operation()),
            lambda: self.store(self.inbox, sets(4), "replace", "$b"),
            lambda: messages.move(self.inbox.id, sets(1), self.ann.id, "Other", self.operation()),
            lambda: messages.read(self.inbox.id, sets(3), frozenset(), self.operation()),
            lambda: self.put(self.ann, self.inbox, letter("born to die"), "\\Deleted"),
            lambda: messages.expunge(self.inbox.id, sets(5), self.operation()),
            lambda: self.put(self.ann, self.inbox, letter("last"), "$c"),
            lambda: messages.move(self.inbox.id, sets(3), self.ann.id, "INBOX", self.operation()),
        ):
            await step()
            await self.remember()

    async def test_from_each_point_the_present_follows(self) -> None:
        """G26, G28"""
        await self.live_a_while()
        opened = await self.check(self.ann)
        present = dict(zip(opened.states.uids, opened.states.masks, strict=True))
        modseqs = dict(zip(opened.states.uids, opened.states.modseqs, strict=True))
        for since, known in self.known.items():
            changes = await self.changes(since)
            self.assertTrue(changes.complete)
            self.assertEqual(changes.since, since)
            self.assertEqual(changes.mailbox, opened.mailbox)
            changed = changes.changed
            self.assertEqual(list(changed.uids), sorted(changed.uids))
            for uid, modseq in zip(changed.uids, changed.modseqs, strict=True):
                self.assertEqual(modseq, modseqs[uid])
                self.assertGreater(modseq, since)
            self.assertFalse(set(changes.vanished) & set(present))
            followed = {uid: mask for uid, mask in known.items() if uid not in changes.vanished}
            followed |= dict(zip(changed.uids, changed.masks, strict=True))
            self.assertEqual(followed, present, f"since {since}")

    async def test_only_what_changed_is_told(self) -> None:
        await self.fill(self.ann, self.inbox, [], [], [])
        since = (await self.find(self.ann)).highest_modseq
        await self.store(self.inbox, sets(2), "add", "\\Seen")
        changes = await self.changes(since)
        self.assertEqual(list(changes.changed.uids), [2])
        self.assertFalse(changes.vanished)

    async def test_nothing_since_the_present(self) -> None:
        await self.live_a_while()
        row = await self.find(self.ann)
        changes = await self.changes(row.highest_modseq)
        self.assertEqual((list(changes.changed.uids), len(changes.vanished)), ([], 0))
        self.assertTrue(changes.complete)
        self.assertEqual(changes.mailbox, row)

    async def test_keywords_are_told_from_the_number_the_caller_knows(self) -> None:
        await self.live_a_while()
        since = (await self.find(self.ann)).highest_modseq
        told = [sorted((await self.changes(since, known)).keywords) for known in (0, 2, 3)]
        self.assertEqual(told, [[(0, "$a"), (1, "$b"), (2, "$c")], [(2, "$c")], []])

    async def test_a_rename_is_learned_of(self) -> None:
        other = await self.find(self.ann, "Other")
        await self.storage.mailboxes.rename(self.ann.id, "Other", "Else", self.operation())
        changes = await self.storage.mailboxes.changes(other.id, other.highest_modseq, 0)
        self.assertEqual(changes.mailbox.name, "Else")

    async def test_who_fell_off_the_log_is_told_to_begin_anew(self) -> None:
        """G28"""
        await self.live_a_while()
        points = list(self.known)
        await self.storage.forget_history(self.inbox.id)
        for since in points[:-1]:
            self.assertFalse((await self.changes(since)).complete, since)
        self.assertTrue((await self.changes(points[-1])).complete)
        await self.store(self.inbox, EVERYTHING, "add", "\\Answered")
        changes = await self.changes(points[-1])
        self.assertTrue(changes.complete)
        self.assertEqual(
            list(changes.changed.uids), list((await self.opened(self.ann)).states.uids)
        )
