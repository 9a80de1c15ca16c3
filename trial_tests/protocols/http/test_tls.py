"""Certificates over HTTP."""

from pathlib import Path

from cryptography.x509 import DNSName

from sora.operations.tls import Known
from trial_tests.protocols.http.desk import DeskTestCase
from trial_tests.support.authority import NOW, authority


class TLSTests(DeskTestCase):
    """What is served."""

    def test_certificates(self) -> None:
        """Once each, with the servers that have it."""
        root = authority()
        chain = root.issue("mail.example.com", [DNSName("mail.example.com")]).chain
        files = (Path("/etc/sora/cert.pem"), Path("/etc/sora/key.pem"))
        self.certificates = [Known(*files, ("imap-993", "pop3-995"), [*chain, root.certificate])]
        self.clock.advance(NOW.timestamp())
        answer = self.ask("GET", "/admin/tls")
        self.assertEqual(answer.status, 200, answer.body)
        (one,) = answer.json["items"]
        self.assertEqual(one["servers"], ["imap-993", "pop3-995"])
        self.assertEqual((one["names"], one["days_left"]), (["mail.example.com"], 90))
        self.assertEqual((one["chain"], one["key"]), ("complete", "EC secp256r1"))
        self.assertNotIn("key.pem", answer.body.decode())

    def test_no_certificates(self) -> None:
        self.assertEqual(self.ask("GET", "/admin/tls").json, {"items": []})
