"""sora.storage.disk.eviction"""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.storage.disk.eviction import Eviction


def name(number: int) -> bytes:
    return number.to_bytes(4, "big")


class EvictionTests(SynchronousTestCase):
    """S3-FIFO."""

    def test_nothing_goes_while_there_is_room(self) -> None:
        eviction = Eviction(100)
        for number in range(10):
            self.assertEqual(eviction.add(name(number), 10), [])
        self.assertEqual((len(eviction), eviction.octets), (10, 100))

    def test_the_oldest_that_nobody_asked_for_goes(self) -> None:
        eviction = Eviction(100)
        for number in range(10):
            eviction.add(name(number), 10)
        eviction.asked(name(0))
        self.assertEqual(eviction.add(name(10), 10), [name(1)])
        self.assertIn(name(0), eviction)

    def test_what_is_read_daily_survives_a_sync_of_everything(self) -> None:
        eviction = Eviction(1000)
        for number in range(50):
            eviction.add(name(number), 10)
            eviction.asked(name(number))
        for number in range(1000, 3000):
            eviction.add(name(number), 10)
        self.assertGreaterEqual(sum(name(number) in eviction for number in range(50)), 45)

    def test_what_comes_back_soon_after_it_went_stays(self) -> None:
        eviction = Eviction(100)
        for number in range(12):
            eviction.add(name(number), 10)
        self.assertNotIn(name(0), eviction)
        eviction.add(name(0), 10)
        for number in range(100, 105):
            eviction.add(name(number), 10)
        self.assertIn(name(0), eviction)

    def test_what_is_larger_than_everything_is_not_kept(self) -> None:
        eviction = Eviction(100)
        eviction.add(name(1), 50)
        self.assertEqual(eviction.add(name(2), 101), [name(2)])
        self.assertIn(name(1), eviction)
        self.assertNotIn(name(2), eviction)

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["add", "asked", "remove"]), st.integers(0, 30), st.integers(0, 60)
            ),
            max_size=200,
        )
    )
    def test_the_capacity_holds_at_all_times(self, steps: list[tuple[str, int, int]]) -> None:
        eviction = Eviction(100)
        sizes: dict[bytes, int] = {}
        for step, number, size in steps:
            if step == "add":
                sizes[name(number)] = size
                for gone in eviction.add(name(number), size):
                    del sizes[gone]
            elif step == "asked":
                eviction.asked(name(number))
            else:
                eviction.remove(name(number))
                sizes.pop(name(number), None)
            self.assertLessEqual(eviction.octets, 100)
            self.assertEqual(eviction.octets, sum(sizes.values()))
            self.assertEqual(set(eviction), set(sizes))
            for key, known in sizes.items():
                self.assertEqual(eviction.size(key), known)
