"""What is kept of messages: bounded, and never for a message that is gone."""

from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.mail.flags import DELETED, Flags
from sora.mailbox.columns import CHUNK, LARGEST, Columns
from sora.storage.rows import FlagChange, Want
from trial_tests.mailbox.world import World, message, spool

BODY = frozenset({Want.BODY})


def texts(capacity: int = 1 << 20) -> Columns[bytes]:
    return Columns(capacity, len)


class ColumnsTests(SynchronousTestCase):
    def test_what_was_kept_is_given_in_the_order_of_the_question(self) -> None:
        columns = texts()
        columns.put(1, b"ENVELOPE", [3, 5], [b"three", b"five"])
        self.assertEqual(columns.get(1, b"ENVELOPE", [3, 4, 5]), [b"three", None, b"five"])

    def test_mailboxes_and_columns_are_apart(self) -> None:
        columns = texts()
        columns.put(1, b"ENVELOPE", [3], [b"three"])
        self.assertEqual(columns.get(2, b"ENVELOPE", [3]), [None])
        self.assertEqual(columns.get(1, b"BODY", [3]), [None])

    def test_uids_of_many_chunks(self) -> None:
        columns = texts()
        uids = [1, CHUNK - 1, CHUNK, CHUNK + 1, 7 * CHUNK, 2**40]
        values = [b"%d" % uid for uid in uids]
        columns.put(1, b"x", uids, values)
        self.assertEqual(columns.get(1, b"x", uids), values)
        self.assertEqual(columns.get(1, b"x", [2, CHUNK, 6 * CHUNK]), [None, b"%d" % CHUNK, None])

    def test_the_capacity_holds_whatever_comes(self) -> None:
        columns = texts(100_000)
        for number in range(50):
            uids = range(number * 100, number * 100 + 100)
            columns.put(1, b"x", uids, [bytes(200)] * 100)
            columns.get(1, b"x", uids)
            self.assertLessEqual(columns.octets, 100_000)
        self.assertGreater(columns.octets, 0)

    def test_memory_of_chunks_that_went_is_given_back(self) -> None:
        columns = texts(10_000)
        columns.put(1, b"x", range(100), [bytes(500)] * 100)
        self.assertEqual(columns.octets, 0)

    def test_what_is_too_large_is_not_kept(self) -> None:
        columns = texts()
        columns.put(1, b"x", [1, 2], [bytes(LARGEST + 1), b"small"])
        self.assertEqual(columns.get(1, b"x", [1, 2]), [None, b"small"])

    def test_one_who_reads_everything_once_does_not_displace_what_is_read_again(self) -> None:
        columns = texts(200_000)
        columns.put(1, b"x", [1, 2], [b"one", b"two"])
        columns.get(1, b"x", [1, 2])
        for number in range(100):
            columns.put(2, b"x", range(number * CHUNK, number * CHUNK + 100), [bytes(300)] * 100)
        self.assertEqual(columns.get(1, b"x", [1, 2]), [b"one", b"two"])
        self.assertEqual(columns.get(2, b"x", [0]), [None])


class PlacesTests(TestCase):
    async def test_the_place_of_a_body_is_read_once(self) -> None:
        world = World()
        ann = await world.add_account()
        process = world.process()
        session = process.session(ann)
        for number in range(3):
            await session.appending.append("INBOX", Flags(), None, spool(message(number)))
        selected = await session.select("INBOX", read_only=False)

        async def read(*uids: int) -> list[int]:
            batches = [rows async for rows in selected.reading.read(uids, BODY, see=False)]
            return [row.uid for rows in batches for row in rows]

        self.assertEqual(await read(2), [2])
        before = world.statements.total()
        self.assertEqual(await read(2), [2])
        self.assertEqual(world.statements.total(), before)
        self.assertEqual(await read(1, 2, 3), [1, 2, 3])
        self.assertEqual(world.statements.total(), before + 1)

    async def test_a_message_that_is_gone_is_not_served(self) -> None:
        """Also before this client was told that it is gone (G27)."""
        world = World()
        ann = await world.add_account()
        process = world.process()
        session, other = process.session(ann), process.session(ann)
        await session.appending.append("INBOX", Flags(), None, spool(message()))
        selected = await session.select("INBOX", read_only=False)
        [rows] = [rows async for rows in selected.reading.read([1], BODY, see=False)]
        self.assertEqual(len(rows), 1)
        elsewhere = await other.select("INBOX", read_only=False)
        await elsewhere.store([1], FlagChange("add", Flags(DELETED)), silent=True)
        await elsewhere.expunge()
        self.assertEqual(selected.view.exists, 1)
        [rows] = [rows async for rows in selected.reading.read([1], BODY, see=False)]
        self.assertEqual(rows, [])
