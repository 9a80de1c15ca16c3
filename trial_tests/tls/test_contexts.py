import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from sora.tls.contexts import CertificateUnusable, ServerTLS
from sora.tls.self_signed import self_signed


class ServerTLSTests(SynchronousTestCase):
    def setUp(self) -> None:
        now = datetime.now(UTC)
        self.files = self_signed(Path(self.mktemp()), "one.example.com", now)
        self.others = self_signed(Path(self.mktemp()), "two.example.com", now)

    def refusal(self, cert: Path, key: Path) -> str:
        return str(self.assertRaises(CertificateUnusable, ServerTLS, cert, key))

    def test_missing_files_are_named(self) -> None:
        missing = Path("nowhere/cert.pem")
        for files in ((missing, self.files.key_file), (self.files.cert_file, missing)):
            text = self.refusal(*files)
            self.assertIn("nowhere/cert.pem", text)
            self.assertIn("there is no such file", text)

    def test_an_unreadable_file_is_named(self) -> None:
        if os.geteuid() == 0:
            # root may read everything; a directory is what even root cannot read as a file
            text = self.refusal(self.files.cert_file.parent, self.files.key_file)
            self.assertIn("cannot be read", text)
        else:
            self.files.key_file.chmod(0)
            self.assertIn("may not read it", self.refusal(*self._pair()))

    def test_a_key_of_another_certificate_is_told(self) -> None:
        text = self.refusal(self.files.cert_file, self.others.key_file)
        self.assertIn("does not belong to the certificate", text)
        self.assertIn(str(self.others.key_file), text)

    def test_what_is_no_certificate_is_told(self) -> None:
        self.assertIn(
            "no certificate in PEM", self.refusal(self.files.key_file, self.files.key_file)
        )
        self.assertIn("no private key", self.refusal(self.files.cert_file, self.files.cert_file))

    def test_a_key_with_a_passphrase_is_told_and_nobody_is_asked_for_it(self) -> None:
        key = generate_private_key(SECP256R1())
        path = Path(self.mktemp())
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        )
        self.assertIn("passphrase", self.refusal(self.files.cert_file, path))

    def test_a_reload_that_fails_keeps_what_is_there(self) -> None:
        """G68"""
        tls = ServerTLS(*self._pair())
        before = tls.certificate
        self.files.cert_file.write_bytes(self.others.cert_file.read_bytes())
        self.assertRaises(CertificateUnusable, tls.reload)
        self.assertEqual(tls.certificate, before)
        self.files.key_file.write_bytes(self.others.key_file.read_bytes())
        tls.reload()
        self.assertNotEqual(tls.certificate, before)

    def _pair(self) -> tuple[Path, Path]:
        return self.files.cert_file, self.files.key_file
