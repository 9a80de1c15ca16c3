"""One server: an address, a protocol, limits, TLS and the PROXY header, as one Service.

In the accept path nothing is awaited, resolved or negotiated (G56). From outside in: the
PROXY header if the sender is a trusted proxy, then a place of the limits for the real
address, then TLS, then the protocol. Over a limit, the protocol's own words of refusal are
sent, and the connection is closed.
"""

import socket
from collections.abc import Callable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocol, IProtocolFactory
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from sora.config.units import Endpoint
from sora.errors import ShuttingDown, SoraError
from sora.metrics.connections import ConnectionMetrics
from sora.net.limits import ConnectionLimits, Place
from sora.net.networks import Networks
from sora.net.occupant import occupant
from sora.net.peer import Peer
from sora.net.proxied import ProxiedConnection
from sora.net.tracker import Session, Tracker

BACKLOG: Final = 1024
"""connections that the system holds for us while we are busy"""
REFUSALS_AT_ONCE: Final = 100
"""connections that are told why they are refused; those above it are closed without a word"""
REFUSAL_SECONDS: Final = 5.0
"""how long one of them may take to read it"""
AFTER_ABORT_SECONDS: Final = 5.0
"""how long work that was under way may take after the connection was cut"""


class CannotListen(SoraError):
    """The server cannot listen there; the text says why, and what to do."""


class Listener(Service):
    """A server. `startService` listens at once, and raises CannotListen when it cannot.

    `stopService` takes no more connections, tells each one (`Connection.shutdown`), waits up to
    `grace` seconds for them, and cuts off the rest; its Deferred fires when all have ended.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        *,
        name: str,
        protocol: str,
        endpoint: Endpoint,
        factory: IProtocolFactory,
        tracker: Tracker,
        limits: ConnectionLimits,
        metrics: ConnectionMetrics,
        tls: Any = None,
        proxies: Networks | None = None,
        refusal: Callable[[str], bytes] | None = None,
        grace: float = 10.0,
        let_go: float = 1.0,
    ) -> None:
        """`protocol` is the server type, `name` the server's name for logs and metrics; `factory`
        builds a `Conversation` for each client.

        `tls` is an IOpenSSLServerConnectionCreator for TLS from the first octet. With `proxies`,
        senders in these networks have to send a PROXY header. `refusal` makes the protocol's
        line from the sentence that says why there is no place. At the end, a client has `let_go`
        seconds to read the goodbye.
        """
        self.name = name
        self._label = name
        self._reactor = reactor
        self._protocol = protocol
        self._endpoint = endpoint
        self._factory = factory
        self._tracker = tracker
        self._limits = limits
        self._metrics = metrics
        self._tls = tls
        self._proxies = proxies
        self._refusal = refusal
        self._grace = grace
        self._let_go = let_go
        self._port: IListeningPort | None = None
        self._sessions: set[Session] = set()
        self._unnamed: set[Any] = set()
        self._changed: Deferred[None] | None = None
        inner = _Accepting(name, self._accept)
        self._inner: Any = inner if tls is None else TLSMemoryBIOFactory(tls, False, inner)
        self._outer: Any = (
            self._inner if proxies is None else _Accepting(name, self._accept_proxied)
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._port is not None, "the server is not listening"
        return int(getattr(self._port.getHost(), "port", 0))

    @property
    def connections(self) -> int:
        """How many connections it has now."""
        return len(self._sessions)

    # ---------------------------------------------------------- start and stop

    def startService(self) -> None:
        """Listen. Raises CannotListen."""
        self._port = self._listen()
        super().startService()
        self.log.info(
            "{server} listens on {address}",
            server=self.name,
            address=str(Endpoint(self._endpoint.host, self.port)),
        )

    def stopService(self) -> "Deferred[None]":
        """Stop listening, and end the connections."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def stop_listening(self) -> None:
        """Take no more connections; those that are there go on."""
        port, self._port = self._port, None
        if port is not None:
            await maybeDeferred(port.stopListening)

    async def _stop(self) -> None:
        await self.stop_listening()
        for unnamed in list(self._unnamed):
            unnamed.abort()
        for session in list(self._sessions):
            session.connection.shutdown(ShuttingDown())
            session.connection.ended.addCallback(self._one_has_ended)
        await self._until(self._all_have_ended, self._grace)
        if not self._all_have_ended():
            self.log.warn(
                "{server}: {count} connections did not end in time and are cut off",
                server=self.name,
                count=sum(not each.connection.ended.called for each in self._sessions),
            )
        # The goodbye is on its way; clients that keep their end open are not waited for.
        await self._until(self._is_empty, self._let_go)
        for session in list(self._sessions):
            session.connection.abort()
        await self._until(self._is_empty, AFTER_ABORT_SECONDS)

    def _is_empty(self) -> bool:
        return not self._sessions

    def _all_have_ended(self) -> bool:
        return all(session.connection.ended.called for session in self._sessions)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until connections have ended so that `holds`, at most `seconds`."""
        timer = self._reactor.callLater(seconds, self._fire_changed)
        while not holds() and timer.active():
            self._changed = Deferred()
            await self._changed
        if timer.active():
            timer.cancel()

    def _one_has_ended(self, result: None) -> None:
        self._fire_changed()

    def _fire_changed(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.callback(None)

    def _listen(self) -> IListeningPort:
        host, port = self._endpoint.host, self._endpoint.port
        # Without a host: IPv6 and IPv4 on one socket, or IPv4 alone where there is no IPv6.
        interfaces = [host] if host else ["::", "0.0.0.0"]  # noqa: S104 - it was asked for
        if host == "localhost":
            interfaces = ["127.0.0.1"]
        while True:
            interface = interfaces.pop(0)
            try:
                listening = self._reactor.listenTCP(
                    port, self._outer, backlog=BACKLOG, interface=interface
                )
                break
            except CannotListenError as error:
                cause = error.socketError
                if interfaces and getattr(cause, "errno", None) in (EAFNOSUPPORT, EADDRNOTAVAIL):
                    continue
                raise CannotListen(_explain(self._label, self._endpoint, cause)) from None
            except (OSError, OverflowError) as error:
                raise CannotListen(_explain(self._label, self._endpoint, error)) from None
        # Connections inherit these from the listening socket: no system call for each.
        handle = listening.getHandle() if hasattr(listening, "getHandle") else listening.socket
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return listening

    # ---------------------------------------------------------- accepting

    def _accept_proxied(self, peer: Peer, address: IAddress) -> IProtocol | None:
        assert self._proxies is not None
        if peer.host not in self._proxies:
            built: IProtocol | None = self._inner.buildProtocol(address)
            return built
        waiting: ProxiedConnection

        def accept(real: Peer) -> IProtocol | None:
            self._unnamed.discard(waiting)
            built: IProtocol | None = self._inner.buildProtocol(_address(real))
            return built

        waiting = _Waiting(self._reactor, peer, accept, self._refused_header, self._unnamed)
        self._unnamed.add(waiting)
        return waiting

    def _accept(self, peer: Peer, address: IAddress) -> IProtocol | None:
        place = self._limits.take(peer.host)
        if not isinstance(place, Place):
            self._metrics.refused.labels(self._protocol, self._label, place).inc()
            return self._refuse(peer, place)
        connection: Any = self._factory.buildProtocol(address)
        connection.peer = peer
        session = self._tracker.enter(connection, self._protocol, self._label)
        connection.session = session
        self._sessions.add(session)

        def left() -> None:
            place.give_back()
            self._sessions.discard(session)
            self._fire_changed()

        session.when_left(left)
        accepted: IProtocol = connection
        return accepted

    def _refuse(self, peer: Peer, why: str) -> IProtocol | None:
        text = (
            "Too many connections from your address"
            if why == "address"
            else "Too many connections, try again later"
        )
        self.log.info(
            "{server}: {peer} was refused: {why}", server=self.name, peer=str(peer), why=text
        )
        if self._refusal is None or len(self._unnamed) >= REFUSALS_AT_ONCE:
            return None
        refused = _Refused(self._reactor, self._refusal(text), self._unnamed)
        self._unnamed.add(refused)
        return refused

    def _refused_header(self) -> None:
        self._metrics.refused.labels(self._protocol, self._label, "header").inc()


class _Accepting(ServerFactory):
    """Asks `accept` for the protocol of a connection."""

    noisy = False

    def __init__(self, name: str, accept: Callable[[Peer, IAddress], IProtocol | None]) -> None:
        self._name = name
        self._accept = accept

    def logPrefix(self) -> str:
        return self._name

    def buildProtocol(self, addr: IAddress | None) -> Any:
        assert addr is not None
        return self._accept(Peer.at_address(addr), addr)


class _Waiting(ProxiedConnection):
    """A proxied connection that is in the listener's books until its header is there."""

    def __init__(
        self,
        clock: Any,
        proxy: Peer,
        accept: Callable[[Peer], IProtocol | None],
        refused: Callable[[], None],
        books: set[Any],
    ) -> None:
        super().__init__(clock, proxy, accept, refused)
        self._books = books

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._books.discard(self)
        super().connectionLost(reason)


