"""Mail comes in: from a received message and its recipients to messages in mailboxes.

What becomes of a message for a recipient is decided first (`deciding`), and then done as a whole
(`placing`): messages in any number of mailboxes, or in none; mail that is sent on; answers. Each
recipient gets its own true answer (G41), and a message that the sender sends again, because our
answer was lost, is dealt with once (G42): the claim is on the bytes as they were received and the
recipient, whatever a changed script would do now. That is also why an attempt whose outcome is
unknown can be repeated recipient by recipient.

The order keeps promises when a process dies in between (G43, G48):

    1. what is sent on is held by the relay: durable, but not sent
    2. messages, claim and memory of answers are written, in one statement
    3. what is held is released; or dropped, where the claim was somebody else's
    4. answers that were won are queued

What is held when a process dies is released by the next one. Where nobody can say whether 2 has
happened, it is released as well: sent twice is better than lost.

The bytes are stored as received, or as edits of a script have left them (G46). What this delivery
adds (Return-Path, Delivered-To, Received) is the `trace` of each message, so that any number of
recipients share one content.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.addresses import Address
from sora.deferreds import Tasks, in_turn, shielded
from sora.errors import MailLoop, MessageRefused, SoraError, Unavailable
from sora.mail.trace import Hop, count_received, received, was_delivered_to
from sora.mailbox.answering import Answering
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.deciding import Deciding, Incoming
from sora.mailbox.envelope import Body, Envelope
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.placing import BATCH, Placing, Task
from sora.mailbox.planning import Filing, Plan
from sora.mailbox.spool import Spool
from sora.mailbox.success_reports import SuccessReports, is_wanted
from sora.relay.interfaces import IRelay, RelayOff
from sora.storage.interfaces import IAccounts
from sora.storage.rows import Recipient

MAX_HOPS: Final = 100
"""Received fields from which on a message is taken for one that goes round in circles (RFC
5321 §6.3)."""
LARGE: Final = 1024 * 1024
"""Octets from which on a message is a large one: it is read whole for what is derived from it."""
LARGE_AT_ONCE: Final = 3
"""Large messages that are dealt with at the same time; others wait, on the disk."""
MAX_ID: Final = 250
"""Characters of a message's id in the log."""


