"""For how long messages stay in an INBOX at least, as POP3 tells its clients (RFC 2449 §6.7)."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import SoraError
from sora.storage.interfaces import IRetention
from sora.storage.rows import Kept, ServerRetention

FRESH: Final = 60.0
"""seconds for which the answer about everybody is good"""


class Keeping:
    """Asks for the rules that count. What cannot be found out now is None."""

    log = Logger()

    def __init__(self, retention: IRetention, server: ServerRetention, clock: IReactorTime) -> None:
        self._retention = retention
        self._server = server
        self._clock = clock
        self._known: Kept | None = None
        self._asked_at = -FRESH

    async def of(self, account_id: int) -> Kept | None:
        """An account's. One round trip."""
        return await self._ask(account_id)

    async def anybody(self) -> Kept | None:
        """What is true for all accounts. At most one round trip a minute for all who ask: nobody
        has to log in for it."""
        now = self._clock.seconds()
        if now - self._asked_at >= FRESH:
            self._asked_at = now
            self._known = await self._ask(None) or self._known
        return self._known

    async def _ask(self, account_id: int | None) -> Kept | None:
        try:
            kept: Kept = await self._retention.kept(self._server, account_id)
        except SoraError as error:
            self.log.info("how long mail is kept is not told: {error}", error=error.text)
            return None
        return kept
