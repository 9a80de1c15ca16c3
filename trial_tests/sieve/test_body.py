"""The parts of a message by their paths, as loops go through them (RFC 5703 §3)."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import Part, parse
from sora.sieve.body import Path, at, following
from sora.sieve.contents import children, walk
from trial_tests.fuzz.corpus import messages
from trial_tests.sieve.test_contents import NESTED


class PathTests(SynchronousTestCase):
    def test_each_part_once_and_in_order(self) -> None:
        """The same as a walk over the tree, from the message and from any part of it."""
        random = Random(3)
        for octets in messages():
            root = parse(octets)
            parts = list(walk(root))
            self.assertEqual(self.found(root, (), ()), parts)
            path: Path = ()
            while children(part := at(root, path) or root) and random.random() < 0.7:
                path = (*path, random.randrange(len(children(part))))
            inside = at(root, path)
            assert inside is not None
            self.assertEqual([inside, *self.found(root, path, path)[1:]], list(walk(inside)))

    def found(self, root: Part, start: Path, within: Path) -> list[Part | None]:
        found: list[Part | None] = []
        path: Path | None = start
        while path is not None:
            found.append(at(root, path))
            path = following(root, path, within)
        return found

    def test_paths_that_there_are_not(self) -> None:
        """What was replaced has no parts any more: a loop goes on behind it."""
        root = parse(NESTED)
        self.assertIsNone(at(root, (0, 5)))
        self.assertIsNone(at(root, (7,)))
        self.assertEqual(following(root, (0, 5), ()), (1,))
        self.assertIsNone(following(root, (0, 5), (0,)))
        self.assertIsNone(following(root, (9, 9, 9), ()))