class Delivery:
    """The door for incoming mail.

    `deciding` runs filters and makes plans, `answering` sends answers; without them all mail goes
    to INBOX. `relay` is where goes what is sent on; `reports` tells senders of successes.
    """

    log = Logger()

    def __init__(
        self,
        accounts: IAccounts,
        arrivals: Arrivals,
        open_mailboxes: OpenMailboxes,
        clock: IReactorTime,
        *,
        new_uuid: Callable[[], UUID] = uuid4,
        max_hops: int = MAX_HOPS,
        deciding: Deciding | None = None,
        answering: Answering | None = None,
        relay: IRelay | None = None,
        reports: SuccessReports | None = None,
    ) -> None:
        self._accounts = accounts
        self._deriving = arrivals.deriving
        self._clock = clock
        self._new_uuid = new_uuid
        self._max_hops = max_hops
        self._deciding = deciding
        self._relay = relay
        self._reports = reports
        self._tasks = Tasks()
        self._placing = Placing(
            arrivals,
            open_mailboxes,
            self._tasks,
            new_uuid=new_uuid,
            relay=relay,
            answering=answering,
        )
        self._large = DeferredSemaphore(LARGE_AT_ONCE)

    @property
    def sends_reports(self) -> bool:
        """Whether senders are told of deliveries when they ask for it (DSN)."""
        return self._reports is not None

    async def resolve(self, address: Address) -> Recipient | None:
        """Who receives mail for an address. One round trip."""
        return await self._accounts.recipient(address)

    async def deliver(self, envelope: Envelope, message: Spool) -> Sequence[SoraError | None]:
        """Do with a message what its recipients want: for each of them, None when that is
        durable, or why it is not. One round trip per 50 recipients of a scope, besides what
        scripts ask for.

        A delivery that has begun goes on when whoever waits for it is cancelled. Memory is bounded:
        of large messages, a few are dealt with at the same time.
        """
        work = partial(self._deliver, envelope, message)
        doing = work() if message.size < LARGE else in_turn(self._large, work)
        return await shielded(Deferred.fromCoroutine(doing))

    async def _deliver(self, envelope: Envelope, spool: Spool) -> Sequence[SoraError | None]:
        now = datetime.fromtimestamp(int(self._clock.seconds()), UTC)
        tasks = [
            Task(each, self._new_uuid(), _received(envelope, each.address, now))
            for each in envelope.recipients
        ]
        arrived = spool
        if envelope.body is Body.BINARY:
            # As with APPEND: a part that not every client can be given becomes base64.
            spool = await self._deriving.recoded(spool, Spool)
        facts = await self._deriving.facts(spool)
        message = Incoming(envelope, spool, facts, now)
        try:
            self._refuse_loops(message, tasks)
            for task in tasks:
                if not task.done:
                    await self._decide(message, task)
            await self._placing.place(message, tasks)
            await self._report(message, tasks)
            self._tell(message, tasks)
        finally:
            message.close()
            if spool is not arrived:
                spool.close()
        return [task.outcome for task in tasks]

    def _tell(self, message: Incoming, tasks: Sequence[Task]) -> None:
        """Write into the log what was taken, for whom somebody asks after it. What was not is
        the protocol's to tell: it knows the answer."""
        taken = [f"<{task.addressee.address}>" for task in tasks if task.outcome is None]
        envelope = message.envelope
        for begin in range(0, len(taken), BATCH):
            self.log.info(
                "mail {message_id} from <{sender}> was taken for {recipients}",
                message_id=message.facts.message_id[:MAX_ID] or "without an id",
                sender=envelope.sender,
                recipients=", ".join(taken[begin : begin + BATCH]),
                size=message.spool.size,
                client=envelope.origin.remote_host or envelope.origin.host,
            )

    def _refuse_loops(self, message: Incoming, tasks: Sequence[Task]) -> None:
        """RFC 5321 §6.3"""
        header = message.facts.header
        if count_received(header) > self._max_hops:
            for task in tasks:
                task.end(MailLoop(f"The message has passed more than {self._max_hops} hosts"))
        elif b"delivered-to" in header.lower():
            for task in tasks:
                address = task.addressee.address
                if was_delivered_to(header, str(address)):
                    task.end(MailLoop(f"The message was delivered to {address} before"))

    # -------------------------------------------------------------- deciding

    async def _decide(self, message: Incoming, task: Task) -> None:
        """Make the task's plan, and let the relay hold what is sent on. Whatever goes wrong with
        one recipient's filters is nobody else's affair."""
        if self._deciding is None:
            task.plan.file(Filing(task.inbox))
            return
        work = self._plan(self._deciding, message, task)
        await self._tasks.start(work, "deciding about a message", awaited=True)
        if not task.is_decided:
            task.end(Unavailable())

    async def _plan(self, deciding: Deciding, message: Incoming, task: Task) -> None:
        try:
            task.plan = await deciding.plan(message, task.addressee, task.received)
            if task.plan.refusal is not None:
                task.end(MessageRefused(task.plan.refusal))
            else:
                await self._make_versions(message, task.plan)
                await self._hold(message, task)
        except SoraError as error:
            task.end(error)
        task.is_decided = True

    async def _make_versions(self, message: Incoming, plan: Plan) -> None:
        """Have the octets of every version of the message that the plan names (G46)."""
        versions = [filing.version for filing in plan.filings]
        for version in (*versions, *(version for _, version in plan.redirects)):
            if version.edits and version not in message.versions:
                assert self._deciding is not None
                spool = await self._deciding.edited(message, version)
                message.versions[version] = spool, await self._deriving.facts(spool)

    async def _hold(self, message: Incoming, task: Task) -> None:
        if not task.plan.redirects or self._relay is None or self._deciding is None:
            return
        sendings = [sending for sending, _ in task.plan.redirects]
        try:
            task.held = await self._relay.hold([(one.outgoing, one.content) for one in sendings])
        except (RelayOff, Unavailable) as error:
            self._deciding.keep_unsent(task.addressee, task.plan, error.text)

    async def _report(self, message: Incoming, tasks: Sequence[Task]) -> None:
        delivered = [
            task.addressee
            for task in tasks
            if task.is_new
            and is_wanted(task.addressee)
            and (task.plan.filings or not task.plan.redirects)
        ]
        if self._reports is not None and delivered and message.envelope.sender:
            work = self._reports.report(message, delivered)
            await self._tasks.start(work, "telling a sender of a delivery", awaited=True)


def _received(envelope: Envelope, address: Address, now: datetime) -> bytes:
    origin = envelope.origin
    hop = Hop(
        helo=origin.helo,
        client=origin.host,
        by=origin.by,
        protocol=origin.protocol,
        identifier="",
        when=now,
    )
    return received(hop, str(address))
