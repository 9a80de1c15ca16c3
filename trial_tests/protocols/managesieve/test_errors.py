"""Errors of the domain in ManageSieve's words."""

import inspect

from twisted.trial.unittest import SynchronousTestCase

from sora import errors
from sora.protocols.managesieve.errors import CODES, TRYLATER, code_of
from sora.sieve.errors import ScriptError, ScriptErrors


class ErrorTests(SynchronousTestCase):
    def test_every_error_has_a_row(self) -> None:
        classes = {
            each
            for _, each in inspect.getmembers(errors, inspect.isclass)
            if issubclass(each, errors.SoraError)
        }
        self.assertEqual(classes - set(CODES), set())

    def test_codes_are_those_of_the_rfc(self) -> None:
        """RFC 5804 §1.3"""
        known = {
            b"",
            b"ACTIVE",
            b"ALREADYEXISTS",
            b"ENCRYPT-NEEDED",
            b"NONEXISTENT",
            b"QUOTA",
            b"QUOTA/MAXSCRIPTS",
            b"QUOTA/MAXSIZE",
            b"TRYLATER",
        }
        self.assertEqual(set(CODES.values()), known)

    def test_what_may_pass_is_to_be_tried_again(self) -> None:
        for kind in (errors.Unavailable, errors.OutcomeUnknown, errors.ShuttingDown):
            self.assertEqual(code_of(kind(), {}), TRYLATER)

    def test_a_subclass_is_answered_as_its_nearest_ancestor(self) -> None:
        class Narrow(errors.NoSuchScript):
            """A narrower error."""

        self.assertEqual(code_of(Narrow(), {}), b"NONEXISTENT")
        self.assertEqual(code_of(ScriptErrors([ScriptError(1, 1, "no")]), {}), b"")
        self.assertEqual(code_of(errors.TooMany(), {errors.TooMany: TRYLATER}), TRYLATER)
