"""Whether the database answers: asked once, for all who want to know."""

from typing import Any, Final

from twisted.internet.defer import Deferred

from sora.errors import SoraError, Unavailable
from sora.storage.postgres.database import Database, Tx

REMEMBERED: Final = 1.0
"""seconds for which an answer holds: who asks often costs nothing"""
FOR_A_COMMAND: Final = 60.0
"""the same for a command, all whose parts are to have the same answer"""


class DatabaseLiveness:
    """One question at a time, however many ask; health and `/readyz` have the same answer.

    A server's pool tries to connect until the time of who waits is over. `for_a_command` the first
    refusal is the answer, and says why.
    """

    def __init__(
        self, database: Database, clock: Any, timeout: float, *, for_a_command: bool = False
    ) -> None:
        self._database = database
        self._clock = clock
        self._timeout = timeout
        self._for_a_command = for_a_command
        self._remembered = FOR_A_COMMAND if for_a_command else REMEMBERED
        self._asking: list[Deferred[str | SoraError]] | None = None
        self._answer: str | SoraError = Unavailable("The database was not asked yet")
        self._until = float("-inf")

    async def version(self) -> str:
        """The version of the server that is the primary. Raises SoraError if it does not answer."""
        answer = await self._asked()
        if isinstance(answer, SoraError):
            raise answer
        return answer

    async def is_ready(self) -> bool:
        """Whether this process can serve."""
        return not isinstance(await self._asked(), SoraError)

    async def _asked(self) -> str | SoraError:
        if self._clock.seconds() < self._until:
            return self._answer
        if self._asking is not None:
            waiting: Deferred[str | SoraError] = Deferred()
            self._asking.append(waiting)
            return await waiting
        self._asking = []
        try:
            if self._for_a_command:
                (await self._database.pool.open_one()).close()
            self._answer = await self._database.run(
                "health", _ask_version, write=False, timeout=self._timeout
            )
        except SoraError as error:
            self._answer = error
        finally:
            self._until = self._clock.seconds() + self._remembered
            asking, self._asking = self._asking, None
            for waiting in asking:
                waiting.callback(self._answer)
        return self._answer


async def _ask_version(tx: Tx) -> str:
    return str(await tx.value("SHOW server_version"))
