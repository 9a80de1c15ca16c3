"""The contract of `ICleaning` and `IMembership`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sora.addresses import parse_address
from sora.errors import AlreadyExists, NoSuchAccount
from sora.mail.rights import parse_change
from sora.storage.rows import (
    Arrival,
    Beat,
    Fate,
    FlagChange,
    ObjectPlace,
    Placed,
    Removed,
    Want,
)
from trial_tests.storage.contracts.contract import (
    EVERYTHING,
    Contract,
    Letter,
    flags,
    letter,
    sets,
)

DAY = timedelta(days=1)
NOW = timedelta(0)
STORES = ("disk", "s3")


class CleaningContract(Contract):
    """Nothing live is ever deleted; what is not goes step by step."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)
        self.cleaning = self.storage.cleaning

    async def put_object(self, message: Letter) -> Placed:
        (name,) = await self.storage.uploads.reserve("disk", 1)
        arrival = Arrival(message.hash, message.facts, object=ObjectPlace(name, "disk", None, 1))
        placement = await self.storage.messages.place(
            self.ann.scope_id, arrival, [self.target(self.inbox)], self.operation()
        )
        self.object_id = name
        return placement.placed[0]

    async def expunge_all(self) -> None:
        await self.store(self.inbox, EVERYTHING, "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())

    async def clean(self, grace: timedelta = NOW) -> None:
        """Everything a cleaner does, until nothing is left to do."""
        for step in (
            lambda: self.cleaning.purge_expunged(grace, 100),
            lambda: self.cleaning.condemn(grace, 100),
        ):
            for _ in range(10):
                if not await step():
                    break

    async def test_what_is_live_stays(self) -> None:
        message = letter("live")
        await self.put_object(message)
        await self.clean()
        self.assertEqual(list(await self.cleaning.condemned(STORES, 10, NOW)), [])
        self.assertTrue(await self.storage.uploads.known(self.ann.scope_id, message.hash))

    async def test_the_grace_is_kept(self) -> None:
        message = letter("restorable")
        await self.put_object(message)
        await self.expunge_all()
        await self.clean(grace=DAY)
        self.assertEqual(list(await self.cleaning.condemned(STORES, 10, NOW)), [])
        self.assertTrue(await self.storage.uploads.known(self.ann.scope_id, message.hash))

    async def test_an_expunged_message_holds_its_content_until_it_is_purged(self) -> None:
        message = letter("held")
        await self.put_object(message)
        await self.expunge_all()
        for _ in range(3):
            await self.cleaning.condemn(NOW, 100)
        self.assertTrue(await self.storage.uploads.known(self.ann.scope_id, message.hash))

    async def test_the_three_steps(self) -> None:
        message = letter("going")
        await self.put_object(message)
        await self.expunge_all()
        self.assertEqual(await self.cleaning.purge_expunged(NOW, 100), 1)
        self.assertEqual(await self.cleaning.purge_expunged(NOW, 100), 0)
        self.assertEqual(await self.cleaning.condemn(NOW, 100), 1)
        self.assertEqual(await self.cleaning.condemn(NOW, 100), 0)
        self.assertFalse(await self.storage.uploads.known(self.ann.scope_id, message.hash))
        (condemned,) = await self.cleaning.condemned(STORES, 10, NOW)
        self.assertEqual((condemned.object_id, condemned.store), (self.object_id, "disk"))
        self.assertEqual(await self.cleaning.forget([condemned.object_id]), 1)
        self.assertEqual(list(await self.cleaning.condemned(STORES, 10, NOW)), [])

    async def test_the_same_bytes_after_condemning_are_a_new_content(self) -> None:
        """G3"""
        message = letter("comes back")
        await self.put_object(message)
        await self.expunge_all()
        await self.clean()
        bare = Arrival(message.hash, message.facts)
        placement = await self.storage.messages.place(
            self.ann.scope_id, bare, [self.target(self.inbox)], self.operation()
        )
        self.assertTrue(placement.needs_body)
        old = self.object_id
        placed = await self.put_object(message)
        (condemned,) = await self.cleaning.condemned(STORES, 10, NOW)
        self.assertEqual(condemned.object_id, old)
        await self.cleaning.forget([old])
        read = await self.storage.messages.read(
            self.inbox.id, sets(placed.uid), frozenset({Want.BODY})
        )
        self.assertEqual([entry.id for entry in read.messages[0].body.objects], [self.object_id])

    async def test_a_content_with_another_message_stays(self) -> None:
        message = letter("shared")
        await self.put_object(message)
        other = await self.find(self.ann, "Other")
        await self.put(self.ann, other, message)
        await self.expunge_all()
        await self.clean()
        self.assertTrue(await self.storage.uploads.known(self.ann.scope_id, message.hash))
        read = await self.storage.messages.read(other.id, sets(1), frozenset({Want.BODY}))
        self.assertEqual(len(read.messages[0].body.objects), 1)

    async def test_a_copy_holds_the_content_too(self) -> None:
        message = letter("copied")
        placed = await self.put_object(message)
        await self.storage.messages.copy(
            self.inbox.id, sets(placed.uid), self.ann.id, "Other", self.operation()
        )
        await self.expunge_all()
        await self.clean()
        self.assertTrue(await self.storage.uploads.known(self.ann.scope_id, message.hash))

    async def test_messages_of_a_deleted_mailbox_are_purged_too(self) -> None:
        message = letter("in a deleted mailbox")
        other = await self.find(self.ann, "Other")
        await self.put(self.ann, other, message)
        await self.storage.mailboxes.delete(self.ann.id, "Other", self.operation())
        await self.clean(grace=DAY)
        self.assertTrue(await self.storage.uploads.known(self.ann.scope_id, message.hash))
        await self.clean()
        self.assertFalse(await self.storage.uploads.known(self.ann.scope_id, message.hash))

    async def test_a_staged_content_goes_without_ever_being_uploaded(self) -> None:
        await self.put(self.ann, self.inbox, letter("short life"))
        await self.expunge_all()
        await self.clean()
        self.assertEqual(list(await self.storage.uploads.claim("s3", 10, NOW)), [])
        self.assertEqual((await self.storage.uploads.backlog()).contents, 0)

    async def test_what_is_condemned_in_the_midst_of_its_upload_is_claimed_no_more(self) -> None:
        """And takes nobody's turn: who claims one gets the oldest that has to be uploaded."""
        await self.put(self.ann, self.inbox, letter("short life"))
        await self.put(self.ann, self.inbox, letter("long life"))
        first, second = await self.storage.uploads.claim("s3", 10, NOW)
        await self.store(self.inbox, sets(1), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        await self.clean()
        claimed = await self.storage.uploads.claim("s3", 1, NOW)
        self.assertEqual([one.object_id for one in claimed], [second.object_id])
        self.assertNotEqual(first.object_id, second.object_id)

    async def test_small_batches(self) -> None:
        await self.fill(self.ann, self.inbox, [], [], [])
        await self.expunge_all()
        self.assertEqual([await self.cleaning.purge_expunged(NOW, 2) for _ in range(3)], [2, 1, 0])
        self.assertEqual([await self.cleaning.condemn(NOW, 2) for _ in range(3)], [2, 1, 0])

    async def test_a_fresh_reservation_is_not_condemned(self) -> None:
        await self.storage.uploads.reserve("disk", 3)
        self.assertEqual(list(await self.cleaning.condemned(STORES, 10, NOW)), [])

    async def test_forgetting_what_is_not_condemned_does_nothing(self) -> None:
        await self.put_object(letter("live"))
        self.assertEqual(await self.cleaning.forget([self.object_id, uuid4()]), 0)
        read = await self.storage.messages.read(self.inbox.id, sets(1), frozenset({Want.BODY}))
        self.assertEqual(len(read.messages[0].body.objects), 1)

    async def test_claims_of_deliveries_are_forgotten_with_time(self) -> None:
        """G42"""
        message = letter("delivered")
        target = self.target(self.inbox, recipient="ann@example.com", received=b"hash")

        async def deliver() -> Fate:
            return (await self.place(self.ann, message, target)).placed[0].fate

        fates = [await deliver()]
        self.assertEqual(await self.cleaning.forget_deliveries(7 * DAY, 10), 0)
        fates.append(await deliver())
        self.assertEqual(await self.cleaning.forget_deliveries(NOW, 10), 1)
        fates.append(await deliver())
        self.assertEqual(fates, [Fate.PLACED, Fate.DUPLICATE, Fate.PLACED])

    async def test_what_one_cleaner_deletes_is_not_given_to_another(self) -> None:
        await self.put_object(letter("going"))
        await self.expunge_all()
        await self.clean()
        cleaning = self.cleaning
        self.assertEqual(list(await cleaning.condemned(["elsewhere"], 9, NOW)), [])
        (condemned,) = await cleaning.condemned(STORES, 9, DAY)
        self.assertEqual(condemned.size, 1)
        self.assertEqual(list(await cleaning.condemned(STORES, 9, DAY)), [])
        self.assertEqual(await cleaning.forget([condemned.object_id]), 1)

    async def test_what_was_staged_and_never_placed_has_a_grace_of_its_own(self) -> None:
        message = letter("half")
        size = message.facts.size
        scope = self.ann.scope_id
        await self.storage.uploads.stage_piece(scope, message.hash, size, None, 0, b"half")
        self.assertEqual(await self.cleaning.condemn(DAY, 9, DAY), 0)
        self.assertEqual(await self.cleaning.condemn(DAY, 9, NOW), 1)

    # ------------------------------------------------------------ accounts

    async def remove(self, grace: timedelta = NOW) -> list[Removed]:
        """Remove accounts whose grace is over, until nothing is left to do."""
        parts = []
        while (part := await self.cleaning.remove_account(grace, 2)) is not None:
            parts.append(part)
        return parts

    async def test_a_deleted_account_stays_for_its_grace(self) -> None:
        ann = parse_address("ann@example.com")
        await self.put_object(letter("mine"))
        await self.storage.accounts.delete(ann)
        self.assertEqual(await self.remove(DAY), [])
        await self.refused(AlreadyExists, self.storage.accounts.create(ann, [], []))
        await self.storage.accounts.restore(ann)
        self.assertEqual(await self.remove(), [])
        opened = await self.opened(self.ann)
        self.assertEqual(opened.mailbox.messages, 1)

    async def test_a_deleted_account_goes_with_everything(self) -> None:
        accounts, ann = self.storage.accounts, parse_address("ann@example.com")
        bob = await self.account("bob@example.com", "Team")
        messages = [letter(f"number {number}") for number in range(5)]
        for message in messages[:4]:
            await self.put(self.ann, self.inbox, message)
        await self.put(self.ann, await self.find(self.ann, "Other"), messages[4])
        await self.put(bob, await self.find(bob), messages[0])
        await self.storage.messages.store(
            self.inbox.id, sets(1), FlagChange("add", flags("\\Deleted")), self.operation()
        )
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        await self.storage.aliases.add(ann, parse_address("a@example.com"), 9)
        await self.storage.credentials.add(ann, parse_address("ann@example.net"), [])
        await self.storage.domains.set_catch_all("example.com", ann)
        await self.storage.rights.set(
            bob.id, "Team", None, ann, parse_change("l"), self.operation()
        )
        await accounts.delete(ann)
        parts = await self.remove()
        self.assertEqual(sum(part.messages for part in parts), 5)
        self.assertTrue(all(part.messages <= 2 for part in parts))
        self.assertEqual([part.ended for part in parts], [False] * (len(parts) - 1) + [True])
        self.assertEqual({part.address for part in parts}, {"ann@example.com"})
        await self.refused(NoSuchAccount, accounts.show(ann))
        await self.refused(NoSuchAccount, accounts.show(parse_address("a@example.com")))
        self.assertIsNone(await accounts.recipient(parse_address("who@example.com")))
        self.assertEqual(list(await self.storage.rights.acl(bob.id, "Team", None)), [])
        await self.clean()
        known = [
            await self.storage.uploads.known(self.ann.scope_id, message.hash)
            for message in messages
        ]
        self.assertEqual(known, [True, False, False, False, False])
        again = await self.account("ann@example.com")
        self.assertNotEqual(again.id, self.ann.id)
        self.assertEqual((await self.opened(again)).mailbox.messages, 0)

    async def test_an_account_whose_removal_has_begun_is_not_restored(self) -> None:
        ann = parse_address("ann@example.com")
        await self.put(self.ann, self.inbox, letter("mine"))
        await self.storage.accounts.delete(ann)
        part = await self.cleaning.remove_account(NOW, 9)
        self.assertEqual((part.messages, part.ended), (1, False))
        await self.refused(NoSuchAccount, self.storage.accounts.restore(ann))

    # ------------------------------------------------------------ how it is

    async def test_it_tells_what_waits(self) -> None:
        await self.put_object(letter("one"))
        await self.put(self.ann, self.inbox, letter("two"))
        await self.expunge_all()
        await self.storage.mailboxes.delete(self.ann.id, "Other", self.operation())
        status = await self.cleaning.status(DAY, DAY)
        self.assertEqual((status.messages.count, status.mailboxes.count), (0, 0))
        self.assertEqual((status.deleted_mailboxes, status.deleted_accounts), (1, 0))
        status = await self.cleaning.status(NOW, NOW)
        self.assertEqual((status.messages.count, status.mailboxes.count), (2, 1))
        self.assertGreaterEqual(status.messages.age, 0)
        await self.clean()
        await self.cleaning.condemned(STORES, 9, DAY)
        status = await self.cleaning.status(NOW, NOW)
        self.assertEqual((status.messages.count, status.objects.count), (0, 1))
        self.assertEqual((status.octets, status.stores), (1, ("disk",)))

    async def test_the_last_round_of_each_node_is_known(self) -> None:
        began = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
        await self.cleaning.note("b", began, {"expunged": 1}, "")
        await self.cleaning.note("a", began, {}, "the database went away")
        await self.cleaning.note("b", began, {"expunged": 2}, "")
        rounds = await self.cleaning.rounds()
        self.assertEqual(
            [(one.node, one.began_at, dict(one.done), one.error) for one in rounds],
            [("a", began, {}, "the database went away"), ("b", began, {"expunged": 2}, "")],
        )

    async def test_partitions_can_be_seen_to_at_any_time(self) -> None:
        await self.put(self.ann, self.inbox, letter("staged"))
        for _ in range(2):
            await self.cleaning.make_partitions()
            await self.cleaning.drop_staging()
        (upload,) = await self.storage.uploads.claim("s3", 10, NOW)
        pieces = await self.storage.uploads.staged(upload.content_id, 0, 9)
        self.assertEqual(b"".join(pieces), letter("staged").octets)


class MembershipContract(Contract):
    """Which processes serve the database now."""

    async def test_processes_hear_of_one_another(self) -> None:
        membership = self.storage.membership
        one, two = uuid4(), uuid4()

        async def others(process_id: UUID) -> int:
            heard: Beat = await membership.beat(process_id, "a process")
            return heard.others

        self.assertEqual(await others(one), 0)
        self.assertEqual(await others(one), 0)
        self.assertEqual(await others(two), 1)
        self.assertEqual(await others(one), 1)
        await membership.leave(two)
        self.assertEqual(await others(one), 0)
        await membership.leave(uuid4())

    async def test_all_processes_hear_of_the_same_epoch(self) -> None:
        membership = self.storage.membership
        one, two, again = [
            await membership.beat(process_id, "") for process_id in (uuid4(), uuid4(), uuid4())
        ]
        self.assertEqual({one.epoch}, {two.epoch, again.epoch})
