"""Whom the certificate of an S3 store has to convince, and why it did not.

OpenSSL says "certificate verify failed" of everything, and Twisted names a class. An operator has
to know which of the three it is: who has issued it, when it is valid, or for whom. So a certificate
that was refused is looked at over a connection of its own, over which nothing is said.
"""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
)
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import platformTrust
from twisted.python.failure import Failure
from zope.interface import implementer

PATIENCE: Final = 5.0
"""seconds for that look"""
NAMES: Final = 5
"""names of a certificate that are told"""


def trust_of(ca_file: str) -> Any:
    """The system's authorities, and those of a file beside them."""
    return _WithFile(ca_file) if ca_file else platformTrust()


def is_refusal(error: BaseException) -> bool:
    """Whether it is of a certificate."""
    return isinstance(error, VerificationError) or "certificate verify failed" in str(error)


async def why_refused(error: BaseException, url: str, reactor: Any) -> str:
    """What is wrong with the certificate of the store at `url`, and the mend."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 443
    certificate = await _certificate_of(host, port, reactor)
    if certificate is None:
        return "its certificate is not trusted; see [s3] endpoint and ca_file"
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        end = certificate.not_valid_after_utc
        return f"its certificate has expired on {end:%Y-%m-%d}; renew it there"
    if certificate.not_valid_before_utc > now:
        begin = certificate.not_valid_before_utc
        return f"its certificate is valid from {begin:%Y-%m-%d} on; set this machine's clock"
    if isinstance(error, VerificationError):
        names = ", ".join(_names(certificate)) or "nobody"
        return (
            f"its certificate is for {names}, and not for {host}; set [s3] endpoint to a name that"
            " is in it, or have one made for this name"
        )
    return (
        "its certificate is not trusted: it was issued by"
        f" {certificate.issuer.rfc4514_string()}; set [s3] ca_file to a PEM file with that"
        " authority"
    )


def _names(certificate: Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return []
    addresses = [str(one) for one in found.get_values_for_type(IPAddress)]
    return [*found.get_values_for_type(DNSName), *addresses][:NAMES]


async def _certificate_of(host: str, port: int, reactor: Any) -> Certificate | None:
    """The certificate that is shown there; None when there is none within `PATIENCE`."""
    shown: Deferred[Certificate | None] = Deferred()
    looking = _Looking(shown)
    endpoint = HostnameEndpoint(reactor, host.encode("ascii"), port, timeout=PATIENCE)
    late = reactor.callLater(PATIENCE, looking.give_up)
    try:
        factory = Factory.forProtocol(lambda: looking)
        await wrapClientTLS(_Whoever(host), endpoint).connect(factory)
        return await shown
    except Exception:  # noqa: BLE001 - whatever the network does, nothing is known of it then
        return None
    finally:
        if late.active():
            late.cancel()


@implementer(IHandshakeListener)
class _Looking(Protocol):
    """Ends the connection as soon as the other side has shown its certificate."""

    def __init__(self, shown: "Deferred[Certificate | None]") -> None:
        self._shown = shown

    def handshakeCompleted(self) -> None:
        """See IHandshakeListener."""
        transport: Any = self.transport
        found = transport.getPeerCertificate()
        if not self._shown.called:
            self._shown.callback(None if found is None else found.to_cryptography())
        transport.abortConnection()

    def give_up(self) -> None:
        """It takes too long."""
        if not self._shown.called:
            self._shown.callback(None)
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.give_up()


@implementer(IOpenSSLClientConnectionCreator)
class _Whoever:
    """TLS with whoever is there: who it is, is what is asked."""

    def __init__(self, host: str) -> None:
        self._host = host

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        if not _is_address(self._host):
            connection.set_tlsext_host_name(self._host.encode("ascii"))
        return connection


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@implementer(IOpenSSLTrustRoot)
class _WithFile:
    """The system's authorities and those of a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def _addCACertsToContext(self, context: SSL.Context) -> None:
        context.set_default_verify_paths()
        context.load_verify_locations(self._path)
