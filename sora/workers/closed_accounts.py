"""Ends the sessions of accounts that were disabled or deleted, wherever that was done.

Nobody logs in to them from that moment on; who has logged in before stays until somebody looks.
Each process looks every few seconds for all who are logged in to it, a thousand with one statement,
and sends none while nobody is.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.addresses import parse_address
from sora.errors import AccountClosed, BadArgument, SoraError
from sora.net.tracker import Session
from sora.storage.interfaces import IAccounts
from sora.waking import Waking

INTERVAL: Final = 10.0
"""seconds between two looks"""
AT_ONCE: Final = 1000
"""accounts of one statement"""


class ClosedAccounts(Waking):
    """Looks after `sessions`, those of this process. A database that is away is asked again."""

    log = Logger()

    def __init__(
        self,
        accounts: IAccounts,
        sessions: Callable[[], Iterable[Session]],
        clock: IReactorTime,
    ) -> None:
        super().__init__(clock)
        self._accounts = accounts
        self._sessions = sessions

    def startService(self) -> None:
        """Look now and then."""
        super().startService()
        self._wake_in(INTERVAL)

    def _wake(self) -> None:
        self._tasks.start(self._round(), "looking for sessions of closed accounts")

    async def _round(self) -> None:
        try:
            await self._look()
        finally:
            if self.running:
                self._wake_in(INTERVAL)

    async def _look(self) -> None:
        keys = map(_key, {one.user for one in self._sessions()})  # each has several sessions
        rest = iter(sorted(set(filter(None, keys))))
        while some := list(islice(rest, AT_ONCE)):
            try:
                closed: Sequence[str] = await self._accounts.closed(some)
            except SoraError as error:
                self.log.info("closed accounts are not known: {error}", error=error.text)
                return
            self._put_off(frozenset(closed))

    def _put_off(self, closed: frozenset[str]) -> None:
        if not closed:
            return
        for session in self._sessions():
            if _key(session.user) in closed:
                self.log.info(
                    "{user} is put off: the account was disabled or deleted",
                    user=session.user,
                    connection=session.id,
                )
                session.connection.shutdown(AccountClosed())


def _key(user: str) -> str:
    """Of a user's address; empty where nobody has logged in."""
    try:
        return parse_address(user, "").key if user else ""
    except BadArgument:  # no mailbox user
        return ""
