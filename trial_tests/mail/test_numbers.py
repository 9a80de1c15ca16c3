"""Tests of sora.mail.numbers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.numbers import NumberSet, SequenceSet

numbers = st.frozensets(st.integers(1, 60))


class NumberSetTests(SynchronousTestCase):
    """Sets as ranges do what sets do."""

    def test_ranges_are_put_right(self) -> None:
        """G36: reversed, overlapping, adjacent, in any order."""
        for ranges, text in (
            (((5, 2), (7, 9), (10, 10)), "2:5,7:10"),
            (((1, 1), (1, 1)), "1"),
            (((1, 4000000000), (5, 6)), "1:4000000000"),
            ((), ""),
        ):
            self.assertEqual(str(NumberSet(ranges)), text)

    @given(numbers, numbers)
    def test_agrees_with_sets(self, one: frozenset[int], other: frozenset[int]) -> None:
        """Union, intersection, difference, membership, length, and both texts."""
        mine, theirs = NumberSet.of(one), NumberSet.of(other)
        self.assertEqual(set(mine | theirs), one | other)
        self.assertEqual(set(mine & theirs), one & other)
        self.assertEqual(set(mine - theirs), one - other)
        self.assertEqual(len(mine), len(one))
        self.assertEqual([n for n in range(62) if n in mine], sorted(one))
        self.assertEqual(mine.within(sorted(other)), sorted(one & other))
        self.assertEqual(NumberSet.from_multirange(mine.multirange()), mine)
        self.assertEqual(NumberSet(mine.ranges[::-1]), mine)

    def test_a_huge_range_costs_nothing(self) -> None:
        """It is never expanded."""
        huge = NumberSet(((1, 4_294_967_295),))
        self.assertEqual(len(huge), 4_294_967_295)
        self.assertEqual(huge.within([1, 7, 9]), [1, 7, 9])


class SequenceSetTests(SynchronousTestCase):
    """RFC 3501 §9, sequence-set."""

    def test_the_star_is_the_largest_number(self) -> None:
        """Also when it is smaller than the other end; in an empty mailbox it is nothing."""
        for ranges, largest, text in (
            (((1, None),), 5, "1:5"),
            (((None, None),), 5, "5"),
            (((7, None),), 5, "5:7"),
            (((None, 3),), 5, "3:5"),
            (((1, None), (9, 9)), 0, "9"),
        ):
            self.assertEqual(str(SequenceSet(ranges).resolve(largest)), text)
