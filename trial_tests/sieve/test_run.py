"""Scripts as a whole: what they come to (RFC 5228)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import Discard, FileInto, Keep, Redirect
from trial_tests.sieve.filters import MESSAGE, errors_of, holds, ran


class Actions(SynchronousTestCase):
    def test_implicit_keep(self) -> None:
        """RFC 5228 §2.10.2"""
        self.assertEqual(ran("").keep, Keep())
        self.assertEqual(ran("if size :over 500K { discard; }").keep, Keep())

    def test_discard(self) -> None:
        outcome = ran('if header :contains ["from"] ["coyote"] { discard; }')
        self.assertEqual((outcome.actions, outcome.keep), ((Discard(),), None))

    def test_all_act(self) -> None:
        """G45"""
        outcome = ran(
            """
            require ["fileinto", "copy"];
            fileinto "a";
            fileinto "b";
            redirect :copy "x@example.com";
            redirect "Y <y@EXAMPLE.com>";
            fileinto "a";
            """
        )
        self.assertEqual(
            outcome.actions,
            (FileInto("a"), FileInto("b"), Redirect("x@example.com"), Redirect("y@example.com")),
        )
        self.assertIsNone(outcome.keep)

    def test_copy_keeps(self) -> None:
        """RFC 3894 §2"""
        outcome = ran('require ["fileinto", "copy"]; fileinto :copy "a";')
        self.assertEqual((outcome.actions, outcome.keep), ((FileInto("a"),), Keep()))

    def test_stop(self) -> None:
        outcome = ran('require "fileinto"; if true { stop; } fileinto "a";')
        self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))

    def test_branches(self) -> None:
        """RFC 5228 §3.1"""
        script = """
            if header :contains "From" "coyote" { redirect "acm@example.com"; }
            elsif header :contains "Subject" "$$$" { redirect "postmaster@example.com"; }
            else { redirect "field@example.com"; }
        """
        for octets, address in (
            (MESSAGE, "acm@example.com"),
            (b"Subject: $$$\r\n\r\n", "postmaster@example.com"),
            (b"Subject: x\r\n\r\n", "field@example.com"),
        ):
            self.assertEqual(ran(script, octets).actions, (Redirect(address),))

    def test_tests(self) -> None:
        for test, expected in (
            ("true", True),
            ("not true", False),
            ("anyof (false, true)", True),
            ("allof (true, false)", False),
            ('header :is "subject" "i HAVE a present for you"', True),
            ('header :matches "Subject" "* present *"', True),
            ('address :domain "from" "DESERT.example.org"', True),
            ('address :localpart ["to", "cc"] "elmer+duck"', True),
            ('exists ["From", "Date"]', False),
            ("size :under 1K", True),
        ):
            self.assertEqual(holds(test), expected, test)

    def test_errors(self) -> None:
        self.assertEqual(
            errors_of('keep\nfileinto "x";\nkep;'),
            [
                "1:5: A semicolon is missing after 'keep'",
                "2:1: 'fileinto' needs: require \"fileinto\";",
                "3:1: There is no command 'kep'; did you mean 'keep'?",
            ],
        )
