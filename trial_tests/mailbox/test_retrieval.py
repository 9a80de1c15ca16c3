"""What retrieving a maildrop costs: statements, readings of files, and memory."""

from collections.abc import Sequence
from random import Random
from uuid import UUID

from blake3 import blake3
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import NoSuchMessage, Unavailable
from sora.mailbox.bodies import Bodies
from sora.mailbox.read_ahead import Allowance, Group
from sora.mailbox.retrieval import SMALL, Large, Retrieval, Whole
from sora.storage.memory.objects import MemoryObjects
from sora.storage.rows import BodyPlace, MaildropBody, ObjectPlace
from sora.storage.stores import ObjectStore
from trial_tests.mailbox.test_read_ahead import Order
from trial_tests.mailbox.world import AtOnce

COUNT = 1000


class Nowhere:
    """No body is staged."""

    def place_of(self, content_id: int) -> "Deferred[tuple[bool, list[ObjectPlace]]]":
        return succeed((False, []))


class RetrievalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.statements: list[list[int]] = []
        self.together: list[int] = []
        self.at_once: list[int] = []
        self.cold: set[int] = set()
        self.gone: set[int] = set()
        self.objects = MemoryObjects()
        get_many = self.objects.get_many

        def counted(wanted: Sequence[tuple[UUID, int]]) -> "Deferred[Sequence[bytes | Exception]]":
            self.together.append(len(wanted))
            return get_many(wanted)

        self.objects.get_many = counted  # type: ignore[method-assign]
        self.bodies = [b"Subject: n%d\r\n\r\ntext\r\n" % number for number in range(COUNT)]
        self.rows = [self.row(place, body) for place, body in enumerate(self.bodies)]
        store = ObjectStore("disk", self.objects, at_hand=self.at_hand)  # type: ignore[arg-type]
        self.store = Bodies([store], Nowhere(), AtOnce())  # type: ignore[arg-type]
        self.allowance = Allowance(10_000_000)
        self.order = Order([row.body.size for row in self.rows])
        self.drop = self.begin()

    def row(self, place: int, body: bytes) -> MaildropBody:
        name, hash = UUID(int=place), blake3(body).digest()
        self.objects.objects[name] = body
        copy = ObjectPlace(name, "disk", None, len(body))
        return MaildropBody(
            place + 1, b"Trace: x\r\n", BodyPlace(place, hash, len(body), False, (copy,))
        )

    def begin(self) -> Retrieval:
        return Retrieval(self.order, self.places_of, self.store, self.allowance)

    def tearDown(self) -> None:
        self.drop.forget()
        self.assertEqual(self.allowance.left, 10_000_000)

    def places_of(self, places: Sequence[int]) -> "Deferred[Group[MaildropBody]]":
        self.statements.append([*places])
        return succeed({place: self.rows[place] for place in places if place not in self.gone})

    def at_hand(self, name: UUID, size: int) -> bytes | None:
        if name.int in self.cold:
            return None
        self.at_once.append(name.int)
        return self.objects.objects[name]

    def retrieve(self, place: int) -> None:
        message = self.drop.take(place)
        if message is None:
            message = self.successResultOf(Deferred.fromCoroutine(self.drop.get(place)))
        assert isinstance(message, Whole)
        self.assertEqual(message.octets, b"Trace: x\r\n" + self.bodies[place])
        self.drop.look_ahead()

    def test_in_order(self) -> None:
        """Each file is read once, one ahead, and a statement says where those of a group are."""
        for place in range(COUNT):
            self.retrieve(place)
            self.assertLessEqual(max(self.at_once), place + 1)
        self.assertEqual(self.at_once, [*range(COUNT)])
        self.assertEqual((len(self.statements), self.together), (18, []))

    def test_backwards(self) -> None:
        for place in reversed(range(COUNT)):
            self.retrieve(place)
        self.assertEqual(self.at_once, [*reversed(range(COUNT))])
        self.assertEqual((len(self.statements), self.together), (18, []))

    def test_in_any_order(self) -> None:
        """Most is known when it is asked for, and nothing is asked for twice; now and then a
        body that was read ahead was not the next."""
        for place in Random(2).sample(range(COUNT), COUNT):
            self.retrieve(place)
        self.assertLess(len(self.statements), COUNT // 4)
        self.assertLess(len(self.at_once), COUNT * 1.1)

    def test_again_and_again(self) -> None:
        """What was retrieved once costs no statement any more; nor what lies beside it."""
        for place in (500, 501, 500, 501, 502, 500):
            self.retrieve(place)
        asked = len(self.statements)
        for place in (500, 503, 501, 500):
            self.retrieve(place)
        self.assertEqual(len(self.statements), asked)

    def test_with_gaps(self) -> None:
        for place in range(0, COUNT, 5):
            self.retrieve(place)
        self.assertEqual(len(self.statements), 18)

    def test_no_more_than_the_next_one_is_held(self) -> None:
        for place in (0, 1, 2):
            self.retrieve(place)
        self.drop._rows.forget()
        self.assertEqual(self.allowance.left, 10_000_000 - len(self.bodies[3]))

    def test_what_cannot_be_had_at_once_is_read_in_groups(self) -> None:
        self.cold = {*range(COUNT)}
        for place in range(COUNT):
            self.retrieve(place)
        self.assertEqual(self.at_once, [])
        self.assertEqual(sum(self.together), COUNT)
        self.assertLess(len(self.together), 25)
        self.assertEqual(len(self.statements), 18)

    def test_only_what_has_to_wait_is_read_in_groups(self) -> None:
        """One large or cold message among others is no reason to leave the quick way."""
        self.cold = {300, 301, 302, 600}
        for place in range(COUNT):
            self.retrieve(place)
        self.assertLess(sum(self.together), 100)
        self.assertGreater(len(self.at_once), COUNT - 100)

    def test_without_an_allowance(self) -> None:
        self.allowance.take(10_000_000)
        for place in (0, 1, 2, 3):
            self.retrieve(place)
        self.assertEqual(self.statements, [[0], [1], [2], [3]])
        self.allowance.give_back(10_000_000)

    def test_large_ones_are_not_read(self) -> None:
        body = bytes(SMALL + 1)
        self.rows[1] = self.row(1, body)
        self.retrieve(0)
        message = self.successResultOf(Deferred.fromCoroutine(self.drop.get(1)))
        assert isinstance(message, Large)
        self.assertEqual(message.body.size, SMALL + 1)
        self.assertEqual((self.at_once, self.together), ([0], []))

    def test_what_is_gone_and_what_is_lost(self) -> None:
        self.gone = {1}
        self.retrieve(0)
        self.failureResultOf(Deferred.fromCoroutine(self.drop.get(1)), NoSuchMessage)
        self.cold = {2}
        del self.objects.objects[UUID(int=2)]
        failed = self.failureResultOf(Deferred.fromCoroutine(self.drop.get(2)))
        self.assertIsInstance(failed.value, Unavailable)
        self.retrieve(3)
