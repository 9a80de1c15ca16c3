"""enotify: RFC 5435, with mailto: RFC 5436."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.compile import compile_script
from sora.sieve.effects import Keep, Notify
from sora.sieve.limits import Limits
from trial_tests.sieve.filters import errors_of, holds, ran

TO = '"mailto:alm@example.com"'


def notified(arguments: str, **more: Any) -> Notify:
    outcome = ran(f'require ["enotify", "variables"]; notify {arguments};', **more)
    assert outcome.error is None, outcome.error
    assert outcome.keep == Keep()
    (action,) = outcome.actions
    assert isinstance(action, Notify)
    return action


class NotifyTests(SynchronousTestCase):
    def test_arguments(self) -> None:
        """RFC 5435 §3"""
        self.assertEqual(notified(TO), Notify("mailto:alm@example.com", 2))
        action = notified(
            f':importance "1" :from "Me <me@example.com>" :options ["a=b", "c.d="] :message "Hi" {TO}'
        )
        self.assertEqual(
            action,
            Notify("mailto:alm@example.com", 1, "Me <me@example.com>", ("a=b", "c.d="), "Hi"),
        )

    def test_several(self) -> None:
        """RFC 5435 §7: with all other actions; the implicit keep stays. The same twice is one."""
        outcome = ran(
            """
            require ["enotify", "fileinto"];
            notify "mailto:a@example.com"; fileinto "a"; notify "mailto:b@example.com";
            notify "mailto:a@example.com";
            """
        )
        self.assertEqual(len(outcome.actions), 3)

    def test_what_cannot_be_notified_is_an_error_when_it_is_used(self) -> None:
        """RFC 5435 §3.2"""
        for uri, expected in (
            ("xmpp:tim@example.com", "the method 'xmpp' is not supported, only 'mailto'"),
            ("tel:+14085551212", "is not supported"),
            ("nothing", "this is not a URI"),
            ("", "this is not a URI"),
        ):
            script = compile_script(f'require "enotify"; notify "{uri}";')
            self.assertEqual(len(script.warnings), 1)
            outcome = ran(script)
            assert outcome.error is not None
            self.assertIn(expected, outcome.error.text)
            self.assertIsNone(ran(f'require "enotify"; if false {{ notify "{uri}"; }}').error)

    def test_nobody(self) -> None:
        outcome = ran('require "enotify"; notify "mailto:";')
        self.assertEqual((outcome.error, outcome.actions, outcome.keep), (None, (), Keep()))

    def test_recipients_are_limited(self) -> None:
        notifies = [f'notify "mailto:a{n}@example.com?cc=b{n}@example.com";' for n in range(3)]
        script = f'require "enotify"; {" ".join(notifies)}'
        self.assertIsNone(ran(script, limits=Limits(redirects=6)).error)
        outcome = ran(script, limits=Limits(redirects=5))
        assert outcome.error is not None
        self.assertIn("notifies more than 5 addresses", outcome.error.text)

    def test_compile_errors(self) -> None:
        for arguments, expected in (
            ('"mailto:nobody"', "is not an address"),
            ('"mailto:a@example.com?x"', "not valid"),
            (f':importance "4" {TO}', '"4" is not an importance'),
            (f":importance 1 {TO}", "must be a string, not a number"),
            (f':from "me" {TO}', "is not an address"),
            (f':options "x" {TO}', '"x" is not an option: that is name=value'),
            (f':options "-x=y" {TO}', "is not an option"),
            ("", "takes one argument (method), not 0"),
        ):
            found = errors_of(f'require "enotify"; notify {arguments};')
            self.assertEqual(len(found), 1, arguments)
            self.assertIn(expected, found[0])

    def test_at_run_time(self) -> None:
        start = 'require ["enotify", "variables"]; set "x" '
        for script, expected in (
            (f'"7"; notify :importance "${{x}}" {TO};', "is not an importance"),
            (f'"me"; notify :from "${{x}}" {TO};', "is not an address"),
            ('"b c"; notify "mailto:a@example.com?body=${x}";', "not a valid mailto"),
        ):
            outcome = ran(start + script)
            assert outcome.error is not None
            self.assertIn(expected, outcome.error.text)


class MethodTests(SynchronousTestCase):
    def test_valid_notify_method(self) -> None:
        """RFC 5435 §4: all of them; the same as `notify` checks."""
        for uris, expected in (
            (TO, True),
            ('"mailto:"', True),
            ('["mailto:a@example.com", "mailto:b@example.com"]', True),
            ('["mailto:", "http://gw.example.net/notify?test"]', False),
            ('"mailto:nobody"', False),
            ('"MAILTO:a@example.com"', True),
        ):
            self.assertIs(holds(f"valid_notify_method {uris}", requires="enotify"), expected, uris)

    def test_capability(self) -> None:
        """RFC 5435 §5, RFC 5436 §2.2, RFC 8580 §6.1"""
        for arguments, expected in (
            (f'{TO} "online" "maybe"', True),
            (f'{TO} "ONLINE" "MAYBE"', True),
            (f'{TO} "online" ["yes", "no"]', False),
            ('"mailto:" "fcc" "yes"', True),
            (f'{TO} "other" ""', False),
            ('"xmpp:tim@example.com" "online" "maybe"', False),
            ('"mailto:nobody" "online" "maybe"', False),
            (f':comparator "i;octet" {TO} "online" "MAYBE"', False),
            (f':count "eq" {TO} "online" "1"', True),
            (f':count "eq" {TO} "other" "0"', False),
        ):
            test = f"notify_method_capability {arguments}"
            self.assertIs(holds(test, requires="enotify relational"), expected, arguments)


class EncodeUrlTests(SynchronousTestCase):
    def test_encodeurl(self) -> None:
        """RFC 5435 §6: precedence 15, behind the letters and before the length."""
        for modifiers, value, expected in (
            (":encodeurl", "Safe body&evil=evilbody", "Safe%20body%26evil%3Devilbody"),
            (":encodeurl", "a-._~Z9", "a-._~Z9"),
            (":encodeurl", "ü/", "%C3%BC%2F"),
            (":encodeurl :upper", "a b", "A%20B"),
            (":length :encodeurl", "a b", "5"),
        ):
            script = (
                f'set {modifiers} "x" "{value}"; if string "${{x}}" "{expected}" {{ discard; }}'
            )
            outcome = ran(f'require ["enotify", "variables"]; {script}')
            self.assertIsNone(outcome.keep, modifiers)

    def test_it_needs_both_extensions(self) -> None:
        found = errors_of('require "variables"; set :encodeurl "x" "y";')
        self.assertEqual(found, ["1:26: ':encodeurl' needs: require \"enotify\";"])
