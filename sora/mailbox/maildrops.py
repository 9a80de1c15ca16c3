"""All maildrops that this process has open, and their leases.

One session has a maildrop for itself, whatever node it is on: a lease in the database says so
(`IMaildrops`). It runs for `LEASE` seconds, and one statement for all sessions of the process
renews it three times in that time; so the maildrops of a process that died are free after a
minute. Whoever finds that a lease is another's by now tells its session, which ends.

A client whose connection broke comes back at once. When this process knows that the old session
is over, and is only giving its lease back, the new one waits for that.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sora.auth.interfaces import Identity
from sora.deferreds import Tasks
from sora.errors import Superseded, Unavailable
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.mailbox.maildrop import Maildrop, MaildropRooms
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.reach import SessionFacts
from sora.mailbox.read_ahead import Allowance
from sora.storage.interfaces import IMaildrops, IMessages
from sora.storage.rows import MaildropClosed, Operation

LEASE: Final = 60.0
"""seconds"""
RENEWALS: Final = 3
"""how often a lease is renewed in that time"""
PATIENCE: Final = 10.0
"""seconds that a new session waits for an old one that is leaving"""
_LEASE: Final = timedelta(seconds=LEASE)


class Lease:
    """One session's hold on a maildrop. See `maildrop.Hold`."""

    log = Logger()

    def __init__(
        self,
        house: "Maildrops",
        account_id: int,
        session: UUID,
        is_over: Callable[[], bool],
        superseded: Callable[[], None],
    ) -> None:
        self.account_id = account_id
        self.session = session
        self.is_over = is_over
        self.maildrop: Maildrop | None = None
        self._house = house
        self._superseded = superseded
        self._waiting: list[Deferred[None]] = []

    async def end(
        self, mailbox_id: int, seen: NumberSet, gone: NumberSet, operation: Operation
    ) -> MaildropClosed:
        """See `IMaildrops.quit`."""
        try:
            closed: MaildropClosed = await self._house.storage.quit(
                self.account_id, self.session, mailbox_id, seen, gone, operation
            )
        except Superseded:
            self._house.forget(self)
            raise
        self._house.forget(self)
        return closed

    async def let_go(self) -> None:
        """Give it back and change nothing. Doing it again, or after `end`, does nothing."""
        if not self._house.has(self):
            return
        try:
            await self._house.storage.release(self.account_id, self.session)
        except Unavailable as error:
            self.log.info(
                "a maildrop is free only when its lease has run out: {error}", error=error.text
            )
        finally:
            self._house.forget(self)

    async def left(self, clock: IReactorTime) -> None:
        """Wait until it was given back, or for some seconds."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        timer = clock.callLater(PATIENCE, self.fire)
        await waiting
        if timer.active():
            timer.cancel()

    def fire(self) -> None:
        """Nobody waits any longer."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    def supersede(self) -> None:
        """It is another session's: tell this one."""
        if self.maildrop is not None:
            self.maildrop.is_superseded = True
        self._superseded()


class Maildrops(Service):
    """Opens maildrops, and keeps their leases."""

    log = Logger()
    name = "maildrops"

    def __init__(
        self,
        maildrops: IMaildrops,
        messages: IMessages,
        bodies: Bodies,
        open_mailboxes: OpenMailboxes,
        clock: IReactorTime,
        *,
        login_delay: float = 0.0,
        marks_seen: bool = True,
        new_uuid: Callable[[], UUID] = uuid4,
        allowance: Allowance | None = None,
    ) -> None:
        """`login_delay` is the least time between two logins, in seconds; `marks_seen` says
        whether messages that were retrieved become \\Seen."""
        self.storage = maildrops
        self._rooms = MaildropRooms(
            maildrops, messages, bodies, open_mailboxes, allowance or Allowance()
        )
        self._clock = clock
        self._delay = timedelta(seconds=login_delay)
        self._marks_seen = marks_seen
        self._new_uuid = new_uuid
        self._leases: dict[int, Lease] = {}
        self._tasks = Tasks()
        self._loop = LoopingCall(self._start_renewing)
        self._loop.clock = clock

    def __len__(self) -> int:
        """How many are open."""
        return len(self._leases)

    # ------------------------------------------------------------ a service

    def startService(self) -> None:
        super().startService()
        self._loop.start(LEASE / RENEWALS, now=False)

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return Deferred.fromCoroutine(self._tasks.join())

    # ------------------------------------------------------------ for sessions

    async def open(
        self,
        identity: Identity,
        facts: SessionFacts,
        *,
        is_over: Callable[[], bool],
        superseded: Callable[[], None],
    ) -> Maildrop:
        """The maildrop of somebody who has logged in. One round trip.

        `is_over` tells whether the session's client is gone; `superseded` is called when the
        lease was lost. Raises InUse, TooSoon, NoSuchMailbox.
        """
        account_id = identity.account_id
        before = self._leases.get(account_id)
        if before is not None and before.is_over():
            await before.left(self._clock)
        lease = Lease(self, account_id, self._new_uuid(), is_over, superseded)
        opened = await self.storage.open(account_id, lease.session, _LEASE, self._delay)
        displaced = self._leases.get(account_id)
        if displaced is not None:
            self._supersede(displaced)
        self._leases[account_id] = lease

        def new_operation() -> Operation:
            return Operation(
                id=self._new_uuid(),
                actor=identity.address,
                session=facts.session,
                protocol=facts.protocol,
                address=facts.address,
            )

        lease.maildrop = Maildrop(
            self._rooms, opened, lease, new_operation, marks_seen=self._marks_seen
        )
        return lease.maildrop

    # ------------------------------------------------------------ for leases

    def has(self, lease: Lease) -> bool:
        """Whether a lease is still one of this process."""
        return self._leases.get(lease.account_id) is lease

    def forget(self, lease: Lease) -> None:
        """A lease has ended."""
        if self.has(lease):
            del self._leases[lease.account_id]
        lease.fire()

    # ------------------------------------------------------------ inside

    def _supersede(self, lease: Lease) -> None:
        self.forget(lease)
        lease.supersede()

    def _start_renewing(self) -> None:
        if self._leases:
            self._tasks.start(self._renew(), "renewal of maildrops")

    async def _renew(self) -> None:
        asked = dict(self._leases)
        sessions = {account_id: lease.session for account_id, lease in asked.items()}
        try:
            kept = await self.storage.renew(sessions, _LEASE)
        except Unavailable as error:
            self.log.warn("maildrops cannot be kept: {error}", error=error.text)
            return
        for lease in asked.values():
            if lease.session not in kept and self.has(lease):
                self.log.info(
                    "account {account}: its maildrop is another session's by now",
                    account=lease.account_id,
                )
                self._supersede(lease)
