"""The server's side of TLS, from files, replaced while it runs.

`ServerTLS` is what listeners and STARTTLS take. `reload` reads the files again: new
connections get the new certificate, those that are there keep theirs, and files that are
wrong change nothing (G68). TLS 1.2 is the least; before 1.3, only forward secrecy with
authenticated ciphers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.x509 import Certificate, load_pem_x509_certificates
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from zope.interface import implementer

CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!aPSK:!DSS:!SHA1"
"""for TLS 1.2; those of 1.3 are all good"""


class CertificateUnusable(Exception):
    """A certificate or key cannot be used; the text names the file and the mend."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerTLS:
    """A certificate with its key, as Twisted asks for it: a connection creator."""

    log = Logger()

    def __init__(self, cert_file: Path, key_file: Path) -> None:
        """Raises CertificateUnusable."""
        self._files = (cert_file, key_file)
        self._context, self.chain = _load(*self._files)

    @property
    def files(self) -> tuple[Path, Path]:
        """The certificate's file and the key's."""
        return self._files

    @property
    def certificate(self) -> Certificate:
        """The certificate that is served, without its chain."""
        return self.chain[0]

    def is_renewed(self) -> bool:
        """Whether the file has another certificate by now, which waits for a reload. Reads it."""
        try:
            return read_chain(self._files[0])[0] != self.certificate
        except CertificateUnusable:
            return False  # what is served goes on being served

    def reload(self) -> None:
        """Read the files again. Raises CertificateUnusable, and keeps what it has."""
        self._context, self.chain = _load(*self._files)
        self.log.info(
            "the TLS certificate {file} was loaded again; it ends {end}",
            file=str(self._files[0]),
            end=self.certificate.not_valid_after_utc.isoformat(),
        )

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """The state of one new connection."""
        return SSL.Connection(self._context, None)


def read_chain(cert_file: Path) -> Sequence[Certificate]:
    """The certificates of a file, that of the server first. Raises CertificateUnusable."""
    octets = _read(cert_file, "certificate", "tls_cert_file")
    try:
        return load_pem_x509_certificates(octets)
    except ValueError:
        raise CertificateUnusable(
            f"{cert_file} has no certificate in PEM form; tls_cert_file has to name a file with "
            "the server's certificate first, and then its chain"
        ) from None


def _load(cert_file: Path, key_file: Path) -> tuple[SSL.Context, Sequence[Certificate]]:
    chain = read_chain(cert_file)
    _read(key_file, "private key", "tls_key_file")
    context = _context()
    try:
        context.use_certificate_chain_file(str(cert_file))
    except SSL.Error as error:
        raise CertificateUnusable(
            f"{cert_file} cannot be used as a certificate: {_reason(error)}"
        ) from None
    # Without this callback OpenSSL would ask for a passphrase on the terminal.
    context.set_passwd_cb(lambda *_: b"")
    try:
        context.use_privatekey_file(str(key_file))
    except SSL.Error as error:
        if "mismatch" in _reason(error):
            raise CertificateUnusable(_mismatch(cert_file, key_file)) from None
        raise CertificateUnusable(
            f"{key_file} has no private key in PEM form, or one with a passphrase; remove it "
            f"with `openssl pkey -in {key_file}`"
        ) from None
    try:
        context.check_privatekey()
    except SSL.Error:
        raise CertificateUnusable(_mismatch(cert_file, key_file)) from None
    return context, chain


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    # An idle connection needs no buffers of 16 KB each way.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(CIPHERS)
    context.set_session_id(b"sora")
    return context


def _read(path: Path, what: str, key: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        mend = f"there is no such file; mend {key}"
    except PermissionError:
        mend = "this user may not read it; change its owner or its mode"
    except OSError as error:
        mend = f"{error.strerror}; mend {key}"
    raise CertificateUnusable(f"the TLS {what} {path} cannot be read: {mend}")


def _mismatch(cert_file: Path, key_file: Path) -> str:
    return (
        f"the private key {key_file} does not belong to the certificate {cert_file}; they have "
        "to be from the same request"
    )


def _reason(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args else []
    return reasons[0][2] if reasons and len(reasons[0]) > 2 else str(error)
