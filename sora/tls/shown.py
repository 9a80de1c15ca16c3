"""The certificate that a server shows: a client that connects, asks for TLS, and hangs up.

Whose certificate it is is not checked here: it is to be looked at.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final

from attrs import frozen
from cryptography.x509 import Certificate
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, ConnectionRefusedError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.errors import Unavailable

PATIENCE: Final = 10.0
"""seconds in which the server has to come that far"""
LONGEST: Final = 16 * 1024
"""octets that it may say before TLS"""
PROXIED: Final = b"PROXY UNKNOWN\r\n"
"""for a server that expects a header of us (`sora/net/proxy_header.py`)"""

_LMTP: Final = ((b"220 ", b"LHLO localhost\r\n"), (b"250 ", b"STARTTLS\r\n"), (b"220 ", b""))
STARTTLS: Final[Mapping[str, Sequence[tuple[bytes, bytes]]]] = {
    "imap": ((b"* OK", b"a STARTTLS\r\n"), (b"a OK", b"")),
    "lmtp": _LMTP,
    "managesieve": ((b"OK", b"STARTTLS\r\n"), (b"OK", b"")),
    "pop3": ((b"+OK", b"STLS\r\n"), (b"+OK", b"")),
}
"""how TLS is asked for: the line that is waited for, and what is said then (RFC 9051 §6.2.1, RFC
3207, RFC 5804 §2.2, RFC 2595 §4)"""
_FURTHER: Final = (b"* ", b"220-", b"250-", b'"')
"""how lines begin that are followed by others"""


class NobodyThere(Unavailable):
    """Nothing listens there."""


@frozen(kw_only=True)
class Door:
    """Where a server is, and how TLS begins: with the first octet, or after STARTTLS of a protocol.
    `name` is the host that is asked for (SNI), if any."""

    host: str
    port: int
    starttls: str = ""
    name: str = ""
    wants_header: bool = False


async def certificate_shown(reactor: Any, door: Door) -> Certificate:
    """What is shown at a door. Raises NobodyThere, and Unavailable when there is no handshake."""
    looking = _Looking(door)
    endpoint = HostnameEndpoint(reactor, door.host, door.port, timeout=PATIENCE)
    try:
        await endpoint.connect(Factory.forProtocol(lambda: looking))
    except ConnectionRefusedError:
        raise NobodyThere("nothing listens there") from None
    except (ConnectError, OSError) as error:
        raise Unavailable(f"it cannot be reached: {error}") from None
    late = reactor.callLater(PATIENCE, looking.give_up, "it did not answer in time")
    try:
        return await looking.found
    finally:
        if late.active():
            late.cancel()
        looking.transport.abortConnection()


@implementer(IOpenSSLClientConnectionCreator)
class _Anybody:
    def __init__(self, name: str) -> None:
        self._name = name

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
        if self._name:
            connection.set_tlsext_host_name(self._name.encode("idna"))
        return connection


@implementer(IHandshakeListener)
class _Looking(Protocol):
    """The conversation up to the certificate."""

    transport: Any

    def __init__(self, door: Door) -> None:
        self.found: Deferred[Certificate] = Deferred()
        self._door = door
        self._steps = list(STARTTLS[door.starttls]) if door.starttls else []
        self._octets = b""
        self._heard = 0

    def connectionMade(self) -> None:
        if self._door.wants_header:
            self.transport.write(PROXIED)
        if not self._steps:
            self._start_tls()

    def dataReceived(self, data: bytes) -> None:
        self._heard += len(data)
        self._octets += data
        while self._steps and b"\n" in self._octets:
            line, _, self._octets = self._octets.partition(b"\n")
            self._hear(line)
        if self._heard > LONGEST:
            self.give_up("it says too much before TLS")

    def handshakeCompleted(self) -> None:
        """The server has shown what it has."""
        certificate = self.transport.getPeerCertificate()
        if certificate is None:
            self.give_up("it shows no certificate")
        elif not self.found.called:
            self.found.callback(certificate.to_cryptography())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.give_up(f"it hung up before a certificate was shown: {_why(reason)}")

    def give_up(self, why: str) -> None:
        """Nothing will be found."""
        if not self.found.called:
            self.found.errback(Unavailable(why))

    def _hear(self, line: bytes) -> None:
        awaited, answer = self._steps[0]
        if line.startswith(awaited):
            del self._steps[0]
            if self._steps:
                self.transport.write(answer)
            else:
                self._start_tls()
        elif not line.startswith(_FURTHER):
            self._steps.clear()
            self.give_up(f"it does not begin TLS: {line[:80].decode('utf-8', 'replace').strip()!r}")

    def _start_tls(self) -> None:
        self.transport.startTLS(_Anybody(self._name()))

    def _name(self) -> str:
        try:
            ip_address(self._door.name)
        except ValueError:
            return self._door.name
        return ""  # addresses are not sent (RFC 6066 §3)


def _why(reason: Failure) -> str:
    error = reason.value
    if isinstance(error, SSL.Error):
        return ", ".join(str(each[-1]) for each in error.args[0]) if error.args else "TLS failed"
    return str(error)
