"""Names of mailboxes."""

import re
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadName
from sora.mail.mailbox_names import (
    decode_utf7,
    encode_utf7,
    matches,
    name_key,
    normalise,
    superiors,
)
from trial_tests.support.properties import SETTINGS


class NormaliseTests(SynchronousTestCase):
    def test_inbox_is_inbox_in_any_case(self) -> None:
        """G22, G38: RFC 3501 §5.1."""
        for name, expected in (
            ("inbox", "INBOX"),
            ("InBoX/Sub", "INBOX/Sub"),
            ("inbox/", "INBOX"),
            ("inboxes", "inboxes"),
            ("Work/inbox", "Work/inbox"),
            ("Work/", "Work"),
            ("e\u0301te\u0301", "été"),
            ("a.b/..c/...", "a.b/..c/..."),
        ):
            with self.subTest(name):
                self.assertEqual(normalise(name), expected)
                self.assertEqual(name_key(name.removesuffix("/")), expected)

    def test_names_that_nothing_can_hold_are_refused(self) -> None:
        """G38: no path escapes an export."""
        for name in (
            "",
            "/",
            "/a",
            "a//b",
            "a/../b",
            "..",
            "./a",
            "a\0b",
            "a\nb",
            "a\x7f",
            "a\u0085b",
            "a\u2028b",
            "a\ud800",
            "x" * 256,
            "é" * 128,
            "/".join(["x" * 200] * 6),
            "/".join("x" * 51),
        ):
            with self.subTest(name[:20]):
                self.assertRaises(BadName, normalise, name)

    def test_the_longest_names_are_allowed(self) -> None:
        for name in ("x" * 255, "/".join("x" * 50)):
            self.assertEqual(normalise(name), name)

    def test_superiors_are_the_names_above(self) -> None:
        self.assertEqual(superiors("a/b/c"), ["a", "a/b"])
        self.assertEqual(superiors("a"), [])


class PatternTests(SynchronousTestCase):
    def test_patterns_match_as_list_says(self) -> None:
        """RFC 3501 §6.3.8."""
        for pattern, name, expected in (
            ("*", "a/b/c", True),
            ("%", "a", True),
            ("%", "a/b", False),
            ("a/%", "a/b", True),
            ("a/%", "a/b/c", False),
            ("a/%", "a", False),
            ("a*", "a/b", True),
            ("%/%", "a/b", True),
            ("%/%", "a/b/c", False),
            ("*b%", "a/b/xb/c", False),
            ("*b%", "a/b/xbc", True),
            ("%a%/%b", "xa/yb", True),
            ("%a%/%b*c%", "xa/yb/qc", True),
            ("inbox", "INBOX", True),
            ("InBox/%", "INBOX/a", True),
            ("inb*", "INBOX", True),
            ("%nBo%", "INBOX", True),
            ("inbox/A", "INBOX/a", False),
            ("work", "Work", False),
            ("a.b", "axb", False),
            ("[a]", "[a]", True),
            ("e\u0301%", "été", True),
            ("", "a", False),
            ("a\n*", "a\nb", True),
        ):
            with self.subTest(pattern=pattern, name=name):
                self.assertEqual(matches(pattern, name), expected)

    def test_a_hostile_pattern_takes_no_time(self) -> None:
        """A matcher that backtracks would not end in this life: 40 wildcards over 900 letters."""
        started = time.process_time()
        self.assertFalse(matches("*a%" * 40 + "b", "a" * 900))
        # Not a measurement: hours against milliseconds.
        self.assertLess(time.process_time() - started, 10)

    @SETTINGS
    @given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=10))
    def test_matching_is_what_a_regular_expression_says(self, pattern: str, name: str) -> None:
        expression = "".join({"*": ".*", "%": "[^/]*"}.get(one, one) for one in pattern)
        self.assertEqual(matches(pattern, name), bool(re.fullmatch(expression, name)))


class Utf7Tests(SynchronousTestCase):
    def test_names_are_encoded_as_the_rfc_shows(self) -> None:
        """RFC 3501 §5.1.3."""
        for name, octets in (
            ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe & mehr", b"Entw&APw-rfe &- mehr"),
            ("plain", b"plain"),
            ("😀", b"&2D3eAA-"),
            ("", b""),
        ):
            with self.subTest(name):
                self.assertEqual(encode_utf7(name), octets)
                self.assertEqual(decode_utf7(octets), name)

    def test_what_is_not_in_its_one_form_is_refused(self) -> None:
        for octets in (
            b"&Jjo",
            b"&Jjo!-",
            b"&A-",
            b"&AGE-",
            b"a\xc3\xa9",
            b"&2D0-",
            b"&U/BTFw-",
            b"a\x01",
            b"&APw=-",
        ):
            with self.subTest(octets):
                self.assertRaises(BadName, decode_utf7, octets)

    @SETTINGS
    @given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
    def test_any_name_comes_back(self, name: str) -> None:
        self.assertEqual(decode_utf7(encode_utf7(name)), name)
