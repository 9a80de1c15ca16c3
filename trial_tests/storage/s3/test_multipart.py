"""sora.storage.s3.multipart"""

from uuid import uuid4

from attrs import evolve
from blake3 import blake3

from sora.errors import StoreRefused, Unavailable
from trial_tests.storage.contracts.objects import LARGE, SMALL, opener
from trial_tests.storage.s3.fake import Fault
from trial_tests.storage.s3.test_objects import PREFIX, _FakeTestCase
from trial_tests.storage.s3.test_seaweedfs import _SeaweedTestCase

MB = 1024 * 1024
SETTINGS = {"multipart_threshold": MB, "multipart_part_size": MB}


class PartsTests(_FakeTestCase):
    """Large objects, with a store that fails as it is told."""

    def setUp(self) -> None:
        super().setUp()
        self.objects = self.store(**SETTINGS)

    async def test_a_large_object_is_put_in_parts(self) -> None:
        """Signed all of them; the parts are as large as they are to be."""
        self.fake.secret_of = {"AK": "SK"}
        for checksum in ("sha256", "md5", "none"):
            self.fake.requests.clear()
            name = await self.put(LARGE, self.store(**SETTINGS, checksum=checksum, sse="AES256"))
            self.assertEqual(self.fake.objects[f"/fake/{PREFIX}{name}"], LARGE)
            methods = [method for method, _ in self.fake.requests]
            self.assertEqual(methods, ["POST", "PUT", "PUT", "PUT", "POST"])
            began = self.fake.headers[-5]
            self.assertEqual(began["x-amz-server-side-encryption"], "AES256")
            self.assertEqual("content-md5" in self.fake.headers[-2], checksum == "md5")
        self.assertEqual(self.fake.uploads, {})

    async def test_small_ones_are_not(self) -> None:
        await self.put(SMALL)
        await self.put(LARGE, self.store(multipart_threshold=0))
        self.assertEqual([method for method, _ in self.fake.requests], ["PUT", "PUT"])

    async def test_a_part_is_sent_again_and_not_the_rest(self) -> None:
        """G4: and a 503 in the middle uses up nothing (G5)."""
        self.fake.faults.extend([None, None, Fault(503, "SlowDown"), None, None])
        name = await self.put(LARGE)
        self.assertEqual(self.fake.objects[f"/fake/{PREFIX}{name}"], LARGE)
        self.assertEqual(len(self.fake.requests), 6)

    async def test_what_fails_is_aborted(self) -> None:
        for faults, error in (
            ([None, None, Fault(403, "AccessDenied")], StoreRefused),
            ([None, None, *[Fault(500)] * 4], Unavailable),
            ([None] * 4 + [Fault(400, "InvalidPart")], StoreRefused),
        ):
            self.fake.faults.extend(faults)
            with self.assertRaises(error):
                await self.put(LARGE)
            self.assertEqual((self.fake.uploads, self.fake.objects), ({}, {}))

    async def test_a_body_that_is_not_what_was_promised_never_becomes_an_object(self) -> None:
        """G4"""
        wrong = blake3(b"other").digest()
        for data, hash_ in ((LARGE, wrong), (LARGE[:-1], blake3(LARGE).digest())):
            with self.assertRaises(StoreRefused):
                await self.objects.put(uuid4(), opener(data), len(LARGE), hash_)
            self.assertEqual((self.fake.uploads, self.fake.objects), ({}, {}))

    async def test_an_error_that_comes_as_an_answer(self) -> None:
        """CompleteMultipartUpload answers 200 before it is done."""
        self.fake.faults.extend([None] * 4 + [Fault(damage=True)])
        name = await self.put(LARGE)
        self.assertEqual(self.fake.objects[f"/fake/{PREFIX}{name}"], LARGE)
        self.assertEqual(len(self.fake.requests), 6)

    async def test_an_answer_that_is_lost(self) -> None:
        """The object is there: its upload is known no more."""
        self.fake.faults.extend([None] * 4 + [Fault(cut=0), Fault(404, "NoSuchUpload")])
        name = await self.put(LARGE)
        self.assertEqual(self.fake.objects[f"/fake/{PREFIX}{name}"], LARGE)


class SeaweedPartsTests(_SeaweedTestCase):
    """On SeaweedFS (G12)."""

    async def test_a_large_object_and_a_range_of_it(self) -> None:
        data = LARGE * 5
        settings = {"multipart_threshold": 6 * MB, "multipart_part_size": 5 * MB}
        for checksum in ("sha256", "md5", "none"):
            objects = self.store(evolve(self.config, checksum=checksum, **settings))
            name = uuid4()
            for _ in range(2):
                await objects.put(name, opener(data), len(data), blake3(data).digest())
            self.assertEqual(await objects.exists(name), len(data))
            middle = 5 * MB - 10
            self.assertEqual(await objects.get(name, middle, middle + 20), data[middle:][:20])
            self.assertEqual(await objects.get(name, 0, len(data)), data)
            await objects.delete(name)
