"""What verifiers are in words, and hashes that were made elsewhere."""

from twisted.trial.unittest import SynchronousTestCase

from sora.auth.passwords import verify
from sora.auth.schemes import description_of, secrets_of_hash
from sora.auth.scram import scram_sha_256_keys
from sora.errors import BadArgument
from trial_tests.auth.test_passwords import KNOWN

SALT = b"0123456789abcdef"


class SchemeTests(SynchronousTestCase):
    """Hashes come with those who move in."""

    def test_what_others_have_made_is_taken_as_it_is(self) -> None:
        """And verifies the password."""
        for password, verifier in KNOWN:
            [secret] = secrets_of_hash(f" {verifier}\n")
            self.assertEqual((secret.kind, secret.verifier), ("password", verifier))
            self.assertTrue(verify(password, secret.verifier))

    def test_scram_keys_of_postgresql_and_of_dovecot(self) -> None:
        """They verify a password that is sent, too."""
        keys = scram_sha_256_keys("secret", SALT, 4096)
        of, rest = keys.removeprefix("SCRAM-SHA-256$").split("$")
        stored, server = rest.split(":")
        braced = "{SCRAM-SHA-256}" + ",".join([*of.split(":"), stored, server])
        for given in (keys, braced):
            made = secrets_of_hash(given)
            self.assertEqual([one.kind for one in made], ["password", "scram-sha-256"])
            self.assertEqual({one.verifier for one in made}, {keys})
        self.assertTrue(verify("secret", keys))
        self.assertFalse(verify("Secret", keys))

    def test_what_nobody_could_log_in_with_is_refused(self) -> None:
        """With the reason."""
        keys = scram_sha_256_keys("secret", SALT, 4096)
        for given, reason in (
            ("", "one line"),
            ("x" * 1025, "one line"),
            ("$2b$12$é", "one line"),
            ("{PLAIN}secret", "is a password and no hash"),
            ("secret", "not verified here"),
            ("$1$salt$abcdefghijklmnopqrstuv", "MD5-crypt"),
            ("$y$j9T$salt$hash", "yescrypt"),
            ("{ARGON2ID}$argon2id$v=19$m=1,t=1,p=1$c$d", "ARGON2ID"),
            ("$argon2id$v=19$m=1,t=1,p=1$c$d", "Argon2"),
            ("{CRAM-MD5}0123", "CRAM-MD5"),
            ("$2b$18$" + "a" * 53, "at most 17"),
            ("$6$rounds=9999999$salt$" + "a" * 86, "at most 200000"),
            ("$6$salt$" + "a" * 85, "damaged"),
            ("{SSHA512}" + "QUFB", "damaged"),
            ("{SSHA512}%", "damaged"),
            (keys[:-8], "damaged"),
            (keys.replace("4096", "4095"), "4096 to"),
            (keys.replace("4096", "1000001"), "4096 to"),
        ):
            error = self.assertRaises(BadArgument, secrets_of_hash, given)
            self.assertIn(reason, error.text, given)

    def test_nothing_of_a_hash_is_in_its_description(self) -> None:
        """Only the scheme and its cost (G69)."""
        found = [description_of(verifier) for _, verifier in KNOWN]
        self.assertIn("bcrypt, cost 5", found)
        self.assertIn("SHA512-CRYPT, 1000 rounds", found)
        self.assertIn("SSHA512", found)
        for verifier, said in (
            (scram_sha_256_keys("secret", SALT, 4096), "SCRAM-SHA-256, 4096 iterations"),
            ("{PLAIN}secret", "PLAIN, not verified"),
            ("secret", "unknown, not verified"),
        ):
            self.assertEqual(description_of(verifier), said)
