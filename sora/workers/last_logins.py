"""Writes down once a minute who has logged in to this process, when, how and from where.

Nobody's login waits for it. A database that is away is asked again a minute later, with what has
come together meanwhile; what a process knows that is killed is lost: a minute's logins at most.
"""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.auth.last_logins import LastLogins
from sora.errors import SoraError
from sora.storage.interfaces import ICredentials
from sora.waking import Waking

INTERVAL: Final = 60.0
"""seconds between two statements; a process to which nobody logs in sends none"""


class LastLoginRecorder(Waking):
    """Writes `logins`, also when it is stopped: once those who serve clients have ended."""

    log = Logger()

    def __init__(self, logins: LastLogins, credentials: ICredentials, clock: IReactorTime) -> None:
        super().__init__(clock)
        self._logins = logins
        self._credentials = credentials
        self._lost = 0

    def startService(self) -> None:
        """Write now and then, and earlier when much has come together."""
        super().startService()
        self._logins.filling = self._hurry
        self._wake_in(INTERVAL)

    def _hurry(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._woken()

    def _wake(self) -> None:
        self._tasks.start(self._round(), "noting who has logged in")

    async def _round(self) -> None:
        try:
            await self._write()
        finally:
            if self.running:
                self._wake_in(INTERVAL)

    async def _write(self) -> None:
        if not len(self._logins):
            return
        taken = self._logins.take()
        try:
            await self._credentials.note_logins(self._logins.rows(taken))
        except SoraError as error:
            self._logins.give_back(taken)
            self.log.info(
                "{count} last logins wait to be noted, {lost} were lost: {error}",
                count=len(self._logins),
                lost=self._logins.lost - self._lost,
                error=error.text,
            )
            self._lost = self._logins.lost

    async def _end(self) -> None:
        self._logins.filling = lambda: None
        await super()._end()
        await self._write()
