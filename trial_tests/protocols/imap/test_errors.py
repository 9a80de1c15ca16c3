"""Errors of the domain in IMAP's words."""

import inspect

from twisted.trial.unittest import SynchronousTestCase

from sora import errors
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE
from sora.protocols.imap.errors import ANSWERS, Answer, answer_to


class ErrorTests(SynchronousTestCase):
    def test_every_error_has_a_row(self) -> None:
        classes = {
            each
            for _, each in inspect.getmembers(errors, inspect.isclass)
            if issubclass(each, errors.SoraError)
        }
        self.assertEqual(classes - set(ANSWERS), set())

    def test_rows_are_conditions_and_codes_in_brackets(self) -> None:
        for error, answer in ANSWERS.items():
            self.assertIn(answer.condition, (b"NO", b"BAD"))
            if error is errors.BadURL:
                continue
            self.assertRegex(
                answer.code_of(error()), rb"^(\[[A-Z-]+( [A-Z]+)*( [0-9]+)?( \([A-Z0-9 -]+\))?\])?$"
            )

    def test_a_url_that_is_of_no_use_is_named(self) -> None:
        """RFC 4469 §4.1"""
        error = errors.BadURL(b"/a/;UID=1")
        self.assertEqual(answer_to(error, {}).code_of(error), b'[BADURL "/a/;UID=1"]')

    def test_a_subclass_is_answered_as_its_nearest_ancestor(self) -> None:
        class Narrow(errors.NoSuchMailbox):
            """A narrower error."""

        self.assertEqual(answer_to(Narrow(), {}), Answer(b"NO", b"[NONEXISTENT]"))
        self.assertEqual(answer_to(errors.BadArgument(), NUMBERS_OUT_OF_RANGE), Answer(b"BAD"))
