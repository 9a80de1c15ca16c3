"""The contract of `IVerifying`: proofs of objects, passes, damage."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sora.mail.numbers import NumberSet
from sora.storage.rows import Fault, ObjectPlace, Suspect
from trial_tests.storage.contracts.contract import Contract, letter, sets

HOUR = timedelta(hours=1)
NO_TIME = timedelta(0)
FIRST = UUID(int=0)


class VerifyingContract(Contract):
    """What is stored, page by page; what is wrong with it."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")
        self.inbox = await self.find(self.ann)
        self.verifying: Any = self.storage.verifying

    async def uploaded(self, count: int) -> list[ObjectPlace]:
        """Messages whose bodies are in the store `disk`, by the names of their objects."""
        for number in range(count):
            await self.put(self.ann, self.inbox, letter(f"number {number}"))
        uploads = await self.storage.uploads.claim("disk", count, HOUR)
        for upload in uploads:
            await self.storage.uploads.finish(upload, upload.size, "", None)
        places = [ObjectPlace(one.object_id, "disk", None, one.size) for one in uploads]
        return sorted(places, key=lambda place: place.id)

    async def test_objects_come_by_their_names(self) -> None:
        places = await self.uploaded(5)
        await self.put(self.ann, self.inbox, letter("staged"))
        proofs = list(await self.verifying.proofs("disk", FIRST, 3))
        proofs += await self.verifying.proofs("disk", proofs[-1].object.id, 3)
        self.assertEqual([proof.object for proof in proofs], places)
        self.assertEqual([proof.size for proof in proofs], [one.stored_size for one in places])
        self.assertFalse(any(proof.staged or proof.others for proof in proofs))
        self.assertEqual(list(await self.verifying.proofs("disk", places[-1].id, 3)), [])
        self.assertEqual(list(await self.verifying.proofs("other", FIRST, 3)), [])
        self.assertTrue(await self.verifying.is_stored(places[0].id))
        self.assertFalse(await self.verifying.is_stored(uuid4()))

    async def test_those_of_an_account(self) -> None:
        bob = await self.account("bob@example.com")
        await self.put(bob, await self.find(bob), letter("bob's"))
        places = await self.uploaded(4)
        found, after = [], 0
        while page := await self.verifying.proofs_of(self.ann.id, after, 2):
            found += page
            after = page[-1].content_id
        self.assertLessEqual({proof.object for proof in found}, set(places))
        self.assertEqual([one.content_id for one in found], sorted(o.content_id for o in found))
        everything = await self.verifying.proofs("disk", FIRST, 9)
        hers = {proof.object for proof in found}
        his = {p.object for p in await self.verifying.proofs_of(bob.id, 0, 9)}
        self.assertEqual({proof.object for proof in everything}, hers | his)
        self.assertFalse(hers & his)

    async def test_a_pass_is_gone_on_with_by_one_at_a_time(self) -> None:
        places = await self.uploaded(3)
        take, advance = self.verifying.take, self.verifying.advance
        self.assertEqual(await take("disk", HOUR, HOUR), FIRST)
        self.assertIsNone(await take("disk", HOUR, HOUR))
        self.assertEqual(await take("other", HOUR, HOUR), FIRST)
        await advance("disk", places[0].id, 1, 100, NO_TIME)
        self.assertEqual(await take("disk", HOUR, HOUR), places[0].id)
        await advance("disk", places[2].id, 2, 50, NO_TIME)
        (sweep,) = [one for one in await self.verifying.sweeps() if one.store == "disk"]
        self.assertEqual((sweep.objects, sweep.octets, sweep.completed_at), (3, 150, None))
        await advance("disk", None, 0, 0, NO_TIME)
        (again,) = [one for one in await self.verifying.sweeps() if one.store == "disk"]
        self.assertEqual((again.objects, again.octets), (0, 0))
        self.assertEqual(again.proven_since, sweep.begun_at)
        self.assertIsNotNone(again.completed_at)
        # The next pass has time.
        self.assertIsNone(await take("disk", HOUR, HOUR))
        self.assertEqual(await take("disk", HOUR, NO_TIME), FIRST)

    async def test_damage_is_remembered_until_it_is_mended(self) -> None:
        places = await self.uploaded(2)
        first, second = await self.verifying.proofs("disk", FIRST, 2)
        for proof, fault in ((first, Fault.MISSING), (second, Fault.DAMAGED)):
            suspect = Suspect(proof.content_id, fault, "disk", proof.object.id)
            self.assertTrue(await self.verifying.note(suspect))
            self.assertTrue(await self.verifying.note(suspect))
        known = list(await self.verifying.damages(0, 9))
        self.assertEqual({one.suspect.object_id for one in known}, {one.id for one in places})
        self.assertEqual(list(await self.verifying.damages(known[0].number, 9)), known[1:])
        self.assertTrue(
            all(one.is_suspect for one in await self.verifying.proofs("disk", FIRST, 2))
        )
        await self.verifying.mended(first.content_id, "disk")
        await self.verifying.mended(first.content_id, "disk")
        (left,) = await self.verifying.damages(0, 9)
        self.assertEqual(left.suspect.fault, Fault.DAMAGED)
        suspects = [one for one in await self.verifying.proofs("disk", FIRST, 2) if one.is_suspect]
        self.assertEqual([one.content_id for one in suspects], [second.content_id])
        (message,) = await self.verifying.messages_of(second.content_id, 9)
        self.assertEqual((message.address, message.mailbox), ("ann@example.com", "INBOX"))

    async def test_what_has_gone_is_not_damaged(self) -> None:
        self.assertFalse(await self.verifying.note(Suspect(999, Fault.BODILESS)))
        await self.uploaded(1)
        (proof,) = await self.verifying.proofs("disk", FIRST, 1)
        other = Suspect(proof.content_id, Fault.MISSING, "disk", uuid4())
        self.assertFalse(await self.verifying.note(other))
        await self.store(self.inbox, sets(1), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, NumberSet.of([1]), self.operation())
        await self.storage.cleaning.purge_expunged(NO_TIME, 9)
        await self.storage.cleaning.condemn(NO_TIME, 9)
        suspect = Suspect(proof.content_id, Fault.MISSING, "disk", proof.object.id)
        self.assertFalse(await self.verifying.note(suspect))
        self.assertFalse(await self.verifying.is_stored(proof.object.id))
        self.assertEqual(list(await self.verifying.damages(0, 9)), [])

    async def test_contents_without_a_body(self) -> None:
        await self.uploaded(3)
        await self.put(self.ann, self.inbox, letter("staged"))
        last, found = await self.verifying.bodiless(0, 99)
        self.assertEqual(list(found), [])
        self.assertEqual(await self.verifying.bodiless(last, 99), (None, []))

    async def test_names_that_nobody_knows(self) -> None:
        (place,) = await self.uploaded(1)
        stranger = uuid4()
        found = await self.verifying.strangers("disk", [place.id, stranger])
        self.assertEqual(list(found), [stranger])
        self.assertEqual(list(await self.verifying.strangers("other", [place.id])), [place.id])
