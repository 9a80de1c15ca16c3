"""sora.config.syntax: any text is read or refused in bounded time and memory (G49)."""

import sys
import tomllib
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import toml
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.config.load import loads
from sora.config.problems import ConfigError
from sora.config.syntax import parse
from trial_tests.support.properties import SETTINGS

EXAMPLE = Path(__file__).parents[2] / "etc" / "config.toml.example"
SIZE = 1 << 14
STEPS = 60
"""calls of functions, for each octet: most for tables that lack what they need"""
MEMORY = 500
"""octets, for each octet"""
LARGEST = 1 << 20


def full(begin: str, unit: str, end: str, size: int) -> str:
    return begin + unit * ((size - len(begin + end)) // len(unit)) + end


def numbered(unit: str, size: int) -> str:
    return "".join(unit.format(number) for number in range(size // (len(unit) + 4)))


HOSTILE: dict[str, Callable[[int], str]] = {
    "open brackets": lambda size: full("a = ", "[", "", size),
    "deep lists": lambda size: "a = " + "[" * (size // 2) + "]" * (size // 2),
    "deep tables": lambda size: full("a = ", "{a = ", "", size),
    "hidden behind a text": lambda size: full('a = [""""x"""", ', "[", "", size),
    "wide lists": lambda size: full("a = [", "[],", "]", size),
    "wide tables": lambda size: full("a = [", "{},", "]", size),
    "numbers": lambda size: full("a = [", "1,", "]", size),
    "numbers on lines": lambda size: full("a = [\n", "1,\n", "]", size),
    "digits": lambda size: full("a = ", "9", "", size),
    "hexadecimal": lambda size: full("a = 0x", "f", "", size),
    "a fraction": lambda size: full("a = 1.", "9", "", size),
    "dotted key": lambda size: full("", "a.", "a = 1", size),
    "dotted key with spaces": lambda size: full("", "a . ", "a = 1", size),
    "dotted key in quotes": lambda size: full("a", '."b"', " = 1", size),
    "dotted heading": lambda size: full("[", "a.", "a]", size),
    "dotted keys behind a text": lambda size: full('a = {b = """"x"""", c', ".c", " = 1}", size),
    "dotted keys": lambda size: numbered("a.b{}.c = 1\n", size),
    "keys": lambda size: numbered("k{} = 1\n", size),
    "headings": lambda size: numbered("[t{}]\n", size),
    "arrays of tables": lambda size: numbered("[[t{}]]\n", size),
    "empty servers": lambda size: full("", "[[servers]]\n", "", size),
    "servers": lambda size: full("", '[[servers]]\ntype = "imap"\naddr = ":1"\n', "", size),
    "defaults": lambda size: full("", '[[servers]]\ntype = "imap"\n[servers.imap]\n', "", size),
    "keys of servers": lambda size: full("[[servers]]\n", "[[servers.api_keys]]\n", "", size),
    "levels": lambda size: "[logging.levels]\n" + numbered('k{} = "debug"\n', size),
    "a long text": lambda size: full('a = "', "x", '"', size),
    "escapes": lambda size: full('a = "', "\\n", '"', size),
    "a text without an end": lambda size: full('a = """', '" \\"""', "", size),
    "quotation marks": lambda size: full("", '"', "", size),
    "apostrophes": lambda size: full("", "'", "", size),
    "statements": lambda size: full("", "a=", "", size),
    "a word": lambda size: full("", "a", "", size),
    "words": lambda size: full("", "a ", "", size),
    "spaces": lambda size: full("", " ", "", size),
    "an open heading": lambda size: full("[", " ", "", size),
    "an open heading of a list": lambda size: full("[[", " ", "x", size),
    "a key without a value": lambda size: full("a", " ", "", size),
    "dots": lambda size: full("a", ". ", "", size),
    "empty lines": lambda size: full("", "\n", "", size),
    "comments": lambda size: full("", "#[[[\n", "", size),
    "zeros": lambda size: full("", "\0", "", size),
}


def tried(text: str) -> str:
    """Read, or refused in a line; nothing else."""
    try:
        loads(text, "f.toml")
    except ConfigError as error:
        return str(error)
    return ""


def steps(text: str) -> int:
    """Calls of functions that it takes."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        tried(text)
    finally:
        sys.setprofile(None)
    return count


def memory(text: str) -> int:
    """Octets that it takes at the most."""
    tracemalloc.start()
    try:
        tried(text)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SCANNED = (
    "a long text",
    "a text without an end",
    "quotation marks",
    "words",
    "spaces",
    "an open heading",
    "an open heading of a list",
    "a key without a value",
    "dots",
)
"""those whose cost is in regular expressions, of which nobody counts the steps"""


class HostileTests(SynchronousTestCase):
    """Texts that cost a parser much."""

    timeout = 120

    def test_steps_and_memory_are_as_the_text_is_long(self) -> None:
        """Four times the text, about four times as much; and less than 100 MB for the longest."""
        for name, make in HOSTILE.items():
            few = steps(make(SIZE // 4))
            many = steps(make(SIZE))
            self.assertLess(many, 5 * few + 1000, name)
            self.assertLess(many, STEPS * SIZE, name)
            used = memory(make(SIZE))
            self.assertLess(used, MEMORY * SIZE, name)

    def test_long_ones_are_gone_through_once(self) -> None:
        """If not, this takes hours."""
        for name in SCANNED:
            tried(HOSTILE[name](LARGEST))

    def test_what_no_configuration_has_is_named_with_its_line(self) -> None:
        for text, said in (
            ("\na = " + "[" * 21, "f.toml:2: this is no configuration: lists or tables are nested"),
            (
                "\na = " + "{a=" * 21,
                "f.toml:2: this is no configuration: lists or tables are nested",
            ),
            (
                "\n" * 7 + "[[a]]\n" * 2501,
                "f.toml:2508: this is no configuration: it has more than",
            ),
            (
                "# x\n" + "a." * 31 + "a = 1",
                "f.toml:2: this is no configuration: a key has more than",
            ),
            ("a = " + "1" * 101, "f.toml:1: this is no configuration: a number has more than 100"),
        ):
            self.assertIn(said, tried(text))

    def test_in_texts_and_comments_there_may_be_anything(self) -> None:
        many = "[" * 6000 + "a." * 100 + "1" * 200
        for text in (
            f'a = "{many}"',
            f"a = '{many}'",
            f'a = """\n{many}\\"""\n{many}"""""',
            f"a = '''\n{many}\n''{many}'''''",
            f'a = "\\"{many}"',
            f"# {many}\na = 1",
            f'a = "# {many}"',
            f'"{many}" = 1',
        ):
            self.assertEqual(parse(text, ""), tomllib.loads(text), text[:20])


SCALARS = st.one_of(
    # Without those that the package `toml` cannot read or write: it takes "\\"" for an empty text.
    st.text("abcxyzAZ089 äé€/:.@-_#'[]{}=,"),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: round(number, 3)),
)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,10}", fullmatch=True)
TABLES = st.dictionaries(KEYS, SCALARS | st.lists(st.text("ab c"), max_size=4), max_size=6)
DOCUMENTS = st.dictionaries(
    KEYS, SCALARS | TABLES | st.lists(TABLES.filter(bool), min_size=1, max_size=3), max_size=6
)


class AgreementTests(SynchronousTestCase):
    """What others read is read as they do."""

    def test_the_example(self) -> None:
        text = EXAMPLE.read_text("utf-8")
        self.assertEqual(parse(text, ""), toml.loads(text))

    @SETTINGS
    @given(DOCUMENTS)
    def test_what_is_written_comes_back(self, document: dict[str, Any]) -> None:
        """And as the package has it that has written it, by which configurations were read before."""
        text = toml.dumps(document)
        self.assertEqual(parse(text, ""), document)
        self.assertEqual(toml.loads(text), document)

    @SETTINGS
    @given(st.data())
    def test_damaged_ones(self, data: st.DataObject) -> None:
        """Read as by the standard library, or refused in a line."""
        text = EXAMPLE.read_text("utf-8")
        for _ in range(data.draw(st.integers(1, 5))):
            place = data.draw(st.integers(0, len(text)))
            cut = data.draw(st.integers(0, 20))
            text = (
                text[:place]
                + data.draw(st.text("[]{}\"'\\\n=.,# a1", max_size=6))
                + text[place + cut :]
            )
        try:
            expected = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            self.assertRaises(ConfigError, parse, text, "f")
        else:
            self.assertEqual(parse(text, "f"), expected)
