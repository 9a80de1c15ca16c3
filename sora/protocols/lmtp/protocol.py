"""LMTP on a connection: the protocol of Twisted, and its factory."""

from typing import Final

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from sora.errors import SoraError
from sora.net.connection import Connection
from sora.protocols.lmtp.services import Services, Settings
from sora.protocols.lmtp.session import Session
from sora.protocols.lmtp.wire.reader import LMTPReader


class LMTPConnection(Connection):
    """One client."""

    reader: LMTPReader

    def __init__(self, clock: IReactorTime, services: Services, settings: Settings) -> None:
        super().__init__(clock, LMTPReader())
        self._session: Final = Session(self, self.reader, services, settings)

    async def converse(self) -> None:
        """The whole conversation."""
        await self._session.converse()

    def shutdown(self, why: SoraError) -> None:
        """The message in hand is delivered and answered first; then it is said why."""
        self._session.stop(why)


class LMTPFactory(Factory):
    """Makes the connections of one server."""

    noisy = False

    def __init__(self, *, clock: IReactorTime, services: Services, settings: Settings) -> None:
        self._clock = clock
        self._services = services
        self._settings = settings

    def buildProtocol(self, addr: IAddress | None) -> LMTPConnection:
        """A connection for a client."""
        return LMTPConnection(self._clock, self._services, self._settings)


def refusal(text: str) -> bytes:
    """What is said to a client for whom there is no place."""
    return f"421 4.3.2 {text}\r\n".encode()
