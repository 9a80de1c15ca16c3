"""`redirect` (RFC 5228 §4.2), and which addresses mail can be sent to (RFC 5228 §2.4.2.3)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import Keep, Redirect
from sora.sieve.limits import Limits
from sora.sieve.outbound import outbound
from trial_tests.sieve.filters import errors_of, ran


class Addresses(SynchronousTestCase):
    def test_table(self) -> None:
        for text, expected in (
            ("bart@example.com", "bart@example.com"),
            ("bart@EXAMPLE.com", "bart@example.com"),
            ("Bart <bart@example.com>", "bart@example.com"),
            ('"B, S" <bart@example.com>', "bart@example.com"),
            ("<bart@example.com>", "bart@example.com"),
            ('"a b"@example.com', '"a b"@example.com'),
            (r'"a\"b"@example.com', r'"a\"b"@example.com'),
            ('"ab"@example.com', "ab@example.com"),
            ("jörg@example.com", "jörg@example.com"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("", None),
            ("bart", None),
            ("bart@", None),
            ("@example.com", None),
            ("a@example.com, b@example.com", None),
            ("Group: a@example.com;", None),
            ("<@route.example:a@example.com>", None),
            ("a@b@c", None),
            ("a b@example.com", None),
            ("a..b@example.com", None),
            (".a@example.com", None),
            ("a@example.com>", None),
            ("Name a@example.com", None),
            (" a@example.com ", "a@example.com"),
            (r'"a\\b"@example.com', r'"a\\b"@example.com'),
            (r'"a\b"@example.com', "ab@example.com"),
            ("a@exa mple.com", None),
            ("a@example.com\r\nBcc: b@example.com", None),
            ("a@example.com\0", None),
            ("a@[127.0.0.1]", None),
            ("x" * 65 + "@example.com", None),
            ("a" * 100_000, None),
        ):
            self.assertEqual(outbound(text), expected, text[:80])


class Actions(SynchronousTestCase):
    def test_same_address_once(self) -> None:
        outcome = ran('redirect "a@example.com"; redirect "A <a@EXAMPLE.COM>";')
        self.assertEqual(outcome.actions, (Redirect("a@example.com"),))

    def test_limit(self) -> None:
        """Too many are an error; then nothing of the script is done, and the mail is kept (G45)."""
        script = "".join(f'redirect "a{number}@example.com";' for number in range(3))
        self.assertEqual(len(ran(script, limits=Limits(redirects=3)).actions), 3)
        outcome = ran(script, limits=Limits(redirects=2))
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))
        self.assertIn("more than 2 addresses", str(outcome.error))

    def test_variables(self) -> None:
        script = 'require "variables"; set "a" "{}"; redirect "${{a}}";'
        self.assertEqual(ran(script.format("x@example.com")).actions, (Redirect("x@example.com"),))
        outcome = ran(script.format("nobody"))
        self.assertEqual(
            str(outcome.error),
            'line 1, column 40: "nobody" is not an address that mail can be sent to',
        )

    def test_no_redirects(self) -> None:
        self.assertEqual(errors_of('redirect "a@example.com";'), [])
        self.assertIsNotNone(ran('redirect "a@example.com";', limits=Limits(redirects=0)).error)
