"""Tests of sora.mail.threads (RFC 5256 §3): each step of the algorithms."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.threads import Forest, ordered_subject, references, refs
from sora.protocols.imap.wire.threads import thread_data

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@frozen
class Letter:
    """A message; `sent` is in days, and by default its place in the mailbox."""

    message_id: str = ""
    references: Sequence[str] = ()
    sort_subject: str = ""
    is_reply: bool = False
    in_reply_to: str = ""
    date: datetime = EPOCH


def mailbox(*letters: tuple[str, str, str] | tuple[str, str, str, int]) -> list[Letter]:
    """Letters from (id, references with spaces, subject[, day it was sent])."""
    found = []
    for place, (own, others, subject, *sent) in enumerate(letters):
        base = subject.removeprefix("re: ")
        day = EPOCH + timedelta(days=sent[0] if sent else place)
        found.append(Letter(own, others.split(), base, base != subject, "", day))
    return found


def text(forest: Forest) -> str:
    """As THREAD answers."""
    return thread_data(forest, range(1, forest.size + 1)).decode().removeprefix("THREAD").strip()


class ReferencesTests(SynchronousTestCase):
    def test_each_step(self) -> None:
        for why, letters, expected in (
            ("nothing", [], ""),
            ("no references", [("a", "", "x"), ("b", "", "y")], "(1)(2)"),
            ("a chain is flat", [("a", "", ""), ("b", "a", ""), ("c", "a b", "")], "(1 2 3)"),
            ("siblings", [("a", "", ""), ("b", "a", ""), ("c", "a", "")], "(1 (2)(3))"),
            (
                "the tree of §4",
                [
                    ("2", "", "x"),
                    ("3", "", "y"),
                    ("6", "3", "y"),
                    ("4", "3 6", "y"),
                    ("23", "3 6 4", "y"),
                    ("44", "3 6", "y"),
                    ("7", "3 6 44", "y"),
                    ("96", "3 6 44 7", "y"),
                ],
                "(1)(2 3 (4 5)(6 7 8))",
            ),
            ("1.A: the parent comes later", [("b", "a", ""), ("a", "", "")], "(2 1)"),
            (
                "1.A: links between others",
                [("c", "a b", "", 3), ("b", "", "", 2), ("a", "", "", 1)],
                "(3)(2 1)",  # 1.B: b has no references, so it loses the parent that c gave it
            ),
            (
                "1.A: links between others, kept where the message is not there",
                [("d", "a b c", "", 4), ("a", "", "", 1), ("c", "b", "", 3)],
                "(2 3 1)",
            ),
            (
                "1.A: the first link stays",
                [("d", "a c", ""), ("e", "b c", ""), ("a", "", ""), ("b", "", "")],
                "(3 (1)(2))(4)",
            ),
            ("1.A: ids that are there twice", [("a", "", ""), ("a", "", ""), ("b", "a", "")],
             "(1 3)(2)"),
            ("1.A: no id", [("", "", ""), ("", "", "")], "(1)(2)"),
            ("1.A: ids are case-sensitive", [("a", "", ""), ("b", "A", "")], "(1)(2)"),
            ("no loop", [("a", "b", ""), ("b", "a", "")], "(2 1)"),
            ("no loop of one", [("a", "a", ""), ("b", "a a b", "")], "(1)(2)"),
            ("no loop of three", [("a", "c", ""), ("b", "a", ""), ("c", "b", "")], "(3 1 2)"),
            (
                "1.B: the last reference is the parent, whatever others said",
                [("c", "a b", "", 2), ("b", "x", "", 1), ("x", "", "", 0), ("a", "", "", 3)],
                "(3 2 1)(4)",
            ),
            ("3: a dummy without children", [("a", "x y z", "")], "(1)"),
            ("3: siblings of a parent that is not there", [("a", "x", ""), ("b", "x", "")],
             "((1)(2))"),
            ("3: dummies below dummies", [("a", "x y", ""), ("b", "x z", ""), ("c", "x z", "")],
             "((1)(2)(3))"),
            ("3: a dummy in the middle", [("a", "", ""), ("b", "a x", ""), ("c", "a x", "")],
             "(1 (2)(3))"),
            ("4: by date", [("a", "", "x", 2), ("b", "", "y", 1)], "(2)(1)"),
            ("4: a dummy by its first child",
             [("a", "x", "", 5), ("b", "x", "", 1), ("c", "", "y", 3), ("d", "", "z", 0)],
             "(4)((2)(1))(3)"),
            ("4: what is equal stays in order", [("a", "", "x", 1), ("b", "", "y", 1)], "(1)(2)"),
            ("5: a reply below the first", [("a", "", "x"), ("b", "", "re: x")], "(1 2)"),
            ("5: a reply that is older", [("a", "", "x", 2), ("b", "", "re: x", 1)], "(1 2)"),
            ("5: two that are no replies", [("a", "", "x"), ("b", "", "x")], "((1)(2))"),
            ("5: two replies", [("a", "", "re: x"), ("b", "", "re: x")], "((1)(2))"),
            ("5: two, and a reply", [("a", "", "x"), ("b", "", "re: x"), ("c", "", "x")],
             "((1 2)(3))"),
            ("5: no subject", [("a", "", ""), ("b", "", "")], "(1)(2)"),
            ("5: dummies are joined",
             [("a", "x", "s"), ("b", "x", "s"), ("c", "y", "s"), ("d", "y", "s")],
             "((1)(2)(3)(4))"),
            ("5: a message joins a dummy", [("c", "", "s"), ("a", "x", "s"), ("b", "x", "s")],
             "((1)(2)(3))"),
            ("5: the subject of a dummy is that of its first child",
             [("a", "x", "s", 2), ("b", "x", "t", 1), ("c", "", "t", 3), ("d", "", "s", 4)],
             "((2)(1)(3))(4)"),
            ("6: by date at each level",
             [("a", "", "x", 9), ("b", "a", "", 8), ("c", "a", "", 7), ("d", "c", "", 2),
              ("e", "c", "", 1)],
             "(1 (3 (5)(4))(2))"),
        ):  # fmt: skip
            self.assertEqual(text(references(mailbox(*letters))), expected, why)

    def test_in_reply_to_is_used_without_references(self) -> None:
        letters = [Letter("a"), Letter("b", in_reply_to="a"), Letter("c", ("b",), in_reply_to="a")]
        self.assertEqual(text(references(letters)), "(1 2 3)")

    def test_long_and_hostile_chains_are_fast(self) -> None:
        """Nothing is recursive, and climbing is bounded."""
        count = 9000
        chain = [Letter(str(n), (str(n - 1),)) for n in range(count)]
        self.assertEqual(text(references(chain)).count("("), 1)
        self.assertEqual(text(references(chain[::-1])).count("("), 1)
        pairs = []
        for n in range(count):
            pairs += [Letter(f"c{n}", (f"m{n}",)), Letter(f"m{n}", (str(count - 1),))]
        forest = references([*chain, *pairs])
        self.assertEqual(sorted(_places(forest)), list(range(3 * count)))
        zigzag = []
        for n in range(count):
            zigzag += [Letter(f"{n}", (f"{n - 1}",)), Letter(f"x{n}", (f"{n - 1}",))]
        self.assertEqual(text(references(zigzag)).count("("), 2 * count + 1)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from("abcdef"),
                st.lists(st.sampled_from("abcdefgh"), max_size=4),
                st.sampled_from(["", "x", "y", "re: x"]),
                st.integers(0, 5),
            ),
            max_size=9,
        )
    )
    def test_each_message_is_there_once(
        self, letters: list[tuple[str, list[str], str, int]]
    ) -> None:
        made = mailbox(*((own, " ".join(ids), subject, day) for own, ids, subject, day in letters))
        for algorithm in (references, refs, ordered_subject):
            forest = algorithm(made)
            self.assertEqual(sorted(_places(forest)), list(range(len(made))))
            for node, children in forest.children.items():
                if node >= len(made):
                    self.assertIn(node, forest.roots)
                    self.assertGreater(len(children), 1)


def _places(forest: Forest) -> list[int]:
    """All messages that are in the threads."""
    nodes = list(forest.roots)
    for node in nodes:
        nodes.extend(forest.children.get(node, ()))
    return [node for node in nodes if node < forest.size]


class OtherAlgorithmsTests(SynchronousTestCase):
    def test_ordered_subject(self) -> None:
        for letters, expected in (
            ([], ""),
            ([("a", "", "x"), ("b", "", "y"), ("c", "", "re: x"), ("d", "", "x")], "(1 (3)(4))(2)"),
            ([("a", "", "x", 3), ("b", "", "y", 2), ("c", "a", "x", 1)], "(3 1)(2)"),
            ([("a", "", ""), ("b", "", "")], "(1 2)"),
        ):
            self.assertEqual(text(ordered_subject(mailbox(*letters))), expected)

    def test_refs(self) -> None:
        """Threads by their latest message, and no subjects."""
        for letters, expected in (
            ([("a", "", "x"), ("b", "", "x")], "(1)(2)"),
            ([("a", "", "", 1), ("b", "a", "", 9), ("c", "", "", 2), ("d", "c", "", 3)],
             "(3 4)(1 2)"),
            ([("a", "x", "", 5), ("b", "x", "", 4), ("c", "", "", 3)], "(3)((2)(1))"),
        ):  # fmt: skip
            self.assertEqual(text(refs(mailbox(*letters))), expected)

    def test_order_of_arrival_decides_between_equal_dates(self) -> None:
        shuffled = [Letter(str(n), sort_subject=str(n % 7)) for n in range(50)]
        Random(7).shuffle(shuffled)
        forest = ordered_subject(shuffled)
        for root in forest.roots:
            places = [root, *forest.children.get(root, ())]
            self.assertEqual(places, sorted(places))
