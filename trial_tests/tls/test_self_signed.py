from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName, load_pem_x509_certificate
from twisted.trial.unittest import SynchronousTestCase

from sora.tls.contexts import ServerTLS
from sora.tls.self_signed import LIFETIME, RENEW_BEFORE, self_signed

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class SelfSignedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()) / "tls"

    def made(self, now: datetime = NOW, host: str = "mail.example.com") -> bytes:
        files = self_signed(self.directory, host, now)
        ServerTLS(files.cert_file, files.key_file)
        return files.cert_file.read_bytes()

    def test_is_for_this_machine(self) -> None:
        certificate = load_pem_x509_certificate(self.made())
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(DNSName), ["localhost", "mail.example.com"])
        addresses = [ip_address("127.0.0.1"), ip_address("::1")]
        self.assertEqual(names.get_values_for_type(IPAddress), addresses)

    def test_the_key_is_for_its_owner_only(self) -> None:
        self.made()
        mode = (self.directory / "self-signed.key").stat().st_mode
        self.assertEqual(mode & 0o777, 0o600)
        self.assertEqual(
            sorted(path.name for path in self.directory.iterdir()),
            ["self-signed.key", "self-signed.pem"],
        )

    def test_is_kept_until_it_ends_soon(self) -> None:
        first = self.made()
        self.assertEqual(self.made(NOW + timedelta(days=300)), first)
        self.assertNotEqual(self.made(NOW + LIFETIME - RENEW_BEFORE), first)

    def test_is_made_anew_for_another_machine_or_when_damaged(self) -> None:
        first = self.made()
        second = self.made(host="other.example.com")
        self.assertNotEqual(second, first)
        (self.directory / "self-signed.key").write_bytes(b"damaged")
        third = self.made(host="other.example.com")
        self.assertNotEqual(third, second)
        (self.directory / "self-signed.pem").write_bytes(first)
        self.assertNotEqual(self.made(host="other.example.com"), third)
