"""envelope-dsn, envelope-deliverby, redirect-dsn, redirect-deliverby: RFC 6009."""

from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import DeliverBy, Keep, Redirect
from sora.sieve.message import Envelope
from trial_tests.sieve.filters import errors_of, holds, ran

REQUIRES = "envelope envelope-dsn envelope-deliverby relational comparator-i;ascii-numeric"
FULL = Envelope(
    "a@example.com",
    "b@example.com",
    notify=("SUCCESS", "FAILURE"),
    orcpt="rfc822;b@example.org",
    ret="HDRS",
    envid="QQ314159",
    by_time=120,
    by_mode="R",
    by_trace=True,
)
LATE = Envelope(by_time=-30, by_mode="N")
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=timezone(timedelta(hours=1)))


class EnvelopeTests(SynchronousTestCase):
    def test_dsn(self) -> None:
        """§4"""
        for test, expected in (
            ('envelope "notify" "SUCCESS"', True),
            ('envelope "notify" "failure"', True),
            ('envelope "notify" "DELAY"', False),
            ('envelope :count "eq" "notify" "2"', True),
            ('envelope :matches "orcpt" "rfc822;*@example.org"', True),
            ('envelope "ret" "HDRS"', True),
            ('envelope "ENVID" "QQ314159"', True),
            ('envelope :count "eq" ["orcpt", "ret", "envid"] "3"', True),
        ):
            self.assertIs(holds(test, requires=REQUIRES, envelope=FULL), expected, test)

    def test_what_was_not_said(self) -> None:
        """§4, §5: matches nothing, and its count is 0."""
        parts = '["notify", "orcpt", "ret", "envid", "bytimeabsolute", "bytimerelative", "bymode", "bytrace"]'
        for test, expected in (
            (f'envelope :contains {parts} ""', False),
            (f'envelope :count "eq" {parts} "0"', True),
        ):
            self.assertIs(holds(test, requires=REQUIRES, envelope=Envelope()), expected, test)

    def test_deliverby(self) -> None:
        """§5"""
        for test, envelope, expected in (
            ('envelope "bytimerelative" "120"', FULL, True),
            ('envelope :contains "bytimerelative" "-"', LATE, True),
            ('envelope "bytimeabsolute" "2026-11-27T12:02:00+01:00"', FULL, True),
            ('envelope :zone "+0000" "bytimeabsolute" "2026-11-27T11:02:00Z"', FULL, True),
            ('envelope :zone "-0500" "bytimeabsolute" "2026-11-27T06:01:30-05:00"', LATE, False),
            ('envelope :zone "-0500" "bytimeabsolute" "2026-11-27T05:59:30-05:00"', LATE, True),
            ('envelope "bymode" "return"', FULL, True),
            ('envelope "bymode" "notify"', LATE, True),
            ('envelope "bytrace" "trace"', FULL, True),
            ('envelope "bytrace" ""', LATE, True),
            ('envelope :count "eq" "bytrace" "1"', LATE, True),
        ):
            self.assertIs(
                holds(test, requires=REQUIRES, envelope=envelope, now=NOW), expected, test
            )

    def test_the_end_of_time(self) -> None:
        for seconds in (10**14, -(10**14), 10**20):
            test = 'envelope :matches "bytimeabsolute" "*"'
            envelope = Envelope(by_time=seconds)
            self.assertFalse(holds(test, requires=REQUIRES, envelope=envelope, now=NOW))

    def test_they_are_no_addresses(self) -> None:
        """§4, §5: an address part beside them is an error."""
        for part in ("notify", "orcpt", "bytrace"):
            script = f'require ["envelope", "envelope-dsn", "envelope-deliverby"]; if envelope :all ["to", "{part}"] "x" {{}}'
            (found,) = errors_of(script)
            self.assertIn(f'The envelope part "{part}" is no address', found)

    def test_they_must_be_required(self) -> None:
        (found,) = errors_of('require "envelope"; if envelope "orcpt" "x" {}')
        self.assertIn('needs: require "envelope-dsn";', found)
        (found,) = errors_of('require "envelope"; if envelope :zone "+0000" "to" "x" {}')
        self.assertIn('needs: require "envelope-deliverby";', found)


class RedirectTests(SynchronousTestCase):
    def redirected(self, tags: str) -> Redirect:
        requires = 'require ["redirect-dsn", "redirect-deliverby", "copy"];'
        outcome = ran(f'{requires} redirect {tags} "x@example.com";')
        assert outcome.error is None, outcome.error
        (action,) = outcome.actions
        assert isinstance(action, Redirect)
        self.assertEqual(outcome.keep, Keep() if ":copy" in tags else None)
        return action

    def test_dsn(self) -> None:
        """§6"""
        for tags, expected in (
            (':notify "NEVER"', Redirect("x@example.com", ("NEVER",))),
            (':copy :notify "never"', Redirect("x@example.com", ("NEVER",))),
            (
                ':notify "SUCCESS,DELAY" :ret "full"',
                Redirect("x@example.com", ("SUCCESS", "DELAY"), "FULL"),
            ),
            (':ret "HDRS"', Redirect("x@example.com", ret="HDRS")),
        ):
            self.assertEqual(self.redirected(tags), expected)

    def test_deliverby(self) -> None:
        """§7"""
        at = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
        for tags, expected in (
            (":bytimerelative 600", DeliverBy(600)),
            (
                ':bytimerelative 600 :bymode "notify" :bytrace',
                DeliverBy(600, "notify", True),
            ),
            (':bytimeabsolute "2026-11-27T20:00:00Z" :bymode "RETURN"', DeliverBy(at)),
            (':bytimeabsolute "2026-11-27T20:00:00+0000"', DeliverBy(at)),
        ):
            self.assertEqual(self.redirected(tags).by, expected)

    def test_wrong_usage(self) -> None:
        for tags, expected in (
            (':notify "NEVER,SUCCESS"', 'is not "NEVER", nor a list'),
            (':notify "SUCCESS,SUCCESS"', 'is not "NEVER", nor a list'),
            (':notify ""', 'is not "NEVER", nor a list'),
            (':ret "ALL"', 'is not "FULL" or "HDRS"'),
            (':bymode "notify"', "':bymode' needs ':bytimerelative' or ':bytimeabsolute'"),
            (":bytrace", "':bytrace' needs"),
            (':bytimerelative 1 :bymode "x"', 'is not "notify" or "return"'),
            (':bytimeabsolute "tomorrow"', "is not a date and time"),
            (':bytimerelative 1 :bytimeabsolute "2026-11-27T20:00:00Z"', "exclude each other"),
        ):
            requires = 'require ["redirect-dsn", "redirect-deliverby"];'
            found = errors_of(f'{requires} redirect {tags} "x@example.com";')
            self.assertEqual(len(found), 1, (tags, found))
            self.assertIn(expected, found[0])