class _Refused(Protocol):
    """Says why there is no place, and hangs up."""

    transport: Any

    def __init__(self, clock: Any, goodbye: bytes, books: set[Any]) -> None:
        self._clock = clock
        self._goodbye = goodbye
        self._books = books
        self._timer: Any = None

    def connectionMade(self) -> None:
        self._timer = self._clock.callLater(REFUSAL_SECONDS, self.abort)
        self.transport.write(self._goodbye)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._books.discard(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def abort(self) -> None:
        self.transport.abortConnection()


def _address(peer: Peer) -> IAddress:
    kind = IPv6Address if ":" in peer.host else IPv4Address
    return kind("TCP", peer.host, peer.port)


def _explain(name: str, endpoint: Endpoint, error: Any) -> str:
    where = f"{name} cannot listen on {endpoint}"
    match getattr(error, "errno", None):
        case code if code == EADDRINUSE:
            who = occupant(endpoint.port)
            by = f" by {who}" if who else ""
            return f"{where}: the port is in use{by}; stop that, or choose another addr"
        case code if code == EACCES:
            return (
                f"{where}: this user may not use ports below 1024; start as root, give the "
                "program CAP_NET_BIND_SERVICE, or choose a port above"
            )
        case code if code == EADDRNOTAVAIL:
            return f"{where}: this machine has no such address; see `ip address`, and mend addr"
    return f"{where}: {error}; mend addr"
