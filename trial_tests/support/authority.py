"""Certificates for tests: authorities, and what they issue."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    GeneralName,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
Key = EllipticCurvePrivateKey | RSAPrivateKey


class Issued:
    """A certificate with its key. It may issue others."""

    def __init__(self, certificate: Certificate, key: Key, above: "Issued | None" = None) -> None:
        self.certificate = certificate
        self.key = key
        self.above = above

    def issue(
        self,
        name: str,
        names: Sequence[GeneralName] = (),
        *,
        is_authority: bool = False,
        key: Key | None = None,
        begin: timedelta = timedelta(hours=-1),
        end: timedelta = timedelta(days=90),
    ) -> "Issued":
        """A certificate that this one certifies."""
        return _make(name, names, is_authority, key, NOW + begin, NOW + end, self)

    @property
    def chain(self) -> list[Certificate]:
        """It, and those that certify it, without the root."""
        found, one = [self.certificate], self.above
        while one is not None and one.above is not None:
            found.append(one.certificate)
            one = one.above
        return found

    @property
    def pem(self) -> bytes:
        """It and its chain, as servers have it."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write the chain and the key into a directory; gives their paths."""
        cert_file, key_file = directory / f"{name}.pem", directory / f"{name}.key"
        cert_file.write_bytes(self.pem)
        key_file.touch(0o600)
        key_file.write_bytes(
            self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return cert_file, key_file


def authority(name: str = "Test Root") -> Issued:
    """An authority of its own."""
    return _make(name, (), True, None, NOW - timedelta(days=1), NOW + timedelta(days=3650), None)


def _make(
    name: str,
    names: Sequence[GeneralName],
    is_authority: bool,
    key: Key | None,
    begin: datetime,
    end: datetime,
    issuer: Issued | None,
) -> Issued:
    key = key or generate_private_key(SECP256R1())
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(BasicConstraints(ca=is_authority, path_length=None), True)
    )
    if names:
        builder = builder.add_extension(SubjectAlternativeName(names), False)
    certificate = builder.sign(key if issuer is None else issuer.key, SHA256())
    return Issued(certificate, key, issuer)
