"""IMAP on a connection: the protocol of Twisted, and its factory."""

from collections.abc import Callable

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from sora.errors import SoraError
from sora.net.connection import Connection
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.services import Limits, Services
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.reader import IMAPReader


class IMAPConnection(Connection):
    """One client."""

    reader: IMAPReader

    def __init__(
        self, *, clock: IReactorTime, dialect: Dialect, services: Services, limits: Limits
    ) -> None:
        super().__init__(clock, IMAPReader(limits.line_before_login, limits.skip_before_login))
        self._make_session: Callable[[], Session] = lambda: Session(
            self, self.reader, dialect, services, limits
        )
        self._session: Session | None = None

    async def converse(self) -> None:
        """The whole conversation."""
        self._session = self._make_session()
        await self._session.converse()

    def shutdown(self, why: SoraError) -> None:
        """The command in hand is answered, then a goodbye is sent that says why."""
        if self._session is None:
            self.close()
        else:
            self._session.stop(why)


class IMAPFactory(Factory):
    """Makes the connections of one server."""

    noisy = False

    def __init__(
        self, *, clock: IReactorTime, dialect: Dialect, services: Services, limits: Limits
    ) -> None:
        self._clock = clock
        self._dialect = dialect
        self._services = services
        self._limits = limits

    def buildProtocol(self, addr: IAddress | None) -> IMAPConnection:
        """A connection for a client."""
        return IMAPConnection(
            clock=self._clock,
            dialect=self._dialect,
            services=self._services,
            limits=self._limits,
        )
