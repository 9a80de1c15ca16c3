"""ManageSieve on a connection: the protocol of Twisted, and its factory."""

from collections.abc import Callable

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from sora.errors import SoraError
from sora.net.connection import Connection
from sora.protocols.managesieve.dialect import COMMANDS
from sora.protocols.managesieve.errors import TRYLATER
from sora.protocols.managesieve.services import Limits, Services
from sora.protocols.managesieve.session import Session
from sora.protocols.managesieve.wire.reader import ManageSieveReader
from sora.protocols.managesieve.wire.write import response


class ManageSieveConnection(Connection):
    """One client."""

    reader: ManageSieveReader

    def __init__(self, clock: IReactorTime, services: Services, limits: Limits) -> None:
        super().__init__(
            clock, ManageSieveReader(limits.line_before_login, limits.skip_before_login)
        )
        self._make_session: Callable[[], Session] = lambda: Session(
            self, self.reader, COMMANDS, services, limits
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


class ManageSieveFactory(Factory):
    """Makes the connections of one server."""

    noisy = False

    def __init__(self, *, clock: IReactorTime, services: Services, limits: Limits) -> None:
        self._clock = clock
        self._services = services
        self._limits = limits

    def buildProtocol(self, addr: IAddress | None) -> ManageSieveConnection:
        """A connection for a client."""
        return ManageSieveConnection(self._clock, self._services, self._limits)


def refusal(sentence: str) -> bytes:
    """What a client over a limit is told before the connection is closed."""
    return response(b"BYE", TRYLATER, sentence)
