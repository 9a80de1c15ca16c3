from base64 import b64decode

from twisted.trial.unittest import SynchronousTestCase

from sora.auth.scram import prepared, saslprep, scram_sha_256_keys


class ScramTests(SynchronousTestCase):
    def test_the_keys_that_doveadm_makes(self) -> None:
        # doveadm pw -s SCRAM-SHA-256 -p "correct horse"
        salt = b64decode("id8Zlfx/MVjWROXz/Ht8hw==")
        expected = (
            "SCRAM-SHA-256$4096:id8Zlfx/MVjWROXz/Ht8hw==$6JrOEoprJqNnyrmELzZ1wn6QlsPoudh0sTBjX0CMZfE="
            ":CEcQMWMFpcZWboZo7fXt3eBPGcxDGGWDWk+sNWjC+YI="
        )
        self.assertEqual(scram_sha_256_keys("correct horse", salt, 4096), expected)

    def test_saslprep(self) -> None:
        """RFC 4013 §3"""
        table = [
            ("I\u00adX", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u00aa", "a"),
            ("\u2168", "IX"),
            ("a\u00a0b", "a b"),
        ]
        for text, result in table:
            self.assertEqual(saslprep(text), result)
        for text in ("\u0007", "\u0627\u0031"):
            self.assertRaises(ValueError, saslprep, text)

    def test_what_saslprep_forbids_is_used_as_it_is(self) -> None:
        self.assertEqual(prepared("\u0007"), b"\x07")
