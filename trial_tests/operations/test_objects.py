"""sora.operations.objects, and what `sora-admin objects` and `sora-admin uploader` print of it"""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

from attrs import fields_dict

from sora.admin.command import Store
from sora.admin.main import parse, run
from sora.errors import BadArgument, Unavailable
from sora.operations.objects import MAX_FAILURES, ObjectOperations, Progress
from sora.operations.uploader import UploaderOperations
from trial_tests.mailbox.bodies_world import message
from trial_tests.mailbox.test_copies import ONE, TWO, _TwoStoresTestCase


class ObjectOperationsTests(_TwoStoresTestCase):
    """All objects get the present key."""

    def operations(self, *key_ids: str) -> ObjectOperations:
        stores = {store.name: store for store in self.stores}
        return ObjectOperations(self.world.storage.copies, self.copies, stores, key_ids)

    async def admin(self, *words: str) -> tuple[int, Any, str]:
        """The exit code, what was printed as JSON, and the error."""

        async def objects() -> ObjectOperations:
            return self.operations("one", "two")

        async def close() -> None:
            """There is nothing to close."""

        storage = self.world.storage
        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        uploader = UploaderOperations(storage.uploads, storage.copies, ["second"])
        store = Store(**others | {"objects": objects, "uploader": uploader, "close": close})

        async def opened(given: object) -> Store:
            return store

        said, wrong = StringIO(), StringIO()
        code = await run(parse([*words, "--json"]), opened, said, wrong)
        return code, json.loads(said.getvalue() or "null"), wrong.getvalue()

    async def keys(self) -> list[str | None]:
        return [place.objects[0].key_id for place in await self.world.places()]

    async def test_every_object_gets_the_present_key(self) -> None:
        """Those without one, too; it is told how far it is; a second time finds nothing to do."""
        bodies = [message(number, 3000) for number in range(7)]
        for number, body in enumerate(bodies):
            if number == 4:
                self.configure(ONE)
            await self.deliver(body)
        self.configure(TWO, ONE)
        told: list[Progress] = []
        done = await self.operations("two", "one").reencrypt(told=told.append)
        self.assertGreaterEqual(done.looked, 7)  # successors have names of their own, seen or not
        self.assertEqual((done.written, done.failed, done.part), (7, 0, 1.0))
        self.assertTrue(told)
        self.assertEqual(await self.keys(), ["two"] * 7)
        self.assertEqual((await self.operations().reencrypt()).written, 0)
        self.configure(TWO)
        places = await self.world.places()
        self.assertEqual(await self.bodies.read_many(places), bodies)

    async def test_an_object_that_cannot_be_read_keeps_its_key(self) -> None:
        """It is counted, and the rest goes on."""
        places = [await self.deliver(message(number, 3000)) for number in range(3)]
        lost = places[1].objects[0]
        self.first.objects[lost.id] = b"damaged"
        self.configure(ONE)
        done = await self.operations("one").reencrypt()
        self.assertEqual((done.written, done.failed), (2, 1))
        self.assertEqual(await self.keys(), ["one", None, "one"])

    async def test_it_ends_when_the_store_is_away(self) -> None:
        for number in range(MAX_FAILURES + 5):
            await self.deliver(message(number, 100))
        self.configure(ONE)
        self.first.down = True
        with self.assertRaises(Unavailable) as caught:
            await self.operations("one").reencrypt()
        self.assertIn("in a row", caught.exception.text)

    async def test_nothing_is_decrypted_by_mistake(self) -> None:
        self.configure(ONE)
        await self.deliver(message(1, 3000))
        self.configure(ONE, encrypts=False)
        with self.assertRaises(BadArgument) as caught:
            await self.operations("one").reencrypt()
        self.assertIn("--decrypt", caught.exception.text)
        self.assertEqual((await self.operations("one").reencrypt(decrypt=True)).written, 1)
        self.assertEqual(await self.keys(), [None])

    async def test_the_commands(self) -> None:
        """Not 0 when something cannot be read, or was left."""
        self.configure(ONE)
        await self.deliver(message(1, 3000))
        await self.deliver(message(2, 3000))
        self.configure(TWO, ONE)
        code, rows, _ = await self.admin("objects", "status")
        self.assertEqual((code, len(rows)), (0, 1))
        self.assertEqual((rows[0]["store"], rows[0]["key"], rows[0]["objects"]), ("main", "one", 2))
        code, done, _ = await self.admin("objects", "reencrypt")
        self.assertEqual((code, done["written"]), (0, 2))
        await self.damage(lambda row: setattr(row, "key_id", "gone"))
        code, rows, wrong = await self.admin("objects", "status")
        self.assertEqual((code, [row["readable"] for row in rows]), (1, [False]))
        self.assertIn("not configured", wrong)
        await self.damage(lambda row: setattr(row, "store", "elsewhere"))
        code, done, wrong = await self.admin("objects", "reencrypt")
        self.assertEqual((code, done["passed_over"]), (1, 2))

    async def test_the_queue(self) -> None:
        await self.deliver(message(1, 3000), mode="staged")
        code, rows, _ = await self.admin("uploader", "status")
        self.assertEqual((code, [row["contents"] for row in rows]), (0, [1, 0]))
        self.assertEqual([row["queue"] for row in rows], ["uploads", "copies to second"])
        code, done, _ = await self.admin("uploader", "retry")
        self.assertEqual((code, done["due"]), (0, 0))

    async def damage(self, how: Callable[[Any], None]) -> None:
        for row in self.world.storage.tables.objects.values():
            if row.state == "stored":
                how(row)
