"""fileinto (RFC 5228 §4.1) and copy (RFC 3894)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Keep, Redirect
from trial_tests.sieve.filters import errors_of, ran


class FileIntoTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Names are Unicode; hierarchy is "/"."""
        for name in ("INBOX", "odds & ends", "Entwürfe/日本", "a.b"):
            outcome = ran(f'require "fileinto"; fileinto "{name}";')
            self.assertEqual((outcome.actions, outcome.keep), ((FileInto(name),), None))

    def test_wrong_names(self) -> None:
        for name in ("", "a//b", "../x", "a\x01"):
            (error,) = errors_of(f'require "fileinto"; fileinto "{name}";')
            self.assertIn("cannot be the name of a mailbox", error)

    def test_same_once(self) -> None:
        """RFC 5228 §2.10.3"""
        outcome = ran('require "fileinto"; fileinto "a"; fileinto "b"; fileinto "a";')
        self.assertEqual(outcome.actions, (FileInto("a"), FileInto("b")))


class Copy(SynchronousTestCase):
    def test_keep_stays(self) -> None:
        """RFC 3894 §2.1"""
        outcome = ran(
            'require ["copy", "fileinto"]; fileinto :copy "a"; redirect :copy "b@example.com";'
        )
        self.assertEqual(outcome.actions, (FileInto("a"), Redirect("b@example.com")))
        self.assertEqual(outcome.keep, Keep())

    def test_another_action_cancels(self) -> None:
        outcome = ran('require ["copy", "fileinto"]; fileinto :copy "a"; fileinto "a";')
        self.assertEqual((outcome.actions, outcome.keep), ((FileInto("a"),), None))
