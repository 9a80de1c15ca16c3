"""encoded-character (RFC 5228 §2.4.2.4)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import errors_of, holds, ran


class EncodedCharacter(SynchronousTestCase):
    def test_examples(self) -> None:
        """The table of RFC 5228 §2.4.2.4, and more."""
        for source, value in (
            ("$${hex:40}", "$@"),
            ("${hex: 40 }", "@"),
            ("${HEX: 40}", "@"),
            ("${hex:40", "${hex:40"),
            ("${hex:400}", "${hex:400}"),
            ("${hex:4${hex:30}}", "${hex:40}"),
            ("${unicode:40}", "@"),
            ("${ unicode:40}", "${ unicode:40}"),
            ("${UNICODE:40}", "@"),
            ("${UnICoDE:0000040}", "@"),
            ("${Unicode:40}", "@"),
            ("${Unicode:Cool}", "${Unicode:Cool}"),
            ("${hex:}", "${hex:}"),
            ("${hex:4 4}", "\x04\x04"),
            ("${hex:24 24}", "$$"),
            ("${hex:c3 a4}", "ä"),
            ("${hex:c3}${hex:a4}", "ä"),
            ("${unicode:e4 20ac\r\n 1F600}", "ä€😀"),
            ("\\${hex:40}", "@"),
        ):
            script = f'require ["encoded-character", "ihave"]; error "{source}";'
            error = ran(script).error
            assert error is not None
            self.assertEqual(error.text, value, source)

    def test_errors(self) -> None:
        for source in (
            "${unicode:200000}",
            "${Unicode:DF01}",
            "${unicode:40 D800}",
            "${unicode:fffffffffffff}",
        ):
            (error,) = errors_of(f'require ["encoded-character", "ihave"]; error "{source}";')
            self.assertIn("There is no Unicode character", error)

    def test_message(self) -> None:
        test = 'header :contains "Subject" "$${hex:24 24}"'
        self.assertTrue(holds(test, b"Subject: $$$\r\n\r\n", "encoded-character"))
        self.assertFalse(holds(test, b"Subject: $$$\r\n\r\n"))

    def test_hostile(self) -> None:
        for source in (
            "${hex:" * 8000,
            "${hex:" + "4 " * 20_000,
            "${unicode:" + "0" * 50_000 + "}",
        ):
            errors_of(f'require ["encoded-character", "variables"]; set "a" "{source}";')
