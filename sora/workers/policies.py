"""Expunges what a policy says is too old: `[cleanup] max_age_restriction` and its kin.

A pass goes through all mailboxes, in parts that any node takes; each mailbox costs one look at
its first message. What is too old is expunged as by a client, a few hundred messages at a time:
that long is a mailbox locked. Sessions are told, and the messages can be restored for the grace
period.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import NoSuchMailbox
from sora.retry import pause
from sora.storage.interfaces import IRetention
from sora.storage.rows import Expunged, Operation, ServerRetention

MAILBOXES: Final = 1000
"""that are looked at by one statement"""
MESSAGES: Final = 500
"""that are expunged while a mailbox is locked"""
REST: Final = 0.02
"""seconds between two statements, so that mail goes first"""
ACTOR: Final = "retention"
"""who it was, in the history"""


class Policies:
    """Applies the rules of a server, its domains and its accounts. `told` hears of each expunge;
    `wake_interval` is how often a pass begins, in seconds."""

    log = Logger()

    def __init__(
        self,
        retention: IRetention,
        server: ServerRetention,
        *,
        clock: IReactorTime,
        wake_interval: float,
        told: Callable[[Expunged], None],
        messages: int = MESSAGES,
    ) -> None:
        self._retention = retention
        self._server = server
        self._clock = clock
        # A pass that is a little early is no harm; one that is left out is.
        self._rest = timedelta(seconds=wake_interval / 2)
        self._told = told
        self._messages = messages

    async def apply(self, is_over: Callable[[], bool]) -> int:
        """Take parts of a pass until it is at its end, or `is_over`. Gives how many messages went.
        Raises Unavailable."""
        count = 0
        while not is_over():
            part = await self._retention.take(MAILBOXES, self._rest, self._server)
            for mailbox_id, before in part.due:
                if is_over():
                    return count
                gone = await self._expire(mailbox_id, before, is_over)
                count += gone
                if gone:
                    self.log.info(
                        "{count} messages that came before {before} are expunged from the mailbox"
                        " {mailbox} by a policy",
                        count=gone,
                        before=before.isoformat(timespec="seconds"),
                        mailbox=mailbox_id,
                    )
            if part.looked < MAILBOXES:  # the pass is at its end
                break
            await pause(self._clock, REST)
        return count

    async def _expire(self, mailbox_id: int, before: datetime, is_over: Callable[[], bool]) -> int:
        count = 0
        while not is_over():
            operation = Operation(uuid4(), actor=ACTOR)
            try:
                expunged: Expunged = await self._retention.expire(
                    mailbox_id, before, self._messages, operation
                )
            except NoSuchMailbox:
                break
            if not expunged.vanished:
                break
            count += len(expunged.vanished)
            self._told(expunged)
            await pause(self._clock, REST)
        return count
