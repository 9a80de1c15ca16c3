"""The contract of `IPast`: what was expunged, as mailboxes."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from sora.addresses import parse_address
from sora.errors import ExpungeIssued, NoSuchMailbox, NotPermitted, OverQuota, StoredApart
from sora.mail.criteria import And, BodyHas, FlagsAre, HeaderHas, KeywordIs, TextHas, UidIn
from sora.mail.flags import DELETED, SEEN
from sora.mail.numbers import NumberSet
from sora.mail.rights import RightsChange, parse_rights
from sora.storage.rows import (
    AccountRow,
    Column,
    Copied,
    MailboxRow,
    Past,
    SortBy,
    SortKey,
    Want,
)
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, Letter, letter, sets

NOW = timedelta(0)


class PastContract(Contract):
    """Ann expunges, and looks at what is gone."""

    async def setUp(self) -> None:
        await super().setUp()
        self.past = self.storage.past
        self.ann = await self.account("ann@example.com", "Work", "Restored")

    async def expunge(self, mailbox: MailboxRow, *uids: int) -> None:
        """Mark messages as deleted, and expunge them."""
        await self.store(mailbox, sets(*uids), "add", "\\Deleted")
        await self.storage.messages.expunge(mailbox.id, sets(*uids), self.operation())

    async def look(self, name: str = "INBOX") -> Past:
        return await self.past.open(self.ann.id, name)

    async def names(self, account: AccountRow | None = None) -> list[str]:
        rows = await self.past.all((account or self.ann).id)
        return [row.name for row in rows]

    def numbers(self, past: Past) -> dict[int, int]:
        """The UID that it had, by its number."""
        return dict(zip(past.states.uids, past.sources, strict=True))

    async def gone(self, *flags: Sequence[str], name: str = "INBOX") -> MailboxRow:
        """A mailbox in which messages with these flags were expunged."""
        mailbox = await self.find(self.ann, name)
        uids = await self.fill(self.ann, mailbox, *flags)
        await self.expunge(mailbox, *uids)
        return mailbox

    # ------------------------------------------------------------ what is there

    async def test_without_an_expunge_there_is_nothing(self) -> None:
        await self.fill(self.ann, await self.find(self.ann), [], [])
        self.assertEqual(await self.names(), [])
        await self.refused(NoSuchMailbox, self.past.open(self.ann.id, "INBOX"))
        await self.refused(NoSuchMailbox, self.past.find(self.ann.id, "INBOX"))
        await self.refused(NoSuchMailbox, self.past.find(self.ann.id, "Nowhere"))

    async def test_what_is_expunged_is_there_as_it_was(self) -> None:
        inbox = await self.find(self.ann)
        uids = await self.fill(self.ann, inbox, ["\\Seen", "$Junk"], [], ["\\Flagged"])
        before = await self.storage.messages.read(inbox.id, EVERYTHING, frozenset(Want))
        await self.expunge(inbox, uids[0], uids[2])
        past = await self.look("inbox")
        row = past.mailbox
        self.assertEqual((row.name, row.id, row.messages, row.unseen), ("INBOX", inbox.id, 2, 1))
        self.assertEqual((row.deleted, row.special_use), (0, None))
        self.assertNotEqual(row.object_id, inbox.object_id)
        self.assertEqual(self.numbers(past), {1: uids[0], 2: uids[2]})
        self.assertEqual(row.uidnext, 3)
        found = [self.flag_names(mask, past.keywords) for mask in past.states.masks]
        self.assertEqual(found, [["\\Seen", "$Junk"], ["\\Flagged"]])
        self.assertEqual(list(past.states.modseqs), [row.highest_modseq] * 2)
        read = await self.past.read(inbox.id, NumberSet.of(past.sources), frozenset(Want))
        for was, now in zip([before.messages[0], before.messages[2]], read.messages, strict=True):
            for name in ("uid", "email_id", "thread_id", "internal_date", "size", "envelope"):
                self.assertEqual(getattr(was, name), getattr(now, name), name)
            self.assertEqual(was.body, now.body)
            self.assertEqual((was.header, was.trace), (now.header, now.trace))
        self.assertEqual(row.size, sum(message.size for message in read.messages))
        self.assertEqual(await self.past.find(self.ann.id, "INBOX"), row)
        self.assertEqual(await self.past.all(self.ann.id, counted=True), [row])

    async def test_columns(self) -> None:
        inbox = await self.gone([], [])
        uids = NumberSet.of((await self.look()).sources)
        columns = await self.past.columns(inbox.id, uids, list(Column))
        self.assertEqual(list(columns.uids), [1, 2])
        self.assertEqual(len(columns.values[Column.ENVELOPE]), 2)
        read = await self.past.read(inbox.id, uids, frozenset([Want.HEADER]))
        # It came here when it was expunged (RFC 8514).
        self.assertEqual(
            [message.save_date for message in read.messages],
            list(columns.values[Column.SAVE_DATE]),
        )

    async def test_numbers_ascend_in_the_order_of_appearance(self) -> None:
        """RFC 9051 §2.3.1.1: also where the older message is expunged last (G29)."""
        inbox = await self.find(self.ann)
        await self.fill(self.ann, inbox, *[[]] * 6)
        await self.expunge(inbox, 5, 2)
        first = await self.look()
        self.assertEqual(self.numbers(first), {1: 2, 2: 5})
        self.assertEqual(self.numbers(await self.look()), {1: 2, 2: 5})
        await self.expunge(inbox, 1)
        await self.expunge(inbox, 3, 6)
        counted = await self.past.find(self.ann.id, "INBOX")
        second = await self.look()
        self.assertEqual(counted, second.mailbox)
        self.assertEqual(self.numbers(second), {1: 2, 2: 5, 3: 1, 4: 3, 5: 6})
        self.assertEqual(second.mailbox.uidvalidity, first.mailbox.uidvalidity)
        self.assertEqual(second.mailbox.uidnext, 6)
        self.assertGreater(second.mailbox.highest_modseq, first.mailbox.highest_modseq)
        self.assertEqual(list(second.states.modseqs[:2]), list(first.states.modseqs))
        self.assertEqual(list(second.states.modseqs[2:]), [second.mailbox.highest_modseq] * 3)

    async def test_what_is_moved_lives_on_elsewhere(self) -> None:
        inbox = await self.find(self.ann)
        await self.fill(self.ann, inbox, [], [])
        await self.storage.messages.move(inbox.id, sets(1), self.ann.id, "Work", self.operation())
        self.assertEqual(await self.names(), [])
        await self.expunge(await self.find(self.ann, "Work"), 1)
        self.assertEqual(await self.names(), ["Work"])

    async def test_names_are_those_of_mailboxes(self) -> None:
        await self.gone([], name="Work")
        await self.gone([])
        self.assertEqual(await self.names(), ["INBOX", "Work"])
        before = await self.look("Work")
        await self.storage.mailboxes.rename(self.ann.id, "Work", "Play", self.operation())
        self.assertEqual(await self.names(), ["INBOX", "Play"])
        after = await self.look("Play")
        self.assertEqual(after.mailbox.uidvalidity, before.mailbox.uidvalidity)
        self.assertEqual(self.numbers(after), self.numbers(before))

    async def test_a_deleted_mailbox_has_all_its_messages_in_its_past(self) -> None:
        work = await self.find(self.ann, "Work")
        await self.fill(self.ann, work, [], ["\\Seen"], ["\\Deleted"])
        await self.expunge(work, 3)
        self.assertEqual(self.numbers(await self.look("Work")), {1: 3})
        await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
        past = await self.look("Work")
        self.assertEqual(self.numbers(past), {1: 3, 2: 1, 3: 2})
        self.assertEqual((past.mailbox.messages, past.mailbox.unseen), (3, 2))
        read = await self.past.read(work.id, EVERYTHING, frozenset([Want.BODY]))
        self.assertEqual([message.uid for message in read.messages], [1, 2, 3])
        copied = await self.copy(work, [1, 2], "INBOX")
        self.assertEqual(list(copied.uids), [1, 2])

    async def test_a_later_mailbox_takes_the_name(self) -> None:
        for _ in range(2):
            await self.gone([], name="Work")
            await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
            self.assertIn("Work", await self.names())
            await self.storage.mailboxes.create(self.ann.id, "Work", None, self.operation())
        first, second = await self.names()
        self.assertRegex(second, r"Work \(deleted \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.\d+\)")
        opened = [await self.look(name) for name in (first, second)]
        self.assertEqual(len({past.mailbox.id for past in opened}), 2)
        await self.gone([], name="Work")
        self.assertEqual(len(await self.names()), 3)
        last = await self.look("Work")
        self.assertEqual(last.mailbox.id, (await self.find(self.ann, "Work")).id)

    async def test_one_sees_nothing_of_others(self) -> None:
        """G35: a past is its owner's, whatever rights others have on the mailbox."""
        bob = await self.account("bob@example.com")
        await self.storage.rights.set(
            self.ann.id,
            "INBOX",
            self.ann.id,
            parse_address("bob@example.com"),
            RightsChange("replace", parse_rights("lrswitea")),
            self.operation(),
        )
        await self.gone([])
        self.assertEqual(await self.names(bob), [])
        await self.refused(NoSuchMailbox, self.past.open(bob.id, "INBOX"))
        self.assertEqual(await self.names(), ["INBOX"])

    # ------------------------------------------------------------ what becomes of it

    async def test_changes(self) -> None:
        inbox = await self.find(self.ann)
        await self.fill(self.ann, inbox, [], [], [])
        await self.expunge(inbox, 1, 2)
        past = await self.look()
        changes = self.past.changes
        known = past.mailbox.highest_modseq
        self.assertIsNone(await changes(self.ann.id, inbox.id, known))
        await self.expunge(inbox, 3)
        now = await changes(self.ann.id, inbox.id, known)
        self.assertEqual(self.numbers(now), {1: 1, 2: 2, 3: 3})
        self.assertEqual(now.mailbox.name, "INBOX")
        self.assertIsNone(await changes(self.ann.id, inbox.id, now.mailbox.highest_modseq))

    async def test_what_the_cleaner_removes_is_gone_from_it(self) -> None:
        inbox = await self.gone([], [], [])
        past = await self.look()
        await self.storage.cleaning.purge_expunged(NOW, 1)
        now = await self.past.changes(self.ann.id, inbox.id, past.mailbox.highest_modseq)
        self.assertEqual((now.mailbox.messages, len(now.sources)), (2, 2))
        self.assertEqual(now.mailbox.uidnext, 4)
        gone = (set(past.sources) - set(now.sources)).pop()
        read = await self.past.read(inbox.id, sets(gone), frozenset([Want.BODY]))
        self.assertEqual(read.messages, ())
        await self.refused(ExpungeIssued, self.copy(inbox, [gone], "Restored"))
        await self.storage.cleaning.purge_expunged(NOW, 9)
        end = await self.past.changes(self.ann.id, inbox.id, now.mailbox.highest_modseq)
        self.assertEqual((end.mailbox.messages, len(end.sources)), (0, 0))
        self.assertEqual(await self.names(), [])
        await self.expunge(inbox, *await self.fill(self.ann, inbox, []))
        self.assertEqual(self.numbers(await self.look()), {4: 4})

    async def test_a_mailbox_that_is_being_removed_has_no_past(self) -> None:
        work = await self.find(self.ann, "Work")
        await self.fill(self.ann, work, [], [], [])
        await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
        past = await self.look("Work")
        for _ in range(9):
            await self.storage.cleaning.purge_expunged(NOW, 1)
        await self.refused(NoSuchMailbox, self.look("Work"))
        changes = self.past.changes(self.ann.id, work.id, past.mailbox.highest_modseq)
        await self.refused(NoSuchMailbox, changes)
        await self.refused(ExpungeIssued, self.copy(work, [1], "Restored"))

    async def test_a_deleted_account_has_no_past(self) -> None:
        await self.gone([])
        await self.storage.accounts.delete(parse_address("ann@example.com"))
        self.assertEqual(await self.names(), [])
        await self.refused(NoSuchMailbox, self.look())

    async def test_quota_does_not_count_what_is_past(self) -> None:
        await self.storage.set_quota(self.ann.id, None, 2)
        await self.gone([], [])
        await self.gone([], [])
        self.assertEqual((await self.look()).mailbox.messages, 4)

    # ------------------------------------------------------------ copy

    async def copy(self, source: MailboxRow, uids: list[int], name: str) -> Copied:
        return await self.past.copy(source.id, uids, self.ann.id, name, self.operation())

    async def test_copies_are_as_the_messages_were(self) -> None:
        """G39, G16; a copy has a UID and a modseq of its own, and no content is made (G2)."""
        inbox = await self.find(self.ann)
        await self.fill(self.ann, inbox, ["\\Seen", "$Junk"], [], ["\\Flagged"])
        before = (await self.storage.messages.read(inbox.id, EVERYTHING, frozenset(Want))).messages
        await self.expunge(inbox, 1, 2, 3)
        restored = await self.find(self.ann, "Restored")
        copied = await self.copy(inbox, [3, 1], "Restored")
        self.assertEqual((copied.sources, copied.uids), ((3, 1), (1, 2)))
        self.assertEqual(
            (copied.mailbox_id, copied.uidvalidity), (restored.id, restored.uidvalidity)
        )
        self.assertEqual(
            (copied.before, copied.modseq > copied.before), (restored.highest_modseq, True)
        )
        found = await self.contents(self.ann, "Restored")
        self.assertEqual(found, {1: ["\\Flagged"], 2: ["$Junk", "\\Seen"]})
        opened = await self.check(self.ann, "Restored")
        self.assertEqual(list(copied.masks), list(opened.states.masks))
        self.assertEqual(dict(copied.keywords), {0: "$Junk"})
        read = await self.storage.messages.read(restored.id, EVERYTHING, frozenset(Want))
        for was, now in zip([before[2], before[0]], read.messages, strict=True):
            for name in ("email_id", "thread_id", "internal_date", "size", "trace", "body"):
                self.assertEqual(getattr(was, name), getattr(now, name), name)
        # It is still there, and can be copied to where it was.
        self.assertEqual(list((await self.copy(inbox, [2], "INBOX")).uids), [4])
        self.assertEqual((await self.look()).mailbox.messages, 3)
        changes = await self.storage.mailboxes.changes(restored.id, restored.highest_modseq, 0)
        self.assertEqual(list(changes.changed.uids), [1, 2])

    async def test_what_is_marked_as_deleted_is_not_copied_so(self) -> None:
        inbox = await self.gone([])
        copied = await self.copy(inbox, [1], "Restored")
        self.assertEqual(copied.masks[0] & DELETED, 0)
        self.assertEqual((await self.check(self.ann, "Restored")).mailbox.deleted, 0)

    async def test_all_or_nothing(self) -> None:
        inbox = await self.gone([], [])
        await self.refused(ExpungeIssued, self.copy(inbox, [1, 2, 3], "Restored"))
        await self.refused(NoSuchMailbox, self.copy(inbox, [1], "Nowhere"))
        await self.storage.set_quota(self.ann.id, None, 1)
        await self.refused(OverQuota, self.copy(inbox, [1, 2], "Restored"))
        self.assertEqual((await self.check(self.ann, "Restored")).mailbox.messages, 0)
        await self.copy(inbox, [2], "Restored")

    async def share(self, owner: AccountRow, who: str, rights: str) -> None:
        await self.storage.rights.set(
            owner.id,
            "INBOX",
            owner.id,
            parse_address(who),
            RightsChange("replace", parse_rights(rights)),
            self.operation(),
        )

    async def test_to_the_mailbox_of_somebody_else(self) -> None:
        """RFC 4314 §4: the right to insert, and flags that may be set."""
        bob = await self.account("bob@example.com")
        inbox = await self.gone(["\\Seen", "\\Flagged", "$Junk"])

        def copying() -> object:
            return self.past.copy(
                inbox.id, [1], bob.id, "INBOX", self.operation(), asker=self.ann.id
            )

        await self.refused(NoSuchMailbox, copying())
        await self.share(bob, "ann@example.com", "lr")
        await self.refused(NotPermitted, copying())
        await self.share(bob, "ann@example.com", "lrsi")
        await copying()
        self.assertEqual(await self.contents(bob), {1: ["\\Seen"]})
        await self.share(bob, "ann@example.com", "lrswi")
        await copying()
        found = await self.contents(bob)
        self.assertEqual(found[2], ["$Junk", "\\Flagged", "\\Seen"])
        await self.check(bob)

    # ------------------------------------------------------------ search

    async def test_search(self) -> None:
        inbox = await self.find(self.ann)
        letters = [
            letter("Apples", "They are red.\r\n"),
            letter("Pears", "They are green.\r\n"),
            letter("Plums", "They are blue.\r\n"),
        ]
        for one, names in zip(letters, (["\\Seen"], ["$Junk"], []), strict=True):
            await self.put(self.ann, inbox, one, *names)
        await self.expunge(inbox, 1, 2)

        async def found(criterion: object) -> list[int]:
            return list(await self.past.search(inbox.id, criterion))

        self.assertEqual(await found(BodyHas("they are")), [1, 2])
        self.assertEqual(await found(BodyHas("green")), [2])
        self.assertEqual(await found(BodyHas("blue")), [])
        self.assertEqual(await found(HeaderHas("subject", "apple")), [1])
        self.assertEqual(await found(TextHas("pears")), [2])
        self.assertEqual(await found(FlagsAre(SEEN, present=True)), [1])
        self.assertEqual(await found(FlagsAre(DELETED, present=True)), [])
        self.assertEqual(await found(KeywordIs("$junk", present=True)), [2])
        self.assertEqual(await found(And((UidIn(sets(2)), BodyHas("they")))), [2])

    async def test_order_threads_and_scores(self) -> None:
        inbox = await self.find(self.ann)
        letters = [
            Letter([("Subject", "B"), ("Message-ID", "<b@x>")]),
            Letter([("Subject", "A"), ("Message-ID", "<a@x>"), ("In-Reply-To", "<b@x>")]),
        ]
        for one in letters:
            await self.put(self.ann, inbox, one)
        await self.expunge(inbox, 1, 2)
        every = TextHas("")
        order = await self.past.sort(inbox.id, every, [SortKey(SortBy.SUBJECT)])
        self.assertEqual(list(order), [2, 1])
        rows = await self.past.threads(inbox.id, every)
        self.assertEqual([(row.uid, row.message_id) for row in rows], [(1, "b@x"), (2, "a@x")])
        scores = await self.past.relevance(inbox.id, TextHas("a"), EVERYTHING)
        self.assertEqual(set(scores), {1, 2})


class ApartContract(Contract):
    """Accounts of different domains store their mail apart."""

    async def test_what_is_not_there_yet_is_carried_first(self) -> None:
        ann = await self.account("ann@example.com")
        bob = await self.account("bob@example.net")
        inbox = await self.find(ann)
        await self.put(ann, inbox, letter("One"), "\\Deleted")
        await self.storage.messages.expunge(inbox.id, None, self.operation())

        async def copying() -> Copied:
            return await self.storage.past.copy(inbox.id, [1], bob.id, "INBOX", self.operation())

        await self.refused(StoredApart, copying())
        await self.put(bob, await self.find(bob), letter("One"))
        copied = await copying()
        self.assertEqual((len(copied.uids), copied.sources), (1, (1,)))
        read = await self.storage.messages.read(copied.mailbox_id, EVERYTHING, frozenset(Want))
        self.assertEqual(len({message.body.content_id for message in read.messages}), 1)
        self.assertNotEqual(read.messages[0].email_id, uuid4())
