"""SMTP to one server, over a few connections that are kept for the next message."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import Unavailable
from sora.relay.entry import Answer, Fate
from sora.relay.smtp_client import ConnectionBroken, Login, SMTPConnection, Timeouts
from sora.relay.transaction import Transaction
from sora.relay.transport import Consignment, ITransport
from sora.threads import Threads

MAX_MESSAGES: Final = 100
"""Messages of one connection."""
IDLE: Final = 5.0
"""Seconds that a connection is kept for another message."""
BROKEN: Final = "4.4.2"
"""Bad connection (RFC 3463 §3.5)."""


@implementer(ITransport)
class SMTPTransport:
    """Hands messages to `host`:`port`. `implicit_tls`: TLS from the first octet (RFC 8314)."""

    kind = "smtp"

    def __init__(
        self,
        host: str,
        port: int,
        login: Login,
        threads: Threads,
        reactor: Any,
        *,
        implicit_tls: bool = False,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - a frozen value
    ) -> None:
        self.target = f"{host}:{port}"
        self._login = login
        self._threads = threads
        self._clock: IReactorTime = reactor
        self._timeouts = timeouts
        self._place = host, port
        self._implicit_tls = implicit_tls
        self._all: set[SMTPConnection] = set()
        self._idle: dict[SMTPConnection, Any] = {}
        self._connecting: set[Deferred[Any]] = set()
        self._is_stopped = False

    @deferred
    async def send(self, consignment: Consignment) -> Sequence[Answer]:
        """See ITransport."""
        connection = self._idle_one()
        if connection is not None:
            try:
                return await self._over(connection, consignment)
            except ConnectionBroken:
                pass  # it was closed while it was idle: nothing has happened
        return await self._over(await self._connect(), consignment)

    @deferred
    async def probe(self, patience: float | None = None) -> None:
        """See ITransport."""
        self._keep(await self._connect(patience))

    @deferred
    async def stop(self) -> None:
        """See ITransport."""
        self._is_stopped = True
        for connecting in list(self._connecting):
            connecting.cancel()
        for connection in list(self._all):
            if connection in self._idle:
                self._idle.pop(connection).cancel()
                connection.quit()
            else:
                connection.abort("Sora stops")

    async def _over(self, connection: SMTPConnection, consignment: Consignment) -> Sequence[Answer]:
        is_begun: list[bool] = []
        try:
            transaction = Transaction(connection, self._threads, lambda: is_begun.append(True))
            answers = await transaction.send(consignment)
        except ConnectionBroken as error:
            if not is_begun:
                raise
            # It may have arrived, and it may be the message that breaks it: this is counted.
            broken = Answer(Fate.WAITING, 0, BROKEN, error.text, connection.remote)
            return [broken] * len(consignment.outgoing.recipients)
        self._keep(connection)
        return answers

    async def _connect(self, patience: float | None = None) -> SMTPConnection:
        if self._is_stopped:
            raise Unavailable("Sora stops")
        timeouts = self._timeouts if patience is None else self._timeouts.within(patience)
        factory = _Factory(lambda: SMTPConnection(self._login, self._clock, timeouts))
        connecting: Deferred[Any] = self._endpoint(timeouts.connect).connect(factory)
        self._connecting.add(connecting)
        try:
            connection: SMTPConnection = await connecting
        except CancelledError:
            if self._is_stopped:
                raise Unavailable("Sora stops") from None
            raise
        except (ConnectError, DNSLookupError, TimeoutError, OSError) as error:
            raise Unavailable(f"{self.target} cannot be reached: {error}") from error
        finally:
            self._connecting.discard(connecting)
        self._all.add(connection)
        connection.broken = lambda: self._forget(connection)
        await connection.ready
        return connection

    def _endpoint(self, timeout: float) -> Any:
        endpoint = HostnameEndpoint(self._clock, *self._place, timeout=timeout)
        return wrapClientTLS(self._login.tls, endpoint) if self._implicit_tls else endpoint

    def _idle_one(self) -> SMTPConnection | None:
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.is_usable:
                return connection
        return None

    def _keep(self, connection: SMTPConnection) -> None:
        if not connection.is_usable:
            return
        if self._is_stopped or connection.messages >= MAX_MESSAGES:
            connection.quit()
            return
        self._idle[connection] = self._clock.callLater(IDLE, self._leave, connection)

    def _leave(self, connection: SMTPConnection) -> None:
        self._idle.pop(connection, None)
        connection.quit()

    def _forget(self, connection: SMTPConnection) -> None:
        self._all.discard(connection)
        timer = self._idle.pop(connection, None)
        if timer is not None and timer.active():
            timer.cancel()


class _Factory(Factory):
    noisy = False

    def __init__(self, build: Callable[[], SMTPConnection]) -> None:
        self._build = build

    def buildProtocol(self, addr: Any) -> SMTPConnection:
        """A connection."""
        return self._build()
