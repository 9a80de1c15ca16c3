"""The contract of `ICopies`: further objects of contents."""

from datetime import timedelta
from uuid import UUID

from sora.errors import Unavailable
from sora.storage.rows import ObjectPlace
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter

HOUR = timedelta(hours=1)
NOW = timedelta(0)
STORES = ("s3", "second")
FIRST = UUID(int=0)


class CopiesContract(Contract):
    """A second store, and other keys."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")
        self.inbox = await self.find(self.ann)
        self.uploads, self.copies = self.storage.uploads, self.storage.copies

    async def upload(self, *subjects: str) -> list[UUID]:
        """Letters that are in the first store; gives the names of their objects."""
        for subject in subjects:
            await self.put(self.ann, self.inbox, letter(subject))
        claimed = await self.uploads.claim("s3", 99, HOUR)
        for upload in claimed:
            await self.uploads.finish(upload, upload.size, "sum", None)
        return [upload.object_id for upload in claimed]

    async def reserved(self, store: str, key_id: str | None = None) -> ObjectPlace:
        [name] = await self.uploads.reserve(store, 1)
        return ObjectPlace(name, store, key_id, 99)

    async def places(self, content_id: int) -> set[ObjectPlace]:
        return set((await self.uploads.place_of(content_id))[1])

    # -------------------------------------------------------------- what waits

    async def test_nothing_waits_while_no_store_is_to_have_copies(self) -> None:
        await self.upload("one")
        self.assertEqual(list(await self.copies.claim("second", 9, HOUR)), [])
        self.assertEqual(await self.copies.fill("second", 9), 0)

    async def test_whatever_becomes_stored_waits(self) -> None:
        """By each of the ways in which it does."""
        await self.copies.copy_to(["second"])
        await self.upload("one")
        await self.put(self.ann, self.inbox, letter("two"))
        [upload] = await self.uploads.claim("s3", 9, HOUR)
        await self.uploads.finish_many([(upload, 1, "")], None)
        claimed = await self.copies.claim("second", 9, HOUR)
        hashes = {letter("one").hash, letter("two").hash}
        self.assertEqual({copy.hash for copy in claimed}, hashes)
        self.assertEqual({copy.size for copy in claimed}, {len(letter("one").octets)})
        self.assertEqual({(copy.store, copy.attempts) for copy in claimed}, {("second", 0)})
        self.assertEqual((await self.copies.backlog("second")).contents, 2)
        self.assertEqual((await self.copies.backlog("third")).contents, 0)

    async def test_what_was_there_before_waits_when_it_is_looked_at(self) -> None:
        await self.upload("one", "two", "three")
        await self.copies.copy_to(["second"])
        self.assertEqual(list(await self.copies.claim("second", 9, HOUR)), [])
        looked = 0
        while count := await self.copies.fill("second", 2):
            looked += count
        self.assertEqual(looked, 3)
        self.assertEqual(len(await self.copies.claim("second", 9, HOUR)), 3)
        await self.copies.copy_to(["second"])  # at the next start: not again
        self.assertEqual(await self.copies.fill("second", 9), 0)

    async def test_a_claim_is_a_lease(self) -> None:
        """G5: only what was counted was an attempt."""
        await self.copies.copy_to(["second"])
        await self.upload("one", "two", "three")
        first = await self.copies.claim("second", 2, HOUR)
        rest = await self.copies.claim("second", 9, HOUR)
        self.assertEqual((len(first), len(rest)), (2, 1))
        self.assertEqual(list(await self.copies.claim("second", 9, HOUR)), [])
        await self.copies.postpone(first[0], NOW, False)
        await self.copies.postpone(first[1], NOW, True)
        await self.copies.postpone(rest[0], HOUR, True)
        again = await self.copies.claim("second", 9, HOUR)
        attempts = {copy.content_id: copy.attempts for copy in again}
        self.assertEqual(attempts, {first[0].content_id: 0, first[1].content_id: 1})
        self.assertEqual(await self.copies.retry(), 2)
        due = await self.copies.claim("second", 9, HOUR)
        self.assertEqual(
            {(copy.content_id, copy.attempts) for copy in due},
            {(first[1].content_id, 0), (rest[0].content_id, 0)},
        )

    async def test_what_waits_for_a_store_that_is_gone_is_forgotten(self) -> None:
        await self.copies.copy_to(["second"])
        await self.upload("one")
        await self.copies.copy_to([])
        self.assertEqual((await self.copies.backlog("second")).contents, 0)
        await self.copies.copy_to(["second"])
        self.assertEqual(await self.copies.fill("second", 9), 1)

    # -------------------------------------------------------------- binding

    async def test_a_copy_is_one_more_object_of_its_content(self) -> None:
        await self.copies.copy_to(["second"])
        [name] = await self.upload("one")
        [copy] = await self.copies.claim("second", 9, HOUR)
        place = await self.reserved("second", "key")
        for _ in range(2):  # its answer may be lost
            self.assertTrue(await self.copies.bind(copy.content_id, place, "sum", None))
        first = ObjectPlace(name, "s3", None, copy.size)
        self.assertEqual(await self.places(copy.content_id), {first, place})
        self.assertEqual((await self.copies.backlog("second")).contents, 0)

    async def test_who_is_second_with_a_copy_is_told(self) -> None:
        await self.copies.copy_to(["second"])
        await self.upload("one")
        [copy] = await self.copies.claim("second", 9, HOUR)
        one, two = await self.reserved("second"), await self.reserved("second")
        self.assertTrue(await self.copies.bind(copy.content_id, one, "", None))
        self.assertFalse(await self.copies.bind(copy.content_id, two, "", None))
        # The reservation can be used for other bytes.
        await self.upload("two")
        [other] = await self.copies.claim("second", 9, HOUR)
        self.assertTrue(await self.copies.bind(other.content_id, two, "", None))

    async def test_a_copy_of_what_is_staged_yet(self) -> None:
        """Of a store that has each object first: then none waits when the upload ends."""
        await self.copies.copy_to(["second"])
        await self.put(self.ann, self.inbox, letter("one"))
        [upload] = await self.uploads.claim("s3", 9, HOUR)
        place = await self.reserved("second")
        self.assertTrue(await self.copies.bind(upload.content_id, place, "", None))
        self.assertEqual(await self.uploads.place_of(upload.content_id), (True, (place,)))
        await self.uploads.finish(upload, upload.size, "", None)
        self.assertEqual((await self.copies.backlog("second")).contents, 0)
        self.assertEqual(len(await self.places(upload.content_id)), 2)

    async def test_an_object_takes_the_place_of_another(self) -> None:
        """Never in place: the other is to be deleted, by who deletes everything."""
        [name] = await self.upload("one")
        [stored] = await self.copies.page(FIRST, 9)
        new = await self.reserved("s3", "2027")
        for _ in range(2):
            self.assertTrue(await self.copies.bind(stored.content_id, new, "", name))
        self.assertEqual(await self.places(stored.content_id), {new})
        [condemned] = await self.storage.cleaning.condemned(STORES, 9, NOW)
        self.assertEqual((condemned.object_id, condemned.store), (name, "s3"))
        await self.storage.cleaning.forget([name])
        self.assertEqual(await self.places(stored.content_id), {new})
        late = await self.reserved("s3", "2027")
        self.assertFalse(await self.copies.bind(stored.content_id, late, "", name))

    async def test_a_content_that_goes_takes_no_copy(self) -> None:
        """G3"""
        await self.copies.copy_to(["second"])
        [name] = await self.upload("one")
        [copy] = await self.copies.claim("second", 9, HOUR)
        await self.store(self.inbox, EVERYTHING, "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        while await self.storage.cleaning.purge_expunged(NOW, 9):
            pass
        self.assertTrue(await self.storage.cleaning.condemn(NOW, 9))
        place = await self.reserved("second")
        self.assertFalse(await self.copies.bind(copy.content_id, place, "", None))
        self.assertEqual((await self.copies.backlog("second")).contents, 0)
        self.assertEqual(list(await self.copies.page(FIRST, 9)), [])
        self.assertEqual(
            [one.object_id for one in await self.storage.cleaning.condemned(STORES, 9, NOW)], [name]
        )

    async def test_a_reservation_that_ended_is_not_bound(self) -> None:
        await self.upload("one")
        [stored] = await self.copies.page(FIRST, 9)
        place = ObjectPlace(UUID(int=7), "second", None, 9)
        await self.refused(Unavailable, self.copies.bind(stored.content_id, place, "", None))

    # -------------------------------------------------------------- pages

    async def test_all_objects_page_by_page(self) -> None:
        names = await self.upload("one", "two", "three")
        await self.put(self.ann, self.inbox, letter("staged"))
        found, after = [], FIRST
        while page := await self.copies.page(after, 2):
            found += page
            after = page[-1].place.id
        self.assertEqual([one.place.id for one in found], sorted(names))
        self.assertEqual(
            {one.hash for one in found}, {letter(text).hash for text in ("one", "two", "three")}
        )
