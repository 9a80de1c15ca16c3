"""duplicate: RFC 7352."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import Discard, Keep, Remember, SeenBefore
from sora.sieve.extensions.duplicate import DEFAULT, MOST
from trial_tests.sieve.filters import World, errors_of, ran

OCTETS = (
    b"Message-ID: <one@example.com>\r\nX-Id:  =?utf-8?q?f=C3=BCr?=\r\n  two \r\nX-Id: other\r\n\r\n"
)
ONE = "<one@example.com>"


class DuplicateTests(SynchronousTestCase):
    def test_what_is_asked_and_remembered(self) -> None:
        """§3.1: Message-ID, another field, or a string of the script; §3.3: for how long."""
        for arguments, id, seconds in (
            ("", ONE, DEFAULT),
            (':header "message-id"', ONE, DEFAULT),
            (':header "X-Id"', "für  two", DEFAULT),
            (':uniqueid "x"', "x", DEFAULT),
            (':uniqueid "X" :seconds 60', "X", 60),
            (f":seconds {MOST + 1}", ONE, MOST),
        ):
            world = World()
            outcome = ran(
                f'require "duplicate"; if duplicate {arguments} {{ discard; }}', OCTETS, world
            )
            self.assertEqual(world.asked, [SeenBefore("", id)], arguments)
            self.assertEqual(outcome.actions, (Remember("", id, seconds),))
            self.assertEqual(outcome.keep, Keep())

    def test_seen(self) -> None:
        """§3.3: without `:last` it is forgotten as if it had not come again."""
        for last, expected in (("", ()), (":last", (Remember("h", ONE, 60, True),))):
            world = World(seen=(("h", ONE),))
            test = f'duplicate :handle "h" :seconds 60 {last}'
            outcome = ran(f'require "duplicate"; if {test} {{ discard; }}', OCTETS, world)
            self.assertEqual(outcome.actions, (*expected, Discard()))
            self.assertIsNone(outcome.keep)

    def test_handles(self) -> None:
        """§3.2"""
        world = World(seen=(("h", ONE),))
        for arguments, expected in (("", False), (':handle "h"', True), (':handle "H"', False)):
            outcome = ran(
                f'require "duplicate"; if duplicate {arguments} {{ discard; }}', OCTETS, world
            )
            self.assertIs(outcome.keep is None, expected, arguments)

    def test_no_id(self) -> None:
        """§3.1: without the field, with a name that is none, with :seconds 0: false, and nothing is
        remembered."""
        for arguments in (':header "x-none"', ':header "x y:"', ":seconds 0", ':uniqueid ""'):
            world = World()
            outcome = ran(
                f'require "duplicate"; if duplicate {arguments} {{ discard; }}', OCTETS, world
            )
            self.assertEqual((world.asked, outcome.actions, outcome.keep), ([], (), Keep()))

    def test_the_same_result_for_the_same_test(self) -> None:
        """§3: what this run has seen itself does not count; the world is asked once."""
        world = World(
            personal={"inner": 'require ["duplicate", "reject"]; if duplicate { reject "x"; }'}
        )
        outcome = ran(
            'require ["duplicate", "include"]; if duplicate { discard; } include "inner";',
            OCTETS,
            world,
        )
        self.assertEqual(outcome.keep, Keep())
        self.assertEqual(
            [one for one in world.asked if isinstance(one, SeenBefore)], [SeenBefore("", ONE)]
        )

    def test_nothing_after_an_error(self) -> None:
        """§3: only a script that ends well records anything."""
        outcome = ran('require ["duplicate", "ihave"]; if duplicate {} error "x";', OCTETS)
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))

    def test_only_what_is_evaluated(self) -> None:
        outcome = ran('require "duplicate"; if allof (false, duplicate) {}', OCTETS)
        self.assertEqual(outcome.actions, ())

    def test_wrong_usage(self) -> None:
        for arguments, expected in (
            (':header "x" :uniqueid "y"', "':header' and ':uniqueid' exclude each other"),
            (':seconds "1"', "must be a number"),
            ('"x"', "'duplicate' takes no arguments but tags"),
            (":index 1", "has no ':index'"),
        ):
            found = errors_of(f'require "duplicate"; if duplicate {arguments} {{}}')
            self.assertEqual(len(found), 1)
            self.assertIn(expected, found[0])
