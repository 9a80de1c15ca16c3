"""TLS towards the relay: what is verified, and with which certificate we say who we are."""

from typing import Any, Final

from OpenSSL import SSL, crypto
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    CertificateOptions,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
)
from zope.interface import implementer

from sora.errors import Unavailable

LEAST: Final = TLSVersion.TLSv1_2


def client_tls(
    host: str, *, verify: bool, ca_file: str = "", cert_file: str = "", key_file: str = ""
) -> Any:
    """What makes TLS connections to `host` (RFC 8446, RFC 6125): its name and its certificate
    are checked unless `verify` is false. `ca_file` holds the authorities that are trusted instead
    of the system's; the other two are a client certificate. All are PEM.

    Raises Unavailable when a file cannot be used.
    """
    own = _own_certificate(cert_file, key_file) if cert_file else None
    if ca_file:
        _Authorities(ca_file)._addCACertsToContext(SSL.Context(SSL.TLS_CLIENT_METHOD))
    if not verify:
        return _Unverified(host, own)
    return optionsForClientTLS(
        host,
        trustRoot=_Authorities(ca_file) if ca_file else platformTrust(),
        clientCertificate=own,
        extraCertificateOptions={"raiseMinimumTo": LEAST},
    )


def _own_certificate(cert_file: str, key_file: str) -> PrivateCertificate:
    try:
        with open(cert_file, "rb") as certificate, open(key_file or cert_file, "rb") as key:
            return PrivateCertificate.loadPEM(certificate.read() + b"\n" + key.read())
    except (OSError, crypto.Error, ValueError) as error:
        raise Unavailable(f"The client certificate {cert_file} cannot be used: {error}") from error


@implementer(IOpenSSLTrustRoot)
class _Authorities:
    def __init__(self, path: str) -> None:
        self._path = path

    def _addCACertsToContext(self, context: SSL.Context) -> None:
        try:
            context.load_verify_locations(self._path)
        except SSL.Error as error:
            raise Unavailable(f"The authorities in {self._path} cannot be used") from error


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """Encrypts, but does not ask with whom it speaks."""

    def __init__(self, host: str, own: PrivateCertificate | None) -> None:
        self._host = host
        options = own.options() if own is not None else CertificateOptions(raiseMinimumTo=LEAST)
        self._context = options.getContext()

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        connection = SSL.Connection(self._context, None)
        if not self._host.replace(".", "").isdigit() and ":" not in self._host:
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection
