"""`IImporting`: messages that come from elsewhere, and may keep their UIDs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from attrs import evolve

from sora.errors import AlreadyExists, NoSuchMailbox, OverQuota
from sora.storage.rows import (
    AccountRow,
    Arrival,
    ImportDone,
    ImportFate,
    Incoming,
    MailboxRow,
    NewMailbox,
)
from trial_tests.storage.contracts.contract import (
    EVERYTHING,
    NOON,
    Contract,
    Letter,
    flags,
    letter,
)

PLACED, DUPLICATE, TAKEN = ImportFate.PLACED, ImportFate.DUPLICATE, ImportFate.UID_TAKEN


class ImportingContract(Contract):
    """Messages of an import, made many at a time, each of them once."""

    async def begin(
        self,
        account: AccountRow,
        name: str = "INBOX",
        uidvalidity: int | None = None,
        special_use: str | None = None,
    ) -> MailboxRow:
        return await self.storage.importing.begin(
            account.id, name, special_use, uidvalidity, self.operation()
        )

    async def imports(
        self,
        account: AccountRow,
        mailbox: MailboxRow,
        *messages: tuple[str, int | None],
        date: datetime = NOON,
    ) -> ImportDone:
        """Import letters, by subject and UID; the subject is the key, too."""
        letters = [letter(subject) for subject, _ in messages]
        incoming = [
            Incoming(subject.encode(), date, uuid4(), flags(), uid) for subject, uid in messages
        ]
        return await self.put_letters(account, mailbox, letters, incoming)

    async def put_letters(
        self,
        account: AccountRow,
        mailbox: MailboxRow,
        letters: Sequence[Letter],
        incoming: Sequence[Incoming],
    ) -> ImportDone:
        arrivals = [Arrival(one.hash, one.facts, one.octets) for one in letters]
        return await self.storage.importing.put(
            account.scope_id, mailbox.id, arrivals, incoming, self.operation()
        )

    def fates(self, done: ImportDone) -> list[tuple[ImportFate, int]]:
        return [(one.fate, one.uid) for one in done.imported]

    async def test_messages_have_what_they_came_with(self) -> None:
        """Flags, keywords, dates and their order; the mailbox counts them (G16)."""
        account = await self.account()
        mailbox = await self.begin(account)
        one, two = letter("one"), letter("two", "Longer than the other one.\r\n")
        incoming = [
            Incoming(b"1", NOON, uuid4(), flags("\\Seen", "$Forwarded")),
            Incoming(b"2", NOON.replace(year=2001), uuid4(), flags("\\Deleted", "$forwarded")),
        ]
        done = await self.put_letters(account, mailbox, [one, two], incoming)
        self.assertEqual(self.fates(done), [(PLACED, 1), (PLACED, 2)])
        self.assertEqual(
            await self.contents(account),
            {1: ["$Forwarded", "\\Seen"], 2: ["$Forwarded", "\\Deleted"]},
        )
        row = await self.find(account)
        self.assertEqual((row.messages, row.unseen, row.deleted, row.uidnext), (2, 1, 1, 3))
        self.assertEqual(row.size, len(one.octets) + len(two.octets))

    async def test_a_batch_is_one_change_that_others_learn_of(self) -> None:
        account = await self.account()
        mailbox = await self.begin(account)
        before = (await self.find(account)).highest_modseq
        await self.imports(account, mailbox, ("one", None), ("two", None))
        changes = await self.storage.mailboxes.changes(mailbox.id, before, 0)
        self.assertEqual(list(changes.changed.uids), [1, 2])
        self.assertEqual(len(set(changes.changed.modseqs)), 1)

    async def test_each_key_is_taken_once(self) -> None:
        """Also within a batch, and after the message was expunged."""
        account = await self.account()
        mailbox = await self.begin(account)
        done = await self.imports(account, mailbox, ("one", None), ("one", None))
        self.assertEqual(self.fates(done), [(PLACED, 1), (DUPLICATE, 1)])
        await self.store(mailbox, EVERYTHING, "add", "\\Deleted")
        await self.storage.messages.expunge(mailbox.id, None, self.operation())
        done = await self.imports(account, mailbox, ("one", None), ("two", None))
        self.assertEqual(self.fates(done), [(DUPLICATE, 1), (PLACED, 2)])
        known = await self.storage.importing.known(mailbox.id, [b"one", b"two", b"three"])
        self.assertEqual(known, {b"one": 1, b"two": 2})

    async def test_the_same_octets_under_two_keys_are_two_messages(self) -> None:
        """And one content (G2)."""
        account = await self.account()
        mailbox = await self.begin(account)
        incoming = [Incoming(key, NOON, uuid4()) for key in (b"1", b"2")]
        same = letter("same")
        done = await self.put_letters(account, mailbox, [same, same], incoming)
        self.assertEqual(self.fates(done), [(PLACED, 1), (PLACED, 2)])
        self.assertEqual(len({one.content_id for one in done.imported}), 1)

    async def test_uids_are_kept_in_a_mailbox_with_the_uidvalidity_of_the_source(self) -> None:
        """An empty mailbox becomes a new one, whose id nobody knows (G29)."""
        account = await self.account("ann@example.com", NewMailbox("Sent", "\\Sent"))
        before = await self.find(account, "Sent")
        mailbox = await self.begin(account, "Sent", 77)
        self.assertEqual((mailbox.uidvalidity, mailbox.special_use), (77, "\\Sent"))
        self.assertNotEqual(mailbox.id, before.id)
        await self.refused(NoSuchMailbox, self.storage.mailboxes.changes(before.id, 0, 0))
        done = await self.imports(account, mailbox, ("one", 5), ("two", 9))
        self.assertEqual(self.fates(done), [(PLACED, 5), (PLACED, 9)])
        await self.storage.importing.finish(mailbox.id, 40)
        placed = await self.put(account, mailbox, letter("delivered"))
        self.assertEqual((placed.uid, placed.uidvalidity), (40, 77))

    async def test_an_import_goes_on_where_it_ended(self) -> None:
        account = await self.account()
        mailbox = await self.begin(account, "INBOX", 77)
        await self.imports(account, mailbox, ("one", 5))
        again = await self.begin(account, "INBOX", 77)
        self.assertEqual(again.id, mailbox.id)
        done = await self.imports(account, again, ("one", 5), ("two", 6))
        self.assertEqual(self.fates(done), [(DUPLICATE, 5), (PLACED, 6)])

    async def test_a_uid_that_was_given_out_is_not_given_to_another_message(self) -> None:
        """G29; what is there under it already is the same message, whatever its key."""
        account = await self.account()
        mailbox = await self.begin(account, "INBOX", 77)
        await self.put(account, mailbox, letter("delivered"))
        done = await self.imports(account, mailbox, ("one", 1), ("delivered", 1), ("two", 2))
        self.assertEqual(self.fates(done), [(TAKEN, 1), (DUPLICATE, 1), (PLACED, 2)])
        done = await self.imports(account, mailbox, ("one", None))
        self.assertEqual(self.fates(done), [(PLACED, 3)])

    async def test_a_mailbox_with_messages_keeps_its_uidvalidity(self) -> None:
        account = await self.account()
        await self.put(account, await self.find(account), letter("delivered"))
        await self.refused(AlreadyExists, self.begin(account, "INBOX", 77))
        self.assertEqual((await self.begin(account)).id, (await self.find(account)).id)

    async def test_uidvalidity_of_names_made_later_is_higher(self) -> None:
        """G29"""
        account = await self.account()
        await self.begin(account, "Old", 4_000_000_000)
        made = await self.storage.mailboxes.create(account.id, "New", None, self.operation())
        self.assertGreater(made.uidvalidity, 4_000_000_000)

    async def test_a_deleted_mailbox_is_imported_again_if_nothing_else_was_in_it(self) -> None:
        """Else one UID would have stood for two messages (G29)."""
        account = await self.account()
        mailbox = await self.begin(account, "Work", 77)
        await self.imports(account, mailbox, ("one", 1))
        await self.storage.mailboxes.delete(account.id, "Work", self.operation())
        again = await self.begin(account, "Work", 77)
        done = await self.imports(account, again, ("one", 1))
        self.assertEqual(self.fates(done), [(PLACED, 1)])
        await self.put(account, again, letter("delivered"))
        await self.storage.mailboxes.delete(account.id, "Work", self.operation())
        await self.refused(AlreadyExists, self.begin(account, "Work", 77))

    async def test_superiors_and_special_uses(self) -> None:
        account = await self.account("ann@example.com", NewMailbox("Sent", "\\Sent"))
        mailbox = await self.begin(account, "A/B/Junk", None, "\\Junk")
        self.assertEqual(mailbox.special_use, "\\Junk")
        self.assertIsNone((await self.begin(account, "Sent Items", None, "\\Sent")).special_use)
        names = [row.name for row in (await self.storage.mailboxes.list(account.id)).mailboxes]
        self.assertEqual(names, ["A", "A/B", "A/B/Junk", "INBOX", "Sent", "Sent Items"])

    async def test_quota(self) -> None:
        """Nothing of a batch that has no room is done."""
        account = await self.account()
        mailbox = await self.begin(account)
        await self.storage.set_quota(account.id, None, 1)
        await self.refused(OverQuota, self.imports(account, mailbox, ("one", None), ("two", None)))
        self.assertEqual((await self.find(account)).messages, 0)
        self.assertEqual(await self.storage.importing.known(mailbox.id, [b"one"]), {})
        await self.imports(account, mailbox, ("one", None))

    async def test_a_mailbox_that_went_away(self) -> None:
        account = await self.account()
        mailbox = await self.begin(account, "Work")
        await self.storage.mailboxes.delete(account.id, "Work", self.operation())
        await self.refused(NoSuchMailbox, self.imports(account, mailbox, ("one", None)))

    async def test_bytes_that_are_missing(self) -> None:
        """Nothing is done; with them, all is."""
        account = await self.account()
        mailbox = await self.begin(account)
        one, two = letter("one"), letter("two")
        incoming = [Incoming(key, NOON, uuid4()) for key in (b"1", b"2")]
        arrivals = [Arrival(one.hash, one.facts, one.octets), Arrival(two.hash)]
        done = await self.storage.importing.put(
            account.scope_id, mailbox.id, arrivals, incoming, self.operation()
        )
        self.assertEqual((done.imported, done.missing), ((), frozenset({1})))
        arrivals[1] = evolve(arrivals[1], facts=two.facts, body=two.octets)
        done = await self.storage.importing.put(
            account.scope_id, mailbox.id, arrivals, incoming, self.operation()
        )
        self.assertEqual(self.fates(done), [(PLACED, 1), (PLACED, 2)])
        row = await self.find(account)
        self.assertEqual((row.messages, row.size), (2, len(one.octets) + len(two.octets)))
