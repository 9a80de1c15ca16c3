"""editheader: RFC 5293."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep
from sora.sieve.limits import Limits
from trial_tests.sieve.filters import World, errors_of, ran

OCTETS = (
    b"Received: from a\r\n"
    b"X-Hello: one\r\n"
    b"X-Hello: two\r\n"
    b" folded\r\n"
    b"X-Hello: three\r\n"
    b"Subject: Test\r\n"
    b"Auto-Submitted: auto-replied\r\n"
    b"\r\n"
    b"Body\r\n"
)


def edited(commands: str, octets: bytes = OCTETS, **more: Any) -> bytes:
    """The message that the implicit keep files."""
    outcome = ran(f'require ["editheader", "variables"]; {commands}', octets, **more)
    assert outcome.error is None, outcome.error
    assert outcome.keep is not None
    edit = outcome.keep.message
    return octets if edit is None else edit.octets(octets)


class AddTests(SynchronousTestCase):
    def test_first_and_last(self) -> None:
        """§4: at the beginning; with `:last` at the end."""
        self.assertEqual(edited('addheader "X-New" "x";'), b"X-New: x\r\n" + OCTETS)
        self.assertEqual(
            edited('addheader :last "X-New" "x";'),
            OCTETS.replace(b"\r\n\r\n", b"\r\nX-New: x\r\n\r\n"),
        )

    def test_what_cannot_stand_there_is_encoded(self) -> None:
        for value, expected in (
            ("für", b"X-New: =?utf-8?q?f=C3=BCr?=\r\n"),
            ("a\r\nBcc: b@example.com", b"X-New: a Bcc: b@example.com\r\n"),
            ("", b"X-New: \r\n"),
        ):
            new = edited(f'addheader "X-New" "{value}";').removesuffix(OCTETS)
            self.assertEqual(new, expected)

    def test_a_long_value_is_folded(self) -> None:
        new = edited('addheader "X-New" "' + "word " * 200 + '";').removesuffix(OCTETS)
        self.assertGreater(new.count(b"\r\n "), 5)
        self.assertTrue(all(len(line) <= 78 for line in new.split(b"\r\n")))

    def test_a_header_that_is_not_ended(self) -> None:
        self.assertEqual(
            edited('addheader :last "X-New" "x";', b"Subject: y"), b"Subject: y\r\nX-New: x\r\n\r\n"
        )


class DeleteTests(SynchronousTestCase):
    def test_which(self) -> None:
        """§5"""
        one, two, three = b"X-Hello: one\r\n", b"X-Hello: two\r\n folded\r\n", b"X-Hello: three\r\n"
        for arguments, gone in (
            ('"X-Hello"', [one, two, three]),
            ('"x-hello"', [one, two, three]),
            ('"X-None"', []),
            (':index 1 "X-Hello"', [one]),
            (':index 1 :last "X-Hello"', [three]),
            (':index 4 "X-Hello"', []),
            ('"X-Hello" "two folded"', [two]),
            ('"X-Hello" ["one", "three"]', [one, three]),
            (':contains "X-Hello" "o"', [one, two]),
            (':matches "X-Hello" "t*"', [two, three]),
            (':comparator "i;octet" "X-Hello" "ONE"', []),
            # Counted before the value is compared.
            (':index 1 :contains "X-Hello" "three"', []),
            (':index 3 :contains "X-Hello" "three"', [three]),
            # Without values, comparator and match type are ignored.
            (':contains :comparator "i;octet" "X-Hello"', [one, two, three]),
        ):
            expected = OCTETS
            for line in gone:
                expected = expected.replace(line, b"")
            self.assertEqual(edited(f"deleteheader {arguments};"), expected, arguments)

    def test_the_examples_of_section_7(self) -> None:
        commands = 'addheader "X-Hello" "World"; deleteheader :index 1 "X-Hello";'
        self.assertEqual(edited(commands), OCTETS)
        commands = 'deleteheader :index 1 "X-Hello"; deleteheader :index 2 "X-Hello";'
        self.assertEqual(
            edited(commands),
            OCTETS.replace(b"X-Hello: one\r\n", b"").replace(b"X-Hello: three\r\n", b""),
        )

    def test_what_stays(self) -> None:
        """§6: silently ignored."""
        for name in ("Received", "auto-submitted", "Return-Path", "X-Sieve-Redirected-From"):
            self.assertEqual(edited(f'deleteheader "{name}";'), OCTETS)
        self.assertEqual(edited('addheader "X-Sora-Hops" "0";'), OCTETS)
        self.assertEqual(edited('addheader "Original-Subject" "0";'), OCTETS)
        self.assertNotIn(b"Subject", edited('deleteheader "Subject";'))
        self.assertIn(b"Received: x", edited('addheader "Received" "x";'))


class InteractionTests(SynchronousTestCase):
    def test_tests_see_edits(self) -> None:
        """§7"""
        outcome = ran(
            """
            require ["editheader", "fileinto", "index"];
            addheader "X-Hello" "World"; deleteheader "Subject";
            if allof (header :index 1 "X-Hello" "World", not exists "Subject") { fileinto "a"; }
            """,
            OCTETS,
        )
        self.assertIsNone(outcome.error)
        self.assertEqual(len(outcome.actions), 1)

    def test_actions_have_the_edits_before_them(self) -> None:
        """§7, G46"""
        outcome = ran(
            """
            require ["editheader", "fileinto"];
            fileinto "none"; addheader "X-A" "1"; fileinto "one"; addheader "X-B" "2"; keep;
            deleteheader "X-A";
            """,
            OCTETS,
        )
        none, one = outcome.actions
        assert isinstance(none, FileInto) and isinstance(one, FileInto)
        assert one.message is not None
        self.assertEqual((none.message, one.message.octets(OCTETS)), (None, b"X-A: 1\r\n" + OCTETS))
        assert outcome.keep is not None and outcome.keep.message is not None
        self.assertEqual(outcome.keep.message.octets(OCTETS), b"X-B: 2\r\nX-A: 1\r\n" + OCTETS)

    def test_the_implicit_keep_has_all(self) -> None:
        self.assertIn(b"X-A: 1", edited('addheader "X-A" "1";'))

    def test_one_keep(self) -> None:
        """§7: keep; addheader; keep files one message."""
        self.assertIn(b"X-Flavor", edited('keep; addheader "X-Flavor" "vanilla"; keep;'))

    def test_an_error_keeps_the_original(self) -> None:
        """§7"""
        outcome = ran('require ["editheader", "ihave"]; addheader "X-A" "1"; error "x";', OCTETS)
        self.assertEqual(outcome.keep, Keep())

    def test_included_scripts(self) -> None:
        """RFC 6609 §3.5: edits are seen in both directions."""
        inner = 'require "editheader"; if exists "X-A" { addheader "X-B" "1"; }'
        outcome = ran(
            'require ["editheader", "include"]; addheader "X-A" "1"; include "inner";'
            'if exists "X-B" { discard; }',
            OCTETS,
            World(personal={"inner": inner}),
        )
        self.assertIsNone(outcome.keep)


class BoundTests(SynchronousTestCase):
    def test_the_header_has_a_limit(self) -> None:
        script = 'require "editheader";' + f'addheader "X-A" "{"a " * 40}";' * 12
        outcome = ran(script, OCTETS, limits=Limits(header=1000))
        assert outcome.error is not None
        self.assertIn("The header gets longer than 1000 octets", outcome.error.text)
        self.assertEqual(outcome.keep, Keep())

    def test_work_is_bounded(self) -> None:
        octets = b"X-A: b\r\n" * 100_000 + b"\r\n"
        outcome = ran('require "editheader";' + 'deleteheader :index 1 "X-A";' * 1500, octets)
        assert outcome.error is not None
        self.assertIn("does too much", outcome.error.text)

    def test_wrong_usage(self) -> None:
        for command, expected in (
            ('addheader "X A" "y";', '"X A" cannot be the name of a header field'),
            ('addheader "X:" "y";', "cannot be the name of a header field"),
            ('addheader "" "y";', "cannot be the name of a header field"),
            (f'addheader "{"x" * 71}" "y";', "cannot be the name of a header field"),
            ('addheader "für" "y";', "cannot be the name of a header field"),
            ('deleteheader "X A";', "cannot be the name of a header field"),
            ('deleteheader :last "X";', "':last' needs ':index'"),
            ('deleteheader :index 0 "X";', "':index' counts from 1"),
            ('deleteheader ["X", "Y"];', "must be a string"),
            ('addheader "X";', "takes 2 arguments (name, value), not 1"),
        ):
            found = errors_of(f'require "editheader"; {command}')
            self.assertEqual(len(found), 1, command)
            self.assertIn(expected, found[0])
        outcome = ran('require ["editheader", "variables"]; addheader "x${a}:" "y";')
        assert outcome.error is not None
        self.assertIn("cannot be the name", outcome.error.text)
