"""POP3 on a connection: the protocol of Twisted, and its factory."""

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from sora.errors import SoraError
from sora.net.connection import Connection
from sora.protocols.pop3.command import Command
from sora.protocols.pop3.services import Services, Settings
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.spoken import COMMANDS
from sora.protocols.pop3.wire.answers import negative
from sora.protocols.pop3.wire.reader import POP3Reader


class POP3Connection(Connection):
    """One client."""

    reader: POP3Reader

    def __init__(
        self,
        *,
        clock: IReactorTime,
        commands: Mapping[bytes, type[Command]],
        services: Services,
        settings: Settings,
    ) -> None:
        super().__init__(clock, POP3Reader())
        self._make_session: Callable[[], Session] = lambda: Session(
            self, self.reader, commands, services, settings
        )
        self._session: Session | None = None

    async def converse(self) -> None:
        """The whole conversation."""
        self._session = self._make_session()
        await self._session.converse()

    def shutdown(self, why: SoraError) -> None:
        """The command in hand is answered first; then it is said why."""
        if self._session is None:
            self.close()
        else:
            self._session.stop(why)


class POP3Factory(Factory):
    """Makes the connections of one server."""

    noisy = False

    def __init__(
        self,
        *,
        clock: IReactorTime,
        services: Services,
        settings: Settings,
        commands: Mapping[bytes, type[Command]] = COMMANDS,
    ) -> None:
        self._clock = clock
        self._services = services
        self._settings = settings
        self._commands = commands

    def buildProtocol(self, addr: IAddress | None) -> POP3Connection:
        """A connection for a client."""
        return POP3Connection(
            clock=self._clock,
            commands=self._commands,
            services=self._services,
            settings=self._settings,
        )


def refusal(text: str) -> bytes:
    """What is said to a client for whom there is no place."""
    return negative("SYS/TEMP", text)
