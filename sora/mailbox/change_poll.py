"""What other processes did: one question for all open mailboxes and all that sessions follow
(NOTIFY), every few seconds, and one for the names of accounts that are followed.

The doorbell between the processes of a node (`sora.net.doorbell`) may be lost, and other nodes do
not ring; this is what makes up for it. A NOOP asks at once
when other processes serve the database (`IMembership`), and all that ask at the same time
share one round trip; when this process is alone it costs nothing.
"""

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sora.deferreds import Tasks, gather
from sora.errors import Unavailable
from sora.mailbox.open_mailbox import OpenMailbox
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.storage.interfaces import IMailboxes, IMembership
from sora.trouble import Trouble

INTERVAL: Final = 2.0
"""Seconds between two questions."""
DOUBT: Final = 20.0
"""Seconds without a heartbeat after which other processes may soon think that this one is dead."""
BEATS: Final = 2
"""A heartbeat goes with every second one."""


class ChangePoll(Service):
    """Keeps `OpenMailboxes` right about what others did, and about whether there are others."""

    log = Logger()
    name = "change poll"

    def __init__(
        self,
        mailboxes: IMailboxes,
        membership: IMembership,
        open_mailboxes: OpenMailboxes,
        clock: IReactorTime,
        process_id: UUID,
        process_name: str = "",
        interval: float = INTERVAL,
    ) -> None:
        self._mailboxes = mailboxes
        self._membership = membership
        self._open = open_mailboxes
        self._process_id = process_id
        self._process_name = process_name
        self._interval = interval
        self._clock = clock
        self._heard_of_at = clock.seconds()
        self._rounds = 0
        self._epoch: UUID | None = None
        self._tasks = Tasks()
        self._asking: list[tuple[OpenMailbox, Deferred[None]]] = []
        self._answering = False
        self._deafness = Trouble(
            self.log,
            "cannot learn of changes by others",
            "changes by others are learned of again",
            is_bad=True,
        )
        self._loop = LoopingCall(self._start_round)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._rounds = 0
        self._loop.start(self._interval, now=True)

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return Deferred.fromCoroutine(self._leave())

    async def _leave(self) -> None:
        await self._tasks.cancel()
        self._open.end_turns()
        await self._open.stop()
        try:
            await self._membership.leave(self._process_id)
        except Unavailable:
            self.log.info("could not sign off; the others will notice")

    # -------------------------------------------------------------- now and then

    def _start_round(self) -> "Deferred[None]":
        return self._tasks.start(self._round(), "change poll")

    async def _round(self) -> None:
        try:
            others, sightings = -1, self._open.sightings
            if self._clock.seconds() - self._heard_of_at > DOUBT:
                self._open.end_turns()
            if self._rounds % BEATS == 0:
                heard = await self._membership.beat(self._process_id, self._process_name)
                others = heard.others
                self._heard_of_at = self._clock.seconds()
                await self._meet(heard.epoch)
                if others > 0:
                    self._open.met()
            self._rounds += 1
            # Also when alone: an operator's command may write too.
            await self._poll(self._open.in_use, self._open.watchers.mailboxes)
            await self._poll_names()
            await self._open.settle_turns()
            if others == 0 and sightings == self._open.sightings:
                # Only now: what the others did before they left is known.
                self._open.all_others_left()
        except Unavailable as error:
            self._deafness.has(error)
        else:
            self._deafness.is_over()
        self._open.cool()

    async def _meet(self, epoch: UUID) -> None:
        """What a database has forgotten that was set back is forgotten here, too (G70)."""
        if self._epoch not in (None, epoch):
            self.log.warn(
                "the database was set back, by the promotion of a replica, a restore, or a crash"
                " with async_flags: what it has forgotten is forgotten here, and clients are told"
            )
            await self._open.meet_epoch()
        self._epoch = epoch

    async def _poll_names(self) -> None:
        accounts = self._open.watchers.accounts
        if accounts:
            self._open.watchers.found({}, await self._mailboxes.versions(list(accounts)))

    async def _poll(self, mailboxes: Iterable[OpenMailbox], followed: Collection[int] = ()) -> None:
        wanted = {mailbox.mailbox_id: mailbox for mailbox in mailboxes}
        if not wanted and not followed:
            return
        found = await self._mailboxes.poll([*{*wanted, *followed}])
        self._open.watchers.found(found, {})
        behind = []
        for mailbox_id, mailbox in wanted.items():
            modseq = found.get(mailbox_id)
            if modseq is None:
                mailbox.mark_deleted()
            elif modseq > mailbox.state.highest_modseq:
                behind.append(mailbox.settle(modseq))
        await gather(*behind)

    # -------------------------------------------------------------- at once

    async def refresh(self, mailbox: OpenMailbox) -> None:
        """Learn what others did to this mailbox up to now. While storage cannot be reached,
        nothing is learned, and that is no error."""
        if self._open.alone:
            return
        waiter: Deferred[None] = Deferred()
        self._asking.append((mailbox, waiter))
        if not self._answering:
            self._answering = True
            self._tasks.start(self._answer(), "refresh of mailboxes")
        await waiter

    async def _answer(self) -> None:
        """Answer all that ask. A question that began before somebody asked is no answer for
        him: he waits for the next one."""
        try:
            while self._asking:
                asking, self._asking = self._asking, []
                try:
                    await self._poll(mailbox for mailbox, _ in asking)
                except Unavailable as error:
                    self.log.debug("cannot refresh: {error}", error=error.text)
                finally:
                    for _, waiter in asking:
                        waiter.callback(None)
        finally:
            self._answering = False
