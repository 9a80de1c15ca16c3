"""reject and ereject: RFC 5429."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import Discard, Keep, Reject, Remember
from trial_tests.sieve.filters import errors_of, ran

REQUIRES = 'require ["reject", "ereject", "fileinto", "vacation", "duplicate", "copy"];'


class RejectTests(SynchronousTestCase):
    def test_it_cancels_the_implicit_keep(self) -> None:
        for word, only_refuse in (("reject", False), ("ereject", True)):
            outcome = ran(f'require "{word}"; {word} "No.";')
            self.assertEqual(outcome.actions, (Reject("No.", only_refuse),))
            self.assertIsNone(outcome.keep)

    def test_it_excludes(self) -> None:
        """§2.4: once, not with vacation, not with what delivers; in either order."""
        for other, expected in (
            ('reject "y";', "A message can be rejected only once"),
            ('ereject "x";', "A message can be rejected only once"),
            ('vacation "y";', "'vacation' cannot answer a message that is rejected"),
            ("keep;", "A message that is rejected cannot be kept, filed or redirected, too"),
            (
                'fileinto "a";',
                "A message that is rejected cannot be kept, filed or redirected, too",
            ),
            (
                'fileinto :copy "a";',
                "A message that is rejected cannot be kept, filed or redirected, too",
            ),
            (
                'redirect "x@example.com";',
                "A message that is rejected cannot be kept, filed or redirected, too",
            ),
        ):
            outcome = ran(f'{REQUIRES}\nreject "x";\n{other}')
            assert outcome.error is not None, other
            self.assertEqual((outcome.error.line, outcome.error.text), (3, expected))
            self.assertEqual((outcome.actions, outcome.keep), ((), Keep()))
            outcome = ran(f'{REQUIRES}\n{other}\nreject "x";')
            assert outcome.error is not None, other
            self.assertEqual(outcome.error.line, 3)
            self.assertIn("rejected", outcome.error.text)

    def test_it_goes_with_others(self) -> None:
        outcome = ran(
            f'{REQUIRES} discard; if duplicate {{}} ereject "x";', b"Message-ID: <x>\r\n\r\n"
        )
        kinds = [type(action) for action in outcome.actions]
        self.assertEqual((outcome.error, kinds), (None, [Discard, Remember, Reject]))

    def test_only_what_is_executed_counts(self) -> None:
        script = f'{REQUIRES} if false {{ keep; }} if true {{ reject "x"; }} else {{ reject "y"; }}'
        self.assertEqual(ran(script).actions, (Reject("x"),))

    def test_wrong_usage(self) -> None:
        for script, expected in (
            ('reject "x";', "1:1: 'reject' needs: require \"reject\";"),
            ('require "reject"; ereject "x";', "1:19: 'ereject' needs: require \"ereject\";"),
            ('require "reject"; reject;', "1:19: 'reject' takes one argument (reason), not 0"),
            (
                'require "reject"; reject ["x", "y"];',
                "1:26: The argument 'reason' of 'reject' must be a string, not a list of strings",
            ),
        ):
            self.assertEqual(errors_of(script), [expected])
