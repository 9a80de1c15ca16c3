"""vacation (RFC 5230) and vacation-seconds (RFC 6131)."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep, Redirect, Vacation
from sora.sieve.extensions.vacation import DAY, Periods
from sora.sieve.run import Outcome
from trial_tests.sieve.filters import MESSAGE, errors_of, ran


def vacation(arguments: str, requires: str = '"vacation"', **more: Any) -> Vacation:
    outcome = ran(f"require [{requires}]; vacation {arguments};", **more)
    assert outcome.error is None, outcome.error
    (action,) = outcome.actions
    assert isinstance(action, Vacation)
    return action


def problem(outcome: Outcome) -> str:
    assert outcome.error is not None
    return outcome.error.text


class ActionTests(SynchronousTestCase):
    def test_all_arguments(self) -> None:
        action = vacation(
            ':days 23 :subject "Away" :from "Ann <ann@example.com>" '
            ':addresses ["a@example.com", "b@example.com"] :handle "h" "I am away."'
        )
        self.assertEqual(
            action,
            Vacation(
                "I am away.",
                "h",
                23 * DAY,
                "Away",
                "Ann <ann@example.com>",
                ("a@example.com", "b@example.com"),
            ),
        )

    def test_defaults(self) -> None:
        action = vacation('"I am away."')
        self.assertEqual(
            (action.seconds, action.subject, action.sender, action.addresses, action.mime),
            (7 * DAY, None, None, (), False),
        )

    def test_periods(self) -> None:
        """RFC 5230 §4.1: less than the minimum is the minimum, more than the most the most.
        RFC 6131 §2: the same in seconds, and 0 is allowed."""
        both = '"vacation-seconds"'
        hour = Periods(default=2 * DAY, least=3600, most=30 * DAY)
        for arguments, periods, expected in (
            (":days 0", Periods(), DAY),
            (":days 1", Periods(), DAY),
            (":days 5000", Periods(), 365 * DAY),
            (":seconds 0", Periods(), 0),
            (":seconds 1800", Periods(), 1800),
            (":seconds 2147483647", Periods(), 365 * DAY),
            ("", hour, 2 * DAY),
            (":seconds 0", hour, 3600),
            (":days 31", hour, 30 * DAY),
        ):
            action = vacation(f'{arguments} "x"', both, settings={"vacation": periods})
            self.assertEqual(action.seconds, expected, arguments)

    def test_it_keeps_the_message(self) -> None:
        """RFC 5230 §4.7: the implicit keep stays; it goes together with all that delivers."""
        self.assertEqual(ran('require "vacation"; vacation "x";').keep, Keep())
        outcome = ran(
            """
            require ["vacation", "fileinto"];
            fileinto "a"; vacation "x"; redirect "x@example.com"; keep;
            """
        )
        kinds = [type(action) for action in outcome.actions]
        self.assertEqual(kinds, [FileInto, Vacation, Redirect])

    def test_once(self) -> None:
        """RFC 5230 §4.7"""
        outcome = ran('require "vacation"; vacation "x";\nvacation "x";')
        self.assertEqual(problem(outcome), "'vacation' can be executed only once")
        assert outcome.error is not None
        self.assertEqual((outcome.error.line, outcome.keep), (2, Keep()))
        self.assertIsNone(ran('require "vacation"; if false { vacation "x"; } vacation "x";').error)


class HandleTests(SynchronousTestCase):
    """RFC 5230 §4.2: what tells one answer from another."""

    def test_arguments(self) -> None:
        """Subject, from, mime and reason make a difference; nothing else does."""
        same = ['"x"', ':days 3 "x"', ':addresses "a@example.com" "x"']
        others = [
            '"y"',
            ':subject "x" ""',
            ':from "a@example.com" "x"',
            ':mime "x"',
            ':subject "" "x"',
        ]
        self.assertEqual(len({vacation(one).handle for one in same}), 1)
        self.assertEqual(len({vacation(one).handle for one in same + others}), 6)

    def test_no_argument_is_taken_for_another(self) -> None:
        handles = {vacation(one).handle for one in (':subject "xy" "z"', ':subject "x" "yz"')}
        self.assertEqual(len(handles), 2)

    def test_variables_are_not_expanded(self) -> None:
        """One answer for all subjects: the example of the section."""
        script = """
            require ["vacation", "variables"];
            if header :matches "subject" "*" {
                vacation :subject "Automatic response to: ${1}" "I'm away";
            }
        """
        first, second = (
            ran(script, b"Subject: %s\r\n\r\n" % one).actions[0] for one in (b"a", b"b")
        )
        assert isinstance(first, Vacation) and isinstance(second, Vacation)
        self.assertEqual(first.subject, "Automatic response to: a")
        self.assertEqual(second.subject, "Automatic response to: b")
        self.assertEqual(first.handle, second.handle)

    def test_handle(self) -> None:
        self.assertEqual(vacation(':handle "ran-away" "I\'m out"').handle, "ran-away")


class WrongUsageTests(SynchronousTestCase):
    def test_compile_errors(self) -> None:
        for arguments, expected in (
            (':days 1 :seconds 1 "x"', "':days' and ':seconds' exclude each other"),
            (':from "nobody" "x"', '"nobody" is not an address, nor a list of addresses'),
            (':from "a@example.com\r\nBcc: b" "x"', "is not an address"),
            (':days "1" "x"', "must be a number"),
            ("", "takes one argument (reason), not 0"),
            (':mime "Subject: für\r\n\r\nx"', "must be in ASCII"),
            (':fcc "x" "x"', "':fcc' needs: require \"fcc\";"),
        ):
            found = errors_of(f'require ["vacation-seconds"]; vacation {arguments};')
            self.assertEqual(len(found), 1, (arguments, found))
            self.assertIn(expected, found[0])

    def test_seconds_must_be_required(self) -> None:
        """RFC 6131 §2: it brings vacation; vacation does not bring it."""
        self.assertEqual(
            errors_of('require "vacation"; vacation :seconds 1 "x";'),
            ["1:30: ':seconds' needs: require \"vacation-seconds\";"],
        )

    def test_at_run_time(self) -> None:
        start = 'require ["vacation", "variables"]; set "x" '
        for script, expected in (
            ('"nobody"; vacation :from "${x}" "x";', "is not an address"),
            ('"Subject: für"; vacation :mime "${x}";', "must be in ASCII"),
        ):
            self.assertIn(expected, problem(ran(start + script)))

    def test_edits_before_it(self) -> None:
        """What it looks at is the header as it is then (RFC 5293 §7)."""
        edited = vacation('"x"', '"vacation", "editheader"').message
        self.assertIsNone(edited)
        outcome = ran(
            'require ["vacation", "editheader"]; deleteheader "Subject"; vacation "x"; keep;'
        )
        action = outcome.actions[0]
        assert isinstance(action, Vacation) and action.message is not None
        self.assertNotIn(b"Subject", action.message.octets(MESSAGE))
