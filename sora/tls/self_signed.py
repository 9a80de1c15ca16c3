"""A certificate of our own, for the embedded mode: for this machine, made once and kept."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    DNSName,
    ExtendedKeyUsage,
    IPAddress,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    load_pem_x509_certificate,
    random_serial_number,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME: Final = timedelta(days=397)
"""clients refuse certificates that are valid for longer"""
RENEW_BEFORE: Final = timedelta(days=30)


@frozen
class CertificateFiles:
    """Where a certificate and its key are."""

    cert_file: Path
    key_file: Path


def self_signed(directory: Path, hostname: str, now: datetime) -> CertificateFiles:
    """A certificate for localhost and `hostname`, in `directory`, which is made if need be.

    One that is there is used, unless it ends soon, is for another machine or is damaged. The
    key is readable by its owner only. `now` is aware.
    """
    files = CertificateFiles(directory / "self-signed.pem", directory / "self-signed.key")
    names = list(dict.fromkeys(["localhost", hostname or "localhost"]))
    if not _is_good(files, names, now):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, certificate = _make(names, now)
        # The key first: a crash between the two leaves a pair that does not match, which is
        # seen and made anew at the next start.
        _write(files.key_file, key, 0o600)
        _write(files.cert_file, certificate, 0o644)
    return files


def _is_good(files: CertificateFiles, names: Sequence[str], now: datetime) -> bool:
    try:
        certificate = load_pem_x509_certificate(files.cert_file.read_bytes())
        key = load_pem_private_key(files.key_file.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return False
    return (
        certificate.public_key() == key.public_key()
        and certificate.not_valid_before_utc <= now
        and certificate.not_valid_after_utc - RENEW_BEFORE > now
        and set(names) <= set(_names(certificate))
    )


def _names(certificate: Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    return list(names.get_values_for_type(DNSName))


def _make(names: Sequence[str], now: datetime) -> tuple[bytes, bytes]:
    key = generate_private_key(SECP256R1())
    # The common name has 64 characters at most; clients look at the alternative names only.
    subject = Name([NameAttribute(NameOID.COMMON_NAME, names[-1][:64])])
    addresses = [IPAddress(ip_address(text)) for text in ("127.0.0.1", "::1")]
    certificate = (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(
            SubjectAlternativeName([*(DNSName(name) for name in names), *addresses]), False
        )
        .add_extension(BasicConstraints(ca=False, path_length=None), True)
        .add_extension(ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace a file in one step; it never has a wider mode than `mode`."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
