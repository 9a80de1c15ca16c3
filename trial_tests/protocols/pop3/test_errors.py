"""The table of errors."""

from twisted.trial.unittest import SynchronousTestCase

from sora import errors
from sora.protocols.pop3.errors import ANSWERS, answer_to
from sora.protocols.pop3.wire.answers import MAX_TEXT, negative, positive


class ErrorTests(SynchronousTestCase):
    def test_every_class_has_a_row(self) -> None:
        classes = [
            value
            for value in vars(errors).values()
            if isinstance(value, type) and issubclass(value, errors.SoraError)
        ]
        self.assertEqual([kind for kind in classes if kind not in ANSWERS], [])

    def test_a_class_without_a_row_is_like_its_ancestor(self) -> None:
        class Special(errors.InUse):
            pass

        self.assertEqual(answer_to(Special()).code, "IN-USE")

    def test_lines_are_single_and_ascii_and_bounded(self) -> None:
        self.assertEqual(negative("AUTH", "No\r\nway \u00fc"), b"-ERR [AUTH] No way \\xfc\r\n")
        self.assertEqual(positive(""), b"+OK\r\n")
        self.assertLessEqual(len(positive("x" * 1000)), MAX_TEXT + 6)
