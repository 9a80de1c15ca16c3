"""Names of scripts."""

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadName
from sora.mail.script_names import script_name


class ScriptNameTests(SynchronousTestCase):
    def test_names_that_are_kept_as_they_are(self) -> None:
        for name in ("main", "Main", "a/b", "../x", 'say "hi"', " ", "日本", "x" * 128, "é" * 128):
            self.assertEqual(script_name(name), name)

    def test_one_name_has_one_form(self) -> None:
        """RFC 5804 §1.6: Net-Unicode is NFC."""
        self.assertEqual(script_name("cafe\u0301"), "caf\u00e9")
        self.assertEqual(script_name("e\u0301" * 128), "\u00e9" * 128)

    def test_names_that_are_refused(self) -> None:
        """RFC 5804 §1.6"""
        forbidden = "\x00\x1f\r\n\t\x7f\x80\x9f\u2028\u2029\ud800"
        for name in ("", "x" * 129, "x" * 100_000, *(f"a{one}b" for one in forbidden)):
            with self.assertRaises(BadName, msg=repr(name[:10])):
                script_name(name)
