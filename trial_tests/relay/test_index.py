"""What waits, and who is next."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.relay.index import Index
from trial_tests.support.properties import SETTINGS


class IndexTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.index = Index()

    def taken(self, now: float) -> list[str]:
        found = []
        while (name := self.index.take(now)) is not None:
            found.append(name)
        return found

    def test_new_mail_and_a_backlog_take_turns(self) -> None:
        for number in range(3):
            self.index.add(f"old{number}", 1, 0.0, float(number), fresh=False)
            self.index.add(f"new{number}", 1, 9.0, 9.0, fresh=True)
        self.assertEqual(self.taken(9.0), ["new0", "old0", "new1", "old1", "new2", "old2"])

    def test_what_is_not_due_waits(self) -> None:
        self.index.add("a", 10, 0.0, 5.0, fresh=False)
        self.index.add("b", 10, 1.0, 7.0, fresh=False)
        self.assertEqual((self.taken(4.9), self.index.next_due()), ([], 5.0))
        self.assertEqual((self.taken(5.0), self.index.next_due()), (["a"], 7.0))
        self.index.put_back("a", 6.0)
        self.assertEqual(self.index.next_due(), 6.0)
        self.assertEqual((len(self.index), self.index.octets, self.index.oldest()), (2, 20, 0.0))

    def test_what_is_removed_is_gone(self) -> None:
        for name, is_fresh in (("a", True), ("b", False)):
            self.index.add(name, 10, 0.0, 0.0, fresh=is_fresh)
            self.index.remove(name)
            self.index.remove(name)
        self.assertEqual((self.taken(9.0), self.index.octets, self.index.taken), ([], 0, 0))

    def test_the_age_of_the_oldest(self) -> None:
        """Whatever else comes and goes."""
        self.assertIsNone(self.index.oldest())
        for name, queued in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
            self.index.add(name, 1, queued, 9.0, fresh=False)
        self.assertEqual(self.index.oldest(), 1.0)
        self.index.remove("a")
        self.assertEqual(self.index.oldest(), 2.0)
        for name in ("b", "c"):
            self.index.remove(name)
        self.assertIsNone(self.index.oldest())

    def test_the_server_is_back(self) -> None:
        """What waited for the server only is due at once; what was refused for now is not."""
        for name in ("a", "b", "c"):
            self.index.add(name, 1, 0.0, 0.0, fresh=True)
        self.taken(0.0)
        self.index.put_back("a", 60.0, unreachable=True)
        self.index.put_back("b", 60.0)
        self.assertEqual(self.index.hurry_unreachable(10.0), 1)
        self.assertEqual(self.taken(10.0), ["a"])
        self.assertEqual(self.taken(60.0), ["b"])

    def test_an_operator_hurries(self) -> None:
        self.index.add("a", 1, 0.0, 99.0, fresh=False)
        self.assertTrue(self.index.hurry("a", 1.0))
        self.assertTrue(self.index.hurry("a", 1.0))
        self.assertEqual(self.taken(1.0), ["a"])
        self.assertFalse(self.index.hurry("a", 1.0))
        self.assertFalse(self.index.hurry("z", 1.0))

    @SETTINGS
    @given(st.lists(st.integers(0, 5)), st.integers())
    def test_nothing_is_taken_twice_or_forgotten(self, steps: list[int], seed: int) -> None:
        random = Random(seed)
        out: set[str] = set()
        there: set[str] = set()
        for number, step in enumerate(steps):
            name = f"m{random.randrange(4)}"
            if step == 0 and name not in there:
                self.index.add(name, 1, 0.0, random.random(), fresh=random.random() < 0.5)
                there.add(name)
            elif step == 1 and out:
                self.index.put_back(out.pop(), random.random() + number, unreachable=step > 3)
            elif step == 2:
                self.index.remove(name)
                there.discard(name)
                out.discard(name)
            elif step == 3:
                self.index.hurry(name, random.random())
            elif step == 4:
                self.index.hurry_unreachable(float(number))
            else:
                taken = self.index.take(float(number))
                if taken is not None:
                    self.assertTrue(taken in there and taken not in out)
                    out.add(taken)
            self.assertEqual((len(self.index), self.index.taken), (len(there), len(out)))
        rest = self.taken(1e9)
        self.assertEqual((sorted(rest), len(rest)), (sorted(there - out), len(set(rest))))
        for name in there:
            self.index.remove(name)
