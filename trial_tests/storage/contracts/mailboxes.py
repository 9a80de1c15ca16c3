"""The contract of `IMailboxes`, names."""

from sora.errors import AlreadyExists, HasChildren, NoSuchMailbox, UseAttributeRefused
from sora.storage.rows import AccountRow, MailboxRow, NewMailbox
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter


class MailboxesContract(Contract):
    """Mailboxes by name."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")

    async def create(self, name: str, special_use: str | None = None) -> MailboxRow:
        return await self.storage.mailboxes.create(self.ann.id, name, special_use, self.operation())

    async def delete(self, name: str) -> int:
        return await self.storage.mailboxes.delete(self.ann.id, name, self.operation())

    async def rename(self, old: str, new: str) -> None:
        await self.storage.mailboxes.rename(self.ann.id, old, new, self.operation())

    async def names(self, account: AccountRow | None = None) -> list[str]:
        listing = await self.storage.mailboxes.list((account or self.ann).id)
        return [mailbox.name for mailbox in listing.mailboxes]

    async def subscriptions(self) -> list[str]:
        return sorted((await self.storage.mailboxes.list(self.ann.id)).subscriptions)

    # -------------------------------------------------------------- finding

    async def test_inbox_is_found_in_any_case_and_others_are_not(self) -> None:
        """G22, G38"""
        await self.create("Work")
        inbox = await self.find(self.ann, "INBOX")
        for name in ("inbox", "InBoX"):
            self.assertEqual(await self.find(self.ann, name), inbox)
            self.assertEqual((await self.opened(self.ann, name)).mailbox, inbox)
        for name in ("work", "WORK", "Wor", "Work/", ""):
            await self.refused(NoSuchMailbox, self.storage.mailboxes.find(self.ann.id, name))
            await self.refused(NoSuchMailbox, self.storage.mailboxes.open(self.ann.id, name))

    async def test_the_mailboxes_of_others_are_not_found(self) -> None:
        bob = await self.account("bob@example.com", "Private")
        await self.refused(NoSuchMailbox, self.storage.mailboxes.find(self.ann.id, "Private"))
        self.assertEqual(sorted(await self.names(bob)), ["INBOX", "Private"])
        self.assertEqual(await self.names(), ["INBOX"])

    async def test_the_listing_is_in_the_order_of_names(self) -> None:
        for name in ("b", "a", "ä", "a/b", "B"):
            await self.create(name)
        self.assertEqual(await self.names(), ["B", "INBOX", "a", "a/b", "b", "ä"])

    async def test_a_new_mailbox_is_empty(self) -> None:
        row = await self.create("New")
        self.assertEqual((row.messages, row.unseen, row.deleted, row.size), (0, 0, 0, 0))
        self.assertEqual(row.uidnext, 1)
        self.assertGreater(row.highest_modseq, 0)
        self.assertEqual(await self.find(self.ann, "New"), row)
        opened = await self.check(self.ann, "New")
        self.assertEqual(list(opened.states.uids), [])

    # -------------------------------------------------------------- creating

    async def test_create_makes_missing_superiors(self) -> None:
        """RFC 3501 §6.3.3"""
        await self.create("a/b/c")
        self.assertEqual(await self.names(), ["INBOX", "a", "a/b", "a/b/c"])
        await self.create("a/b/d")
        self.assertEqual(await self.names(), ["INBOX", "a", "a/b", "a/b/c", "a/b/d"])

    async def test_an_inferior_of_inbox(self) -> None:
        await self.create("INBOX/x")
        self.assertEqual(await self.names(), ["INBOX", "INBOX/x"])
        self.assertEqual((await self.find(self.ann, "inbox/x")).name, "INBOX/x")

    async def test_names_that_look_like_patterns_are_names(self) -> None:
        """G20"""
        for name in ("a_b", "a%b", "a\\b", "a'b", "a*b"):
            await self.create(name)
        await self.create("axb/c")
        await self.rename("a_b", "moved")
        self.assertEqual(
            await self.names(), ["INBOX", "a%b", "a'b", "a*b", "a\\b", "axb", "axb/c", "moved"]
        )
        await self.delete("a%b")
        self.assertNotIn("a%b", await self.names())
        self.assertIn("axb", await self.names())

    async def test_an_existing_name_is_refused(self) -> None:
        await self.create("a")
        for name in ("a", "INBOX", "inbox"):
            await self.refused(AlreadyExists, self.create(name))
        await self.create("A")

    async def test_a_special_use_belongs_to_one_mailbox(self) -> None:
        """RFC 6154 §3"""
        row = await self.create("Post", "\\Sent")
        self.assertEqual(row.special_use, "\\Sent")
        await self.refused(UseAttributeRefused, self.create("Other", "\\Sent"))
        self.assertNotIn("Other", await self.names())
        await self.create("Other", "\\Drafts")
        await self.delete("Post")
        self.assertEqual((await self.create("Again", "\\Sent")).special_use, "\\Sent")

    async def test_superiors_made_on_the_way_have_no_special_use(self) -> None:
        await self.create("x/Junk", "\\Junk")
        self.assertIsNone((await self.find(self.ann, "x")).special_use)

    async def test_uidvalidity_rises_when_a_name_is_used_again(self) -> None:
        """G29"""
        first = await self.create("a")
        await self.delete("a")
        second = await self.create("a")
        await self.create("b")
        await self.delete("a")
        third = await self.create("a")
        self.assertLess(first.uidvalidity, second.uidvalidity)
        self.assertLess(second.uidvalidity, third.uidvalidity)
        self.assertEqual(len({first.object_id, second.object_id, third.object_id}), 3)

    # -------------------------------------------------------------- deleting

    async def test_delete_takes_the_messages_along(self) -> None:
        row = await self.create("a")
        await self.put(self.ann, row, letter("gone"))
        self.assertEqual(await self.delete("a"), row.id)
        await self.refused(NoSuchMailbox, self.storage.mailboxes.find(self.ann.id, "a"))
        await self.refused(NoSuchMailbox, self.storage.mailboxes.changes(row.id, 0, 0))
        self.assertEqual(await self.storage.mailboxes.poll([row.id]), {})
        await self.refused(NoSuchMailbox, self.delete("a"))
        again = await self.create("a")
        self.assertEqual((again.messages, again.size), (0, 0))

    async def test_writing_to_a_deleted_mailbox_is_refused(self) -> None:
        row = await self.create("a")
        await self.put(self.ann, row, letter("gone"))
        await self.delete("a")
        await self.refused(NoSuchMailbox, self.store(row, EVERYTHING, "add", "\\Seen"))
        await self.refused(
            NoSuchMailbox, self.storage.messages.expunge(row.id, None, self.operation())
        )

    async def test_a_mailbox_with_inferiors_is_not_deleted(self) -> None:
        await self.create("a/b")
        await self.create("ab")
        await self.refused(HasChildren, self.delete("a"))
        await self.delete("a/b")
        await self.delete("a")
        self.assertEqual(await self.names(), ["INBOX", "ab"])

    async def test_a_subscription_outlives_its_mailbox(self) -> None:
        """RFC 3501 §6.3.6"""
        await self.create("a")
        await self.storage.mailboxes.subscribe(self.ann.id, "a")
        await self.delete("a")
        self.assertEqual(await self.subscriptions(), ["INBOX", "a"])

    # -------------------------------------------------------------- renaming

    async def test_rename_takes_the_whole_subtree(self) -> None:
        """G22"""
        row = await self.create("a/b")
        await self.create("a/b/c")
        await self.create("ab")
        await self.put(self.ann, row, letter("stays in it"))
        await self.rename("a", "x/y")
        self.assertEqual(await self.names(), ["INBOX", "ab", "x", "x/y", "x/y/b", "x/y/b/c"])
        moved = await self.find(self.ann, "x/y/b")
        self.assertEqual((moved.id, moved.uidvalidity), (row.id, row.uidvalidity))
        self.assertEqual((moved.messages, moved.object_id), (1, row.object_id))
        await self.refused(NoSuchMailbox, self.find(self.ann, "a/b"))

    async def test_rename_within_one_superior(self) -> None:
        await self.create("a/b/c")
        await self.rename("a/b", "a/d")
        self.assertEqual(await self.names(), ["INBOX", "a", "a/d", "a/d/c"])
        await self.rename("a/d/c", "c")
        self.assertEqual(await self.names(), ["INBOX", "a", "a/d", "c"])

    async def test_rename_does_not_overwrite(self) -> None:
        await self.create("a/b")
        await self.create("c")
        for new in ("c", "INBOX", "inbox", "a"):
            await self.refused(AlreadyExists, self.rename("a", new))
        self.assertEqual(await self.names(), ["INBOX", "a", "a/b", "c"])
        await self.refused(NoSuchMailbox, self.rename("nothing", "d"))

    async def test_rename_keeps_the_special_use(self) -> None:
        await self.create("Sent", "\\Sent")
        await self.rename("Sent", "Gesendet")
        self.assertEqual((await self.find(self.ann, "Gesendet")).special_use, "\\Sent")

    async def test_subscriptions_follow_a_rename(self) -> None:
        for name in ("a", "a/b", "ab"):
            await self.create(name)
            await self.storage.mailboxes.subscribe(self.ann.id, name)
        await self.rename("a", "z")
        self.assertEqual(await self.subscriptions(), ["INBOX", "ab", "z", "z/b"])

    async def test_renaming_inbox_moves_its_messages_and_leaves_it_empty(self) -> None:
        """RFC 3501 §6.3.5, G38, G39"""
        await self.create("INBOX/below")
        inbox = await self.find(self.ann)
        uids = await self.fill(self.ann, inbox, ["\\Seen"], ["$Work"], [])
        await self.rename("inbox", "old/2024")
        self.assertEqual(await self.names(), ["INBOX", "INBOX/below", "old", "old/2024"])
        after = (await self.check(self.ann)).mailbox
        self.assertEqual((after.id, after.uidvalidity), (inbox.id, inbox.uidvalidity))
        self.assertEqual(after.messages, 0)
        self.assertGreaterEqual(after.uidnext, uids[-1] + 1)
        made = await self.check(self.ann, "old/2024")
        self.assertNotEqual(made.mailbox.id, inbox.id)
        flags = await self.contents(self.ann, "old/2024")
        self.assertEqual(list(flags.values()), [["\\Seen"], ["$Work"], []])
        changes = await self.storage.mailboxes.changes(inbox.id, after.highest_modseq - 1, 0)
        self.assertEqual(list(changes.vanished), uids)
        self.assertEqual(await self.subscriptions(), ["INBOX"])

    async def test_renaming_an_empty_inbox_makes_the_new_mailbox(self) -> None:
        await self.rename("INBOX", "archive")
        self.assertEqual(await self.names(), ["INBOX", "archive"])
        await self.refused(AlreadyExists, self.rename("INBOX", "archive"))

    # -------------------------------------------------------------- subscriptions

    async def test_subscribing_twice_is_subscribing_once(self) -> None:
        for _ in range(2):
            await self.storage.mailboxes.subscribe(self.ann.id, "not/there")
        self.assertEqual(await self.subscriptions(), ["INBOX", "not/there"])
        for _ in range(2):
            await self.storage.mailboxes.unsubscribe(self.ann.id, "not/there")
        await self.storage.mailboxes.unsubscribe(self.ann.id, "inbox")
        self.assertEqual(await self.subscriptions(), [])

    async def test_the_version_rises_with_every_change_of_names(self) -> None:
        async def version() -> int:
            return (await self.storage.mailboxes.list(self.ann.id)).version

        seen = [await version()]
        await self.create("a")
        seen.append(await version())
        await self.storage.mailboxes.subscribe(self.ann.id, "a")
        seen.append(await version())
        await self.rename("a", "b")
        seen.append(await version())
        await self.storage.mailboxes.unsubscribe(self.ann.id, "b")
        seen.append(await version())
        await self.delete("b")
        seen.append(await version())
        self.assertEqual(seen, sorted(set(seen)))

    async def test_poll_tells_the_modseqs_of_live_mailboxes(self) -> None:
        one = await self.create("one")
        two = await self.create("two")
        placed = await self.put(self.ann, two, letter("new"))
        found = await self.storage.mailboxes.poll([one.id, two.id, 999_999_999])
        self.assertEqual(found, {one.id: one.highest_modseq, two.id: placed.modseq})
        self.assertEqual(await self.storage.mailboxes.poll([]), {})

    async def test_versions_of_accounts(self) -> None:
        bob = await self.account("bob@example.com")
        before = await self.storage.mailboxes.versions([self.ann.id, bob.id, 999_999_999])
        self.assertEqual(set(before), {self.ann.id, bob.id})
        await self.create("one")
        after = await self.storage.mailboxes.versions([self.ann.id, bob.id])
        self.assertGreater(after[self.ann.id], before[self.ann.id])
        self.assertEqual(after[bob.id], before[bob.id])
        listing = await self.storage.mailboxes.list(self.ann.id)
        self.assertEqual(listing.version, after[self.ann.id])
        self.assertEqual(await self.storage.mailboxes.versions([]), {})

    async def test_an_account_with_its_own_special_uses(self) -> None:
        bob = await self.account("bob@example.com", NewMailbox("Sent", "\\Sent"))
        await self.create("Sent", "\\Sent")
        self.assertEqual((await self.find(bob, "Sent")).special_use, "\\Sent")
