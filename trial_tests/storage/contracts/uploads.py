"""The contract of `IUploads`: contents between staging and the object stores."""

from datetime import timedelta
from uuid import UUID

from sora.storage.rows import Arrival, BodyPlace, Fate, ObjectPlace, Want
from trial_tests.storage.contracts.contract import Contract, Letter, letter, sets

PIECE = 256 * 1024
HOUR = timedelta(hours=1)
NOW = timedelta(0)


class UploadsContract(Contract):
    """Staged bodies, reservations, claims."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")
        self.inbox = await self.find(self.ann)
        self.uploads = self.storage.uploads

    async def body_of(self, uid: int) -> BodyPlace:
        read = await self.storage.messages.read(self.inbox.id, sets(uid), frozenset({Want.BODY}))
        return read.messages[0].body

    async def place_object(self, message: Letter, name: UUID) -> object:
        arrival = Arrival(
            message.hash,
            message.facts,
            object=ObjectPlace(name, "disk", None, len(message.octets)),
        )
        return await self.storage.messages.place(
            self.ann.scope_id, arrival, [self.target(self.inbox)], self.operation()
        )

    # -------------------------------------------------------------- staging

    async def test_a_staged_body_is_read_in_pieces(self) -> None:
        message = letter("large", "\0\xff" * (PIECE - 1000))
        placed = await self.put(self.ann, self.inbox, message)
        place = await self.body_of(placed.uid)
        octets = message.octets
        expected = [octets[start : start + PIECE] for start in range(0, len(octets), PIECE)]
        self.assertGreater(len(expected), 2)
        self.assertEqual(list(await self.uploads.staged(place.content_id, 0, 99)), expected)
        self.assertEqual(list(await self.uploads.staged(place.content_id, 1, 1)), expected[1:2])
        self.assertEqual(list(await self.uploads.staged(place.content_id, 99, 5)), [])
        self.assertEqual(await self.uploads.place_of(place.content_id), (True, ()))

    async def test_whole_bodies_are_read_together(self) -> None:
        messages = [letter("one"), letter("large", "x\xff" * PIECE), letter("gone")]
        ids = []
        for message in messages:
            placed = await self.put(self.ann, self.inbox, message)
            ids.append((await self.body_of(placed.uid)).content_id)
        [*_, last] = await self.uploads.claim("disk", 9, HOUR)
        await self.uploads.finish(last, last.size, "", None)
        found = await self.uploads.staged_bodies([*ids, 999_999])
        self.assertEqual(found, {ids[0]: messages[0].octets, ids[1]: messages[1].octets})
        self.assertEqual(await self.uploads.staged_bodies([]), {})

    async def test_many_are_finished_together(self) -> None:
        uids = [(await self.put(self.ann, self.inbox, letter(str(n)))).uid for n in range(5)]
        claimed = await self.uploads.claim("disk", 9, HOUR)
        self.assertEqual(len(claimed), 5)
        stored = [(upload, upload.size + 7, f"sum {upload.content_id}") for upload in claimed]
        done = await self.uploads.finish_many(stored[:4], "key")
        self.assertEqual(set(done), {upload.object_id for upload in claimed[:4]})
        places = [await self.body_of(uid) for uid in uids]
        self.assertEqual([place.staged for place in places], [False] * 4 + [True])
        self.assertEqual(
            [place.objects for place in places[:4]],
            [(ObjectPlace(each.object_id, "disk", "key", each.size + 7),) for each in claimed[:4]],
        )
        # What was finished is not finished again; what is left is.
        self.assertEqual(await self.uploads.finish_many(stored, None), [claimed[4].object_id])
        self.assertEqual((await self.uploads.backlog()).contents, 0)
        self.assertEqual(await self.uploads.finish_many([], None), [])

    async def test_pieces_staged_before_become_the_body(self) -> None:
        message = letter("piece by piece", "abc" * PIECE)
        octets = message.octets
        content_id = None
        for number, start in enumerate(range(0, len(octets), PIECE)):
            content_id = await self.uploads.stage_piece(
                self.ann.scope_id,
                message.hash,
                len(octets),
                content_id,
                number,
                octets[start : start + PIECE],
            )
        self.assertFalse(await self.uploads.known(self.ann.scope_id, message.hash))
        arrival = Arrival(message.hash, message.facts, content_id=content_id)
        placement = await self.storage.messages.place(
            self.ann.scope_id, arrival, [self.target(self.inbox)], self.operation()
        )
        self.assertEqual(placement.placed[0].fate, Fate.PLACED)
        self.assertTrue(await self.uploads.known(self.ann.scope_id, message.hash))
        place = await self.body_of(placement.placed[0].uid)
        self.assertEqual(b"".join(await self.uploads.staged(place.content_id, 0, 9)), octets)

    async def test_pieces_of_bytes_that_came_otherwise_meanwhile_are_not_used(self) -> None:
        message = letter("twice on its way")
        content_id = await self.uploads.stage_piece(
            self.ann.scope_id, message.hash, len(message.octets), None, 0, message.octets
        )
        first = await self.place(self.ann, message, self.target(self.inbox))
        arrival = Arrival(message.hash, message.facts, content_id=content_id)
        second = await self.storage.messages.place(
            self.ann.scope_id, arrival, [self.target(self.inbox)], self.operation()
        )
        self.assertEqual(second.content_id, first.content_id)
        self.assertEqual([one.uid for one in second.placed], [2])
        self.assertEqual((await self.uploads.backlog()).contents, 1)

    async def test_known_is_about_a_scope(self) -> None:
        message = letter("known")
        eve = await self.account("eve@example.org")
        self.assertFalse(await self.uploads.known(self.ann.scope_id, message.hash))
        await self.put(self.ann, self.inbox, message)
        self.assertTrue(await self.uploads.known(self.ann.scope_id, message.hash))
        self.assertFalse(await self.uploads.known(eve.scope_id, message.hash))

    # -------------------------------------------------------------- objects

    async def test_a_reserved_object_becomes_the_body(self) -> None:
        first, second = await self.uploads.reserve("disk", 2)
        self.assertNotEqual(first, second)
        message = letter("direct")
        placement = await self.place_object(message, first)
        self.assertTrue(placement.used_object)
        place = await self.body_of(1)
        self.assertFalse(place.staged)
        (entry,) = place.objects
        self.assertEqual((entry.id, entry.store), (first, "disk"))
        self.assertEqual(entry.stored_size, len(message.octets))
        staged, objects = await self.uploads.place_of(place.content_id)
        self.assertEqual((staged, tuple(objects)), (False, (entry,)))
        self.assertEqual(await self.uploads.staged(place.content_id, 0, 9), [])
        self.assertEqual((await self.uploads.backlog()).contents, 0)

    async def test_the_object_of_known_bytes_is_not_used(self) -> None:
        """G2"""
        first, second = await self.uploads.reserve("disk", 2)
        message = letter("direct")
        await self.place_object(message, first)
        placement = await self.place_object(message, second)
        self.assertFalse(placement.used_object)
        self.assertEqual([one.uid for one in placement.placed], [2])
        self.assertEqual([entry.id for entry in (await self.body_of(2)).objects], [first])
        # The reservation can be used for other bytes.
        other = await self.place_object(letter("other"), second)
        self.assertTrue(other.used_object)
        self.assertEqual([entry.id for entry in (await self.body_of(3)).objects], [second])

    # -------------------------------------------------------------- the queue

    async def test_a_claim_leads_to_an_object(self) -> None:
        message = letter("to be uploaded")
        await self.put(self.ann, self.inbox, message)
        (upload,) = await self.uploads.claim("s3", 10, HOUR)
        self.assertEqual((upload.hash, upload.size), (message.hash, len(message.octets)))
        self.assertEqual(upload.attempts, 0)
        self.assertEqual(
            b"".join(await self.uploads.staged(upload.content_id, 0, 9)), message.octets
        )
        await self.uploads.finish(upload, 77, "sum", "key")
        place = await self.body_of(1)
        self.assertFalse(place.staged)
        (entry,) = place.objects
        self.assertEqual(
            (entry.id, entry.store, entry.key_id, entry.stored_size),
            (upload.object_id, "s3", "key", 77),
        )
        self.assertEqual(list(await self.uploads.claim("s3", 10, NOW)), [])

    async def test_others_skip_what_is_claimed_until_the_lease_ends(self) -> None:
        await self.fill(self.ann, self.inbox, [], [], [])
        first = await self.uploads.claim("s3", 2, HOUR)
        second = await self.uploads.claim("s3", 2, NOW)
        self.assertEqual((len(first), len(second)), (2, 1))
        self.assertFalse(
            {upload.content_id for upload in first} & {upload.content_id for upload in second}
        )
        again = await self.uploads.claim("s3", 9, HOUR)
        self.assertEqual([one.content_id for one in again], [second[0].content_id])
        self.assertEqual(again[0].object_id, second[0].object_id)

    async def test_the_oldest_come_first(self) -> None:
        placed = [
            await self.place(self.ann, letter(str(n)), self.target(self.inbox)) for n in range(4)
        ]
        claimed = await self.uploads.claim("s3", 2, HOUR)
        self.assertEqual(
            sorted(upload.content_id for upload in claimed),
            [placement.content_id for placement in placed[:2]],
        )

    async def test_only_what_counts_is_an_attempt(self) -> None:
        """G5"""
        await self.fill(self.ann, self.inbox, [])
        attempts = []
        for count in (False, True, True):
            (upload,) = await self.uploads.claim("s3", 1, HOUR)
            attempts.append(upload.attempts)
            await self.uploads.postpone(upload, NOW, count)
        (upload,) = await self.uploads.claim("s3", 1, HOUR)
        self.assertEqual([*attempts, upload.attempts], [0, 0, 1, 2])
        await self.uploads.postpone(upload, HOUR, True)
        self.assertEqual(list(await self.uploads.claim("s3", 1, HOUR)), [])

    async def test_what_was_refused_is_tried_again_now(self) -> None:
        """G10: what an operator sees, and can do."""
        await self.fill(self.ann, self.inbox, [], [], [])
        one, two = await self.uploads.claim("s3", 2, HOUR)
        await self.uploads.postpone(one, HOUR, True)
        queue = await self.uploads.queue()
        self.assertEqual((queue.contents, queue.claimed, queue.refused), (3, 1, 1))
        self.assertEqual(queue.octets, (await self.uploads.backlog()).octets)
        self.assertEqual(await self.uploads.retry(), 1)
        again = await self.uploads.claim("s3", 9, HOUR)
        self.assertEqual(
            {(each.content_id, each.attempts) for each in again} & {(one.content_id, 0)},
            {(one.content_id, 0)},
        )
        self.assertNotIn(two.content_id, [each.content_id for each in again])
        self.assertEqual(await self.uploads.retry(), 0)
        await self.uploads.finish(two, two.size, "", None)
        queue = await self.uploads.queue()
        self.assertEqual((queue.contents, queue.refused), (2, 0))

    async def test_the_backlog_is_what_waits(self) -> None:
        """G10"""
        empty = await self.uploads.backlog()
        self.assertEqual((empty.contents, empty.octets, empty.oldest), (0, 0, 0))
        messages = [letter("one"), letter("two", "x" * 100)]
        for message in messages:
            await self.put(self.ann, self.inbox, message)
        backlog = await self.uploads.backlog()
        self.assertEqual(backlog.contents, 2)
        self.assertEqual(backlog.octets, sum(len(message.octets) for message in messages))
        self.assertGreaterEqual(backlog.oldest, 0)
        (upload, _) = await self.uploads.claim("s3", 2, HOUR)
        await self.uploads.finish(upload, 1, "", None)
        self.assertEqual((await self.uploads.backlog()).contents, 1)
