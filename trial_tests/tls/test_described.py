"""Certificates in words, and what is wrong with them."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.x509 import Certificate, DNSName, IPAddress
from twisted.trial.unittest import SynchronousTestCase

from sora.tls.described import certificate_flaws, chain_text, describe, is_for
from trial_tests.support.authority import NOW, authority

DAYS = timedelta(days=1)


class DescribedTests(SynchronousTestCase):
    """A root, an issuer below it, and what that issues."""

    def setUp(self) -> None:
        self.root = authority()
        self.issuer = self.root.issue("Test Issuer", is_authority=True)
        self.names = [DNSName("mail.example.com"), IPAddress(ip_address("192.0.2.1"))]
        self.good = self.issuer.issue("mail.example.com", self.names)

    def flaws(self, chain: Sequence[Certificate], hostname: str = "") -> list[tuple[bool, str]]:
        found = certificate_flaws(chain, hostname, NOW)
        for flaw in found:
            self.assertTrue(flaw.remedy)
        return [(flaw.is_fatal, flaw.text) for flaw in found]

    def flaw(
        self, chain: Sequence[Certificate], is_fatal: bool, words: str, host: str = ""
    ) -> None:
        found = self.flaws(chain, host)
        self.assertTrue(any(one == is_fatal and words in text for one, text in found), found)

    def test_in_words(self) -> None:
        found = describe(self.good.certificate)
        self.assertEqual(found.subject, "CN=mail.example.com")
        self.assertEqual(found.issuer, "CN=Test Issuer")
        self.assertEqual(list(found.names), ["mail.example.com", "192.0.2.1"])
        self.assertEqual(found.key, "EC secp256r1")
        self.assertEqual(found.valid_until - NOW, 90 * DAYS)
        self.assertRegex(found.fingerprint, "^[0-9a-f]{64}$")

    def test_a_name_cannot_add_a_line(self) -> None:
        odd = self.root.issue("a\nforged: line", self.names)
        self.assertNotIn("\n", describe(odd.certificate).subject)

    def test_chains(self) -> None:
        """RFC 8446 §4.4.2: each one is followed by its issuer, the root may be left out."""
        leaf, issuer, root = self.good.certificate, self.issuer.certificate, self.root.certificate
        other = authority("Other Root").certificate
        for chain, words in (
            ([leaf, issuer, root], "complete"),
            ([leaf, issuer], "incomplete"),  # this machine does not know the root
            ([leaf], "incomplete"),
            ([leaf, root, issuer], "wrong order"),
            ([leaf, other], "wrong order"),
            ([root], "self-signed"),
        ):
            self.assertEqual(chain_text(chain), words)
        self.flaw([leaf], False, "CN=Test Issuer has issued, whom nobody here knows")
        self.flaw([leaf, root], True, "is not the issuer of the one before it")
        self.flaw([root], False, "signed by itself")

    def test_nothing_is_wrong(self) -> None:
        chain = [*self.good.chain, self.root.certificate]
        self.assertEqual(self.flaws(chain, "mail.example.com"), [])
        self.assertEqual(self.flaws(chain, "192.0.2.1"), [])

    def test_times(self) -> None:
        for begin, end, is_fatal, words in (
            (-9, -1, True, "it ended on"),
            (1, 9, True, "on only: clients refuse it"),
            (-9, 13, False, "its renewal is due"),
        ):
            one = self.issuer.issue("a", self.names, begin=begin * DAYS, end=end * DAYS)
            self.flaw(one.chain, is_fatal, words)
        old = self.root.issue("Old Issuer", is_authority=True, begin=-9 * DAYS, end=-1 * DAYS)
        self.flaw(old.issue("a", self.names).chain, True, "its issuer CN=Old Issuer ended on")

    def test_names(self) -> None:
        """RFC 9525 §6.3: the alternative names alone count, `*` is the first label."""
        wild = self.issuer.issue("a", [DNSName("*.example.com")]).certificate
        self.assertTrue(is_for(wild, "Mail.Example.com."))
        for host in ("example.com", "a.mail.example.com", "mail.example.net", "com", ""):
            self.assertFalse(is_for(wild, host), host)
        self.assertTrue(is_for(self.good.certificate, "192.0.2.1"))
        self.assertFalse(is_for(self.good.certificate, "192.0.2.2"))
        self.flaw(self.good.chain, False, "it is not for imap.example.com", "imap.example.com")
        nameless = self.issuer.issue("mail.example.com")
        self.flaw(nameless.chain, True, "no alternative names", "mail.example.com")

    def test_a_short_key(self) -> None:
        weak = self.issuer.issue("a", self.names, key=generate_private_key(65537, 1024))
        self.flaw(weak.chain, True, "has 1024 bits")
