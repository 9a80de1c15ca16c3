from collections.abc import Callable
from hashlib import sha256
from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from sora.auth.passwords import (
    MAX_PASSWORD_OCTETS,
    dummy_verifier,
    first_match,
    hash_password,
    new_secrets,
    scheme_of,
    verify,
)
from sora.errors import BadArgument

LONG = "a-much-longer-password-of-more-than-sixty-four-octets-so-that-blocks-matter-here"

# Made with `doveadm pw` and `openssl passwd`.
KNOWN = [
    ("correct horse", "{BLF-CRYPT}$2y$05$f1K2pGFI5qBvgpQIh.9ee.bxtSPG6QJsCoEa2ptcS673mn7RYahju"),
    ("correct horse", "$2y$05$f1K2pGFI5qBvgpQIh.9ee.bxtSPG6QJsCoEa2ptcS673mn7RYahju"),
    ("correct horse", "$2a$05$f1K2pGFI5qBvgpQIh.9ee.bxtSPG6QJsCoEa2ptcS673mn7RYahju"),
    ("correct horse", "{CRYPT}$2b$05$f1K2pGFI5qBvgpQIh.9ee.bxtSPG6QJsCoEa2ptcS673mn7RYahju"),
    ("pässwörd", "{BLF-CRYPT}$2y$04$cCo3KixSdF31XmWP.85Am.Hhkfdyr1cAjkEuJfagsefhzWW9y13ry"),
    (
        "correct horse",
        "{SSHA512}DXWMrjCg3lACtGVtLoqBIfHXLkz6jrgob4dRHtIENfuw1L4DVCT+XiL22agJj2akJhIR0Sv0RFOM91UT7pTQXXogVAo=",
    ),
    (
        "correct horse",
        "{SSHA512.HEX}fc4354dbe341e7af17ebe658033bf95fe8eea9cc9fa160b5c681a015d87c7fcb2dfe8c33530b61bce89f9d814b3402fec7cd10b8443b46dee0cee9801aa3061e3697694b",
    ),
    (
        "correct horse",
        "{SSHA512.b64}A2iL8VxyxtrxTaJor+tmb5EsjMB4CbeT+Bp7WwX7gcfNpDf/pfwPTF/XJGVAd1zIDnFD/Jzw7mD3dABh2IkWdVc/ks4=",
    ),
    (
        "correct horse",
        "{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
    ),
    (
        "correct horse",
        "{SHA512.HEX}56b698defedb5a435b634afe3320bbaf3fdcd920b6c503a446fc7b7a776b298d479d1ba6a8b617808eb0bf579ce9a95d668347bcab7149085ac93cb27995197b",
    ),
    ("correct horse", "{SSHA}/ZaXANoj+p0mUWLg2HxAqFTK5mqM+uQ3"),
    ("correct horse", "{SSHA256}N4MuJbWDUICNZ6aR1ruvtzVbRA0IrHixobKehkJ4nkiHEfbV"),
    ("correct horse", "{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE="),
    ("correct horse", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="),
    (
        "correct horse",
        "{SHA512-CRYPT}$6$iuKNLrVoptMTX9JR$gB.afATJD6fQH2QwSOgkr9icFKk0DrDFBKohsyP9c/VXxYsO/vp7fha9N0lU2FEOSEDDmbZrsCEIKcDJX/vdh.",
    ),
    (
        "correct horse",
        "{SHA256-CRYPT}$5$Yu7xdGAMkHUDvNK1$kvahrSpz9rYnR9QCGKM25pF0ZvQwKf55pz/XVPMlgB6",
    ),
    (
        "pässwörd",
        "{SHA512-CRYPT}$6$rounds=1000$V/Mt3OVSlXi5Y2or$kNuwCH9dsJZ4mnSy1GuHZmRLxteIixu4yXkWHWRcru2vpph/h2c0Rqwq.TExwcWkyWGIjC1EG.tHfpX7o6Wiu0",
    ),
    (LONG, "$5$rounds=7777$0U7V9wkbdOF9M6J8$ySIrZu0e4u1DnXDpRP560sdVmpII6Bqs3pZk8tfqH8B"),
    (
        LONG,
        "{SHA512-CRYPT}$6$llwN1SltVEydBSwP$013EXXgREbNhjvvEHl9beWxQ210D7P9E5YYE2dgwysvYsJojawyahy1EzXP9dESrEepiA.M.KBVj4UVFOZyWk.",
    ),
    (
        "xyz",
        "$6$abc$6H782Lbu1TnkAkF5OpILDDIjS.Lub/Otke/G9pEmEOpwohiAOPvWJaMySaIlSEyqhKuX2y2KU2O49tVsyFIVb0",
    ),
]

UNUSABLE = [
    "",
    "correct horse",
    "{PLAIN}correct horse",
    "{CLEARTEXT}correct horse",
    "{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29",
    "{SHA512}not base64",
    "{SHA512}QUJD",
    "{SSHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
    "{BLF-CRYPT}$2y$05$short",
    "$2y$99$f1K2pGFI5qBvgpQIh.9ee.bxtSPG6QJsCoEa2ptcS673mn7RYahju",
    "$2y$31$f1K2pGFI5qBvgpQIh.9ee.bxtSPG6QJsCoEa2ptcS673mn7RYahju",
    "$6$rounds=999999999$abc$6H782Lbu1TnkAkF5OpILDDIjS",
    "$6$",
    "$1$abc$def",
    "{}x",
]


def counting() -> Callable[[int], bytes]:
    numbers = count()
    return lambda size: sha256(b"%d" % next(numbers)).digest()[:size]


class VerifyTests(SynchronousTestCase):
    def test_hashes_of_other_programs(self) -> None:
        for password, verifier in KNOWN:
            self.assertTrue(verify(password, verifier), verifier)
            for wrong in (
                "",
                "x",
                password + "x",
                password[:-1],
                password.upper(),
                password + "\0",
            ):
                self.assertFalse(verify(wrong, verifier), (wrong, verifier))

    def test_what_metrics_call_a_scheme(self) -> None:
        """One of few words, whatever is stored (G66)."""
        found = {scheme_of(verifier) for _, verifier in KNOWN}
        self.assertGreaterEqual(found, {"bcrypt", "ssha512", "sha512-crypt"})
        self.assertNotIn("other", found)
        for verifier in ("{PLAIN}secret", "secret", "{X-MADE-UP}x", "{ARGON2ID}$argon2id$", ""):
            self.assertEqual(scheme_of(verifier), "other")

    def test_what_is_no_hash_is_matched_by_nothing(self) -> None:
        for verifier in UNUSABLE:
            for password in ("correct horse", "x", ""):
                self.assertFalse(verify(password, verifier), verifier)

    def test_a_password_beyond_bcrypts_72_octets_is_wrong_not_cut(self) -> None:
        verifier = hash_password("x" * 72, "bcrypt", counting(), cost=4)
        self.assertTrue(verify("x" * 72, verifier))
        self.assertFalse(verify("x" * 73, verifier))

    def test_an_endless_password_is_not_hashed(self) -> None:
        verifier = hash_password("x" * MAX_PASSWORD_OCTETS, "sha512", counting())
        self.assertTrue(verify("x" * MAX_PASSWORD_OCTETS, verifier))
        self.assertFalse(verify("x" * 10_000_000, verifier))

    def test_the_first_match_is_found_among_several(self) -> None:
        verifiers = [verifier for _, verifier in KNOWN]
        dummy = dummy_verifier(counting(), 4)
        self.assertEqual(first_match("pässwörd", verifiers, dummy), 4)
        self.assertIsNone(first_match("nobody's", verifiers, dummy))
        self.assertIsNone(first_match("", [], dummy))

    def test_the_dummy_matches_nothing_and_is_real_work(self) -> None:
        """G51"""
        dummy = dummy_verifier(counting(), 4)
        self.assertRegex(dummy, r"\A\$2b\$04\$[./A-Za-z0-9]{53}\Z")
        for password in ("x", "correct horse", "." * 31):
            self.assertFalse(verify(password, dummy))


class HashTests(SynchronousTestCase):
    def test_what_is_made_is_verified_and_salted(self) -> None:
        random = counting()
        for scheme, form in (
            ("bcrypt", r"\A\$2b\$04\$"),
            ("ssha512", r"\A\{SSHA512\}"),
            ("sha512", r"\A\{SHA512\}"),
        ):
            for password in ("pässwörd", "x", "x" * 72):
                verifier = hash_password(password, scheme, random, cost=4)
                self.assertRegex(verifier, form)
                self.assertTrue(verify(password, verifier))
                self.assertFalse(verify(password + "y", verifier))
        salted = {hash_password("x", "ssha512", random) for _ in range(3)}
        self.assertEqual(len(salted), 3)

    def test_what_cannot_be_a_password_is_said(self) -> None:
        table = [
            ("", "bcrypt", "empty"),
            ("a\0b", "bcrypt", "NUL"),
            ("a\0b", "ssha512", "NUL"),
            ("x" * 73, "bcrypt", "73 octets"),
            ("ä" * 37, "bcrypt", "74 octets"),
            ("x" * 1025, "sha512", "1024"),
            ("\ud800", "bcrypt", "Unicode"),
            ("x", "md5", "bcrypt, ssha512, sha512"),
        ]
        for password, scheme, text in table:
            error = self.assertRaises(BadArgument, hash_password, password, scheme, counting())
            self.assertIn(text, error.text)
            self.assertNotIn("xxx", error.text)

    def test_scram_keys_are_made_beside_the_hash(self) -> None:
        hashed, keys = new_secrets("pencil", counting(), cost=4, iterations=4096)
        self.assertEqual((hashed.kind, keys.kind), ("password", "scram-sha-256"))
        self.assertTrue(verify("pencil", hashed.verifier))
        self.assertRegex(keys.verifier, r"\ASCRAM-SHA-256\$4096:[^$:]+\$[^$:]{44}:[^$:]{44}\Z")
        self.assertNotIn("SCRAM", repr(keys))
