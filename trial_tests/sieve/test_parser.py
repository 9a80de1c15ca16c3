"""Trees (RFC 5228 §8.2), and what is read again of what was written."""

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.errors import ScriptError
from sora.sieve.lexer import Source
from sora.sieve.limits import Limits
from sora.sieve.parser import parse
from sora.sieve.tree import Argument, Node, Number, TagName, Text, TextList
from trial_tests.sieve.printer import Printer


def parsed(text: str, limits: "Limits | None" = None) -> list[Node]:
    errors: list[ScriptError] = []
    found = parse(Source.of(text), limits or Limits(), errors)
    assert not errors, errors
    return found


def wrong(text: str, **limits: int) -> list[str]:
    errors: list[ScriptError] = []
    parse(Source.of(text), Limits(**limits), errors)
    return [f"{one.line}:{one.column}: {one.text}" for one in errors]


def placeless(node: Node) -> Node:
    """Without places."""
    arguments: list[Argument] = []
    for argument in node.arguments:
        if isinstance(argument, TextList):
            argument = evolve(argument, items=tuple(evolve(one, at=0) for one in argument.items))
        arguments.append(evolve(argument, at=0))
    return Node(
        node.word,
        0,
        arguments,
        [placeless(test) for test in node.tests],
        node.listed,
        None if node.block is None else [placeless(one) for one in node.block],
    )


NAMES = st.sampled_from(("if", "not", "keep", "x_1", "_", "texts", "fileinto", "true"))
CHARACTERS = '.\\"a;{/*# ä€:'
STRINGS = st.lists(st.text(CHARACTERS, max_size=5), max_size=3).map("\r\n".join)
ARGUMENTS = st.one_of(
    STRINGS.map(lambda text: Text(text, 0)),
    st.lists(STRINGS, min_size=1, max_size=3).map(
        lambda texts: TextList(tuple(Text(one, 0) for one in texts), 0)
    ),
    st.integers(0, 2**40).map(lambda number: Number(number, 0)),
    NAMES.map(lambda name: TagName(name, 0)),
)


def nodes(tests: "st.SearchStrategy[list[Node]]", listed: bool) -> "st.SearchStrategy[Node]":
    return st.builds(
        Node, NAMES, st.just(0), st.lists(ARGUMENTS, max_size=4), tests, st.just(listed)
    )


TESTS = st.recursive(
    nodes(st.just([]), False),
    lambda inner: (
        nodes(st.lists(inner, min_size=1, max_size=1), False)
        | nodes(st.lists(inner, min_size=1, max_size=3), True)
    ),
    max_leaves=6,
)
COMMANDS = st.recursive(
    TESTS,
    lambda inner: st.builds(
        lambda node, block: evolve(node, block=block), TESTS, st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


class Trees(SynchronousTestCase):
    def test_shape(self) -> None:
        (node,) = parsed('if anyof (not true, size :over 1K) { stop; keep :flags ["a", "b"]; }')
        self.assertEqual((node.word, node.arguments, len(node.block or [])), ("if", [], 2))
        (anyof,) = node.tests
        self.assertTrue(anyof.listed)
        self.assertEqual([test.word for test in anyof.tests], ["not", "size"])
        self.assertEqual([test.word for test in anyof.tests[0].tests], ["true"])

    def test_empty(self) -> None:
        for text in ("", " ", "# nothing", "\r\n\r\n"):
            self.assertEqual(parsed(text), [])

    def test_least_levels(self) -> None:
        """RFC 5228 §2.10.7: fifteen levels of blocks, and of tests."""
        parsed("if true {" * 15 + "keep;" + "}" * 15)
        parsed("if " + "not " * 15 + "true { }")
        parsed("if " + "anyof(" * 15 + "true" + ")" * 15 + "{ }")

    @settings(deadline=None, max_examples=100)
    @given(st.lists(COMMANDS, max_size=4), st.integers(0, 1000))
    def test_round_trip(self, script: list[Node], seed: int) -> None:
        """What is written is what is read, however it is written."""
        text = Printer(seed).script(script)
        self.assertEqual([placeless(node) for node in parsed(text)], script, text)

    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(
            st.sampled_from(
                [
                    "if",
                    "keep",
                    "true",
                    "not",
                    "anyof",
                    ":is",
                    '"a"',
                    "[",
                    "]",
                    "(",
                    ")",
                    "{",
                    "}",
                    ";",
                    ",",
                    "1K",
                    "x",
                ]
            ),
            max_size=30,
        )
    )
    def test_any_tokens(self, words: list[str]) -> None:
        """Never raises; either a tree or errors."""
        errors: list[ScriptError] = []
        parse(Source.of(" ".join(words)), Limits(), errors)


class Errors(SynchronousTestCase):
    def test_table(self) -> None:
        for text, error in (
            ("keep", "1:5: A semicolon is missing after 'keep'"),
            ("if true { keep }", "1:15: A semicolon is missing after 'keep'"),
            ("if true { keep;", "1:9: This block is not closed: a '}' is missing"),
            ("keep; }", "1:7: This '}' closes nothing"),
            ('"a";', '1:1: A command is expected here, not "a"'),
            ('fileinto ["a" "b"];', "1:15: A comma or ']' is expected in this list, not \"b\""),
            ("fileinto [];", "1:11: A string is expected here, not ']'"),
            ('fileinto ["a", 1];', "1:16: A string is expected here, not '1'"),
            (
                "if anyof (true; false) { }",
                "1:15: A comma or ')' is expected after a test, not ';'",
            ),
            ("if anyof () { }", "1:11: A test is expected here, not ')'"),
            ("if anyof (true, { }", "1:17: A test is expected here, not '{'"),
            ("keep ) ;", "1:6: A semicolon or a block is expected here, not ')'"),
            (
                "if anyof (true",
                "1:15: A comma or ')' is expected after a test, not the end of the script",
            ),
        ):
            self.assertEqual(wrong(text)[:1], [error], text)

    def test_several(self) -> None:
        self.assertEqual(
            wrong('keep ];\nif true { fileinto [1]; discard ); }\nkeep; "x"; stop'),
            [
                "1:6: A semicolon or a block is expected here, not ']'",
                "2:21: A string is expected here, not '1'",
                "2:33: A semicolon or a block is expected here, not ')'",
                '3:7: A command is expected here, not "x"',
                "3:16: A semicolon is missing after 'stop'",
            ],
        )


class Hostile(SynchronousTestCase):
    def test_deep(self) -> None:
        for text, error in (
            ("if true {" * 10_000, "Blocks are nested deeper than 32 levels"),
            ("if " + "not " * 10_000 + "true {}", "Tests are nested deeper than 32 levels"),
            ("if " + "anyof(" * 10_000, "Tests are nested deeper than 32 levels"),
            ("keep " * 10_000, "Tests are nested deeper than 32 levels"),
            ("}" * 10_000, "closes nothing"),
            ("[" * 10_000, "A command is expected here"),
            ("keep [" * 10_000, "A string is expected here"),
        ):
            found = wrong(text)
            self.assertIn(error, found[0])
            self.assertLessEqual(len(found), 20)

    def test_many(self) -> None:
        self.assertIn("more than 100 commands and tests", wrong("keep;" * 101, commands=100)[0])
        self.assertEqual(wrong("keep;" * 10_000), [])
