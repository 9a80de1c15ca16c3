"""What is read before it is asked for."""

from collections.abc import Sequence
from random import Random

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import NoSuchMessage, SoraError, Unavailable
from sora.mailbox.read_ahead import (
    AHEAD,
    FIRST_GROUP,
    GROUP_MESSAGES,
    GROUP_OCTETS,
    NEAR,
    Allowance,
    Group,
    ReadAhead,
)


class Order:
    """A list of messages by their sizes; some are left out."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.out: set[int] = set()

    def following(self, place: int) -> int | None:
        for each in range(place, len(self.sizes)):
            if each not in self.out:
                return each
        return None

    def preceding(self, place: int) -> int | None:
        for each in range(place, -1, -1):
            if each not in self.out:
                return each
        return None

    def cost(self, place: int) -> int:
        return self.sizes[place]


class ReadAheadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.asked: list[list[int]] = []
        self.gone: set[int] = set()
        self.errors: dict[int, SoraError] = {}
        self.held: list[Deferred[None]] | None = None
        self.allowance = Allowance(1_000_000)
        self.begin([1000] * 500)

    def begin(self, sizes: Sequence[int]) -> None:
        self.order = Order(sizes)
        self.ahead: ReadAhead[str] = ReadAhead(self.order, self.read, self.allowance)

    def read(self, places: Sequence[int]) -> "Deferred[Group[str]]":
        self.asked.append(list(places))

        async def answer() -> Group[str]:
            if self.held is not None:
                waiting: Deferred[None] = Deferred()
                self.held.append(waiting)
                await waiting
            found: dict[int, str | SoraError] = {
                place: f"message {place}" for place in places if place not in self.gone
            }
            return {**found, **{at: self.errors[at] for at in places if at in self.errors}}

        return Deferred.fromCoroutine(answer())

    def get(self, place: int) -> str:
        message = self.successResultOf(Deferred.fromCoroutine(self.ahead.get(place)))
        self.ahead.look_ahead()
        return message

    def tearDown(self) -> None:
        self.ahead.forget()
        self.assertEqual(self.allowance.left, 1_000_000)

    def test_one_by_one_in_groups_that_grow(self) -> None:
        for place in range(500):
            self.assertEqual(self.get(place), f"message {place}")
        sizes = [len(group) for group in self.asked]
        self.assertEqual(sizes[:3], [FIRST_GROUP, 16, GROUP_MESSAGES])
        self.assertEqual(set(sizes[2:-1]), {GROUP_MESSAGES})
        self.assertEqual([place for group in self.asked for place in group], list(range(500)))

    def test_the_first_message_alone_costs_little(self) -> None:
        self.get(0)
        self.assertEqual(self.asked, [[0, 1, 2, 3]])
        self.get(1)
        self.assertEqual(len(self.asked), 1 + AHEAD)

    def test_a_jump_begins_small(self) -> None:
        self.get(0)
        self.get(100)
        self.get(50)
        self.assertEqual(self.asked, [[0, 1, 2, 3], [100], [50]])
        self.get(51)
        self.assertEqual([group[0] for group in self.asked[3:]], [51, 55, 71])
        self.assertEqual(
            [len(group) for group in self.asked[3:]], [4, 16, 29], "up to what is known"
        )

    def test_a_message_that_is_asked_for_twice_is_read_once(self) -> None:
        self.assertEqual(self.get(0), self.get(0))
        self.assertEqual(self.asked, [[0, 1, 2, 3]])

    def test_backwards(self) -> None:
        for place in range(499, -1, -1):
            self.assertEqual(self.get(place), f"message {place}")
        self.assertEqual(self.asked[:2], [[499], [*range(483, 499)]])
        self.assertEqual({len(group) for group in self.asked[2:-1]}, {GROUP_MESSAGES})
        self.assertEqual(sorted(place for group in self.asked for place in group), [*range(500)])

    def test_with_gaps(self) -> None:
        """Who retrieves only what it has not seen passes over the others."""
        for place in range(0, 500, NEAR):
            self.get(place)
        self.assertLessEqual(len(self.asked), 500 // GROUP_MESSAGES + 4)

    def test_in_any_order(self) -> None:
        """Groups are kept: who jumps about finds what lies near to what it has asked for."""
        self.begin([100] * 500)
        self.ahead = ReadAhead(self.order, self.read, self.allowance, after_jump=NEAR)
        for place in Random(1).sample(range(500), 500):
            self.assertEqual(self.get(place), f"message {place}")
        self.assertLessEqual(len(self.asked), 120)
        self.assertEqual(sorted(place for group in self.asked for place in group), [*range(500)])

    def test_what_is_held_is_bounded(self) -> None:
        self.ahead = ReadAhead(self.order, self.read, self.allowance, kept=100_000)
        for place in [*range(300), *range(400, 0, -7), *range(0, 500, 33)]:
            self.get(place)
            self.assertGreaterEqual(self.allowance.left, 900_000)

    def test_what_is_held_makes_room_when_others_need_it(self) -> None:
        self.get(0)
        self.get(1)
        self.allowance.take(self.allowance.left - 500)
        taken = 1_000_000 - 500 - 84_000  # 4, 16 and 64 messages
        self.assertEqual([self.get(place) for place in (400, 401)], ["message 400", "message 401"])
        self.assertGreater(self.allowance.left, 0)
        self.allowance.give_back(taken)

    def test_nothing_is_said_of_what_is_not_there(self) -> None:
        self.assertIsNone(self.ahead.take(0))
        self.assertIsNone(self.ahead.known(0))
        self.get(0)
        self.assertEqual(self.ahead.take(3), "message 3")
        self.assertIsNone(self.ahead.take(4))

    def test_the_next_one(self) -> None:
        self.order.out = {3}
        self.assertIsNone(self.ahead.upcoming())
        self.get(1)
        self.assertIsNone(self.ahead.upcoming())
        self.get(2)
        self.assertEqual(self.ahead.upcoming(), 4)
        self.get(1)
        self.assertEqual(self.ahead.upcoming(), 0)
        self.get(300)
        self.assertIsNone(self.ahead.upcoming())

    def test_what_is_not_wanted_is_not_begun(self) -> None:
        self.get(0)
        wanted: list[int] = []

        def is_wanted(place: int) -> bool:
            wanted.append(place)
            return False

        for place in (1, 2, 3):
            self.successResultOf(Deferred.fromCoroutine(self.ahead.get(place)))
            self.ahead.look_ahead(is_wanted)
        self.assertEqual((wanted, self.asked), ([4], [[0, 1, 2, 3]]))

    def test_those_that_are_left_out_are_passed_over(self) -> None:
        self.order.out = {1, 3}
        self.get(0)
        self.get(2)
        self.assertEqual(self.asked[0], [0, 2, 4, 5])
        self.assertEqual(len(self.asked), 1 + AHEAD, "it goes on in order")

    def test_groups_are_bounded_in_octets(self) -> None:
        self.begin([200_000] * 20)
        for place in range(20):
            self.get(place)
        for group in self.asked:
            self.assertLessEqual(len(group) * 200_000, GROUP_OCTETS)

    def test_without_an_allowance_messages_are_read_one_by_one(self) -> None:
        self.begin([300_000] * 20)
        other = Allowance(0)
        self.ahead = ReadAhead(self.order, self.read, other)
        for place in range(20):
            self.get(place)
        self.assertEqual(self.asked, [[place] for place in range(20)])

    def test_what_is_gone_is_known_of_only_that_one(self) -> None:
        self.gone = {1}
        self.errors[2] = Unavailable("away")
        self.assertEqual(self.get(0), "message 0")
        self.failureResultOf(Deferred.fromCoroutine(self.ahead.get(1)), NoSuchMessage)
        self.failureResultOf(Deferred.fromCoroutine(self.ahead.get(2)), Unavailable)
        self.assertEqual(self.get(3), "message 3")
        del self.errors[2]
        self.assertEqual(self.get(2), "message 2", "it is asked for anew")

    def test_groups_are_on_their_way_while_one_is_taken(self) -> None:
        self.held = []
        first = Deferred.fromCoroutine(self.ahead.get(0))
        self.held.pop(0).callback(None)
        self.assertEqual(self.successResultOf(first), "message 0")
        self.assertEqual(self.get(1), "message 1")
        self.assertEqual(len(self.held), AHEAD)
        self.assertEqual([self.get(2), self.get(3)], ["message 2", "message 3"])
        waiting = Deferred.fromCoroutine(self.ahead.get(4))
        self.assertNoResult(waiting)
        self.held[0].callback(None)
        self.assertEqual(self.successResultOf(waiting), "message 4")

    def test_what_was_begun_and_is_not_wanted_is_dropped(self) -> None:
        self.held = []
        Deferred.fromCoroutine(self.ahead.get(0)).addErrback(lambda _: None)
        self.ahead.forget()
        self.assertEqual(self.allowance.left, 1_000_000)
        self.held[0].callback(None)

    def test_a_failure_is_told_and_may_be_over(self) -> None:
        failing = [True]
        read = self.read

        def sometimes(places: Sequence[int]) -> "Deferred[Group[str]]":
            if failing:
                failed: Deferred[Group[str]] = Deferred()
                failed.errback(Unavailable("away"))
                return failed
            return read(places)

        self.ahead = ReadAhead(self.order, sometimes, self.allowance)
        self.failureResultOf(Deferred.fromCoroutine(self.ahead.get(0)), Unavailable)
        failing.clear()
        self.assertEqual(self.get(0), "message 0")
