"""Mail comes in: from a received message and its recipients to messages in mailboxes.

What becomes of a message for a recipient is decided first (`filtering`, `planning`), and then done
as a whole: messages in any number of mailboxes, or in none; mail that is sent on; answers. Each
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

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.addresses import Address
from sora.deferreds import Tasks, in_turn, shielded
from sora.errors import (
    MailLoop,
    MessageRefused,
    OutcomeUnknown,
    OverQuota,
    SoraError,
    Unavailable,
)
from sora.mail.mailbox_names import INBOX
from sora.mail.trace import (
    Hop,
    count_received,
    delivered_to,
    received,
    return_path,
    was_delivered_to,
)
from sora.mailbox.answering import Answering
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.deciding import Deciding, Incoming
from sora.mailbox.envelope import Addressee, Body, Envelope
from sora.mailbox.folders import Folder
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.planning import Filing, Plan
from sora.mailbox.spool import Spool
from sora.mailbox.success_reports import SuccessReports, is_wanted
from sora.mailbox.wishes import Version
from sora.relay.interfaces import Held, IRelay, RelayOff
from sora.storage.interfaces import IAccounts
from sora.storage.rows import Claim, Claimed, Fate, Operation, Placed, Recipient, Target

BATCH: Final = 50
"""Recipients of one statement."""
MAX_HOPS: Final = 100
"""Received fields from which on a message is taken for one that goes round in circles (RFC
5321 §6.3)."""
LARGE: Final = 1024 * 1024
"""Octets from which on a message is a large one: it is read whole for what is derived from it."""
LARGE_AT_ONCE: Final = 3
"""Large messages that are dealt with at the same time; others wait, on the disk."""
MAX_ID: Final = 250
"""Characters of a message's id in the log."""
_HOPELESS: Final = 3
"""Recipients in a row for whom storage cannot be reached, after which the others are spared."""


@define
class _Task:
    """One recipient: what is to be done, and what has become of it. `outcome` is None when all is
    durable. `received` is the line of trace that tells how the message came; `held` is what the
    relay holds; `is_unknown` says that a try may have happened, `is_new` that it was done now."""

    addressee: Addressee
    claim_id: UUID
    received: bytes
    plan: Plan = field(factory=Plan)
    is_decided: bool = False
    held: Held | None = None
    is_unknown: bool = False
    is_new: bool = False
    done: bool = False
    outcome: SoraError | None = None

    @property
    def recipient(self) -> Recipient:
        return self.addressee.recipient

    def end(self, outcome: SoraError | None) -> None:
        self.done, self.outcome = True, outcome


@frozen
class _Batch:
    """What one statement does: the claims of tasks, and the messages they are made from."""

    spools: list[tuple[int, Version]]
    claims: list[Claim]


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
        self._arrivals = arrivals
        self._open = open_mailboxes
        self._clock = clock
        self._new_uuid = new_uuid
        self._max_hops = max_hops
        self._deciding = deciding
        self._answering = answering
        self._relay = relay
        self._reports = reports
        self._tasks = Tasks()
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
            _Task(each, self._new_uuid(), _received(envelope, each.address, now))
            for each in envelope.recipients
        ]
        arrived = spool
        if envelope.body is Body.BINARY:
            # As with APPEND: a part that not every client can be given becomes base64.
            spool = await self._arrivals.deriving.recoded(spool, Spool)
        facts = await self._arrivals.deriving.facts(spool)
        message = Incoming(envelope, spool, facts, now)
        try:
            self._refuse_loops(message, tasks)
            for task in tasks:
                if not task.done:
                    await self._decide(message, task)
            for scope_id, batch in _batches([task for task in tasks if not task.done]):
                await self._place_batch(message, scope_id, batch)
            await self._report(message, tasks)
            self._tell(message, tasks)
        finally:
            message.close()
            if spool is not arrived:
                spool.close()
        return [task.outcome for task in tasks]

    def _tell(self, message: Incoming, tasks: Sequence[_Task]) -> None:
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

    def _refuse_loops(self, message: Incoming, tasks: Sequence[_Task]) -> None:
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

    async def _decide(self, message: Incoming, task: _Task) -> None:
        """Make the task's plan, and let the relay hold what is sent on. Whatever goes wrong with
        one recipient's filters is nobody else's affair."""
        recipient = task.recipient
        if self._deciding is None:
            inbox = Folder(recipient.account_id, recipient.scope_id, recipient.mailboxes[INBOX])
            task.plan.file(Filing(inbox))
            return
        work = self._plan(self._deciding, message, task)
        await self._tasks.start(work, "deciding about a message", awaited=True)
        if not task.is_decided:
            task.end(Unavailable())

    async def _plan(self, deciding: Deciding, message: Incoming, task: _Task) -> None:
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
                message.versions[version] = spool, await self._arrivals.deriving.facts(spool)

    async def _hold(self, message: Incoming, task: _Task) -> None:
        if not task.plan.redirects or self._relay is None or self._deciding is None:
            return
        sendings = [sending for sending, _ in task.plan.redirects]
        try:
            task.held = await self._relay.hold([(one.outgoing, one.content) for one in sendings])
        except (RelayOff, Unavailable) as error:
            self._deciding.keep_unsent(task.addressee, task.plan, error.text)

    # -------------------------------------------------------------- placing

    async def _place_batch(self, message: Incoming, scope_id: int, batch: Sequence[_Task]) -> None:
        try:
            await self._place(message, scope_id, batch)
            return
        except SoraError as error:
            for task in batch:
                task.is_unknown |= isinstance(error, OutcomeUnknown)
            if len(batch) == 1 or not isinstance(error, Unavailable):
                for task in batch:
                    await self._fail(task, error)
                return
            self.log.info(
                "{count} recipients at once failed ({error}): trying one by one",
                count=len(batch),
                error=error.text,
            )
        # One locked mailbox must not keep the mail of the others.
        hopeless = 0
        for task in batch:
            if task.done:
                continue
            if hopeless >= _HOPELESS:
                await self._fail(task, Unavailable())
                continue
            try:
                await self._place(message, scope_id, [task])
                hopeless = 0
            except SoraError as error:
                hopeless += isinstance(error, Unavailable)
                task.is_unknown |= isinstance(error, OutcomeUnknown)
                await self._fail(task, error)

    async def _place(self, message: Incoming, scope_id: int, tasks: Sequence[_Task]) -> None:
        operation = Operation(
            id=self._new_uuid(), protocol="lmtp", address=message.envelope.origin.host
        )
        batch = self._batch(message, tasks)
        spools = [(scope, *message.spool_of(version)) for scope, version in batch.spools]
        delivered = await self._arrivals.deliver(spools, batch.claims, operation)
        # From here on nothing may fail: it has happened (G15).
        self._open.placed(_made(delivered.claims))
        for task, claimed in zip(tasks, delivered.claims, strict=True):
            if claimed.fate is Fate.NO_MAILBOX and _take_home(task):
                await self._place_batch(message, scope_id, [task])
            else:
                await self._settle(message, task, claimed)

    def _batch(self, message: Incoming, tasks: Sequence[_Task]) -> _Batch:
        places: dict[tuple[int, Version], int] = {}
        claims = []
        for task in tasks:
            targets = [
                self._target(
                    message,
                    task,
                    filing,
                    places.setdefault((filing.folder.scope_id, filing.version), len(places)),
                )
                for filing in task.plan.filings
            ]
            claims.append(
                Claim(
                    id=task.claim_id,
                    account_id=task.recipient.account_id,
                    inbox_id=task.recipient.mailboxes[INBOX],
                    recipient=_claimed(task.addressee.address),
                    received_hash=message.spool.hash,
                    targets=tuple(targets),
                    vacations=task.plan.memories,
                    duplicates=task.plan.seen,
                )
            )
        return _Batch(list(places), claims)

    def _target(self, message: Incoming, task: _Task, filing: Filing, arrival: int) -> Target:
        return Target(
            account_id=filing.folder.account_id,
            mailbox_id=filing.folder.mailbox_id,
            internal_date=message.now,
            email_id=self._new_uuid(),
            flags=filing.flags,
            trace=return_path(message.envelope.sender)
            + delivered_to(str(task.addressee.address))
            + task.received,
            asker=task.recipient.account_id,
            arrival=arrival,
        )

    # -------------------------------------------------------------- afterwards

    async def _settle(self, message: Incoming, task: _Task, claimed: Claimed) -> None:
        """What follows from the fate of a claim."""
        match claimed.fate:
            case Fate.PLACED:
                task.is_new = True
                task.end(None)
                await self._release(task)
                await self._answer(message, task, claimed.vacations)
            case Fate.DUPLICATE if claimed.is_own:
                # An earlier try has done it, and nobody heard what it had won.
                task.end(None)
                await self._release(task)
                await self._answer(message, task, frozenset())
            case Fate.DUPLICATE:
                task.end(None)
                await self._drop(task)
            case Fate.OVER_QUOTA:
                await self._fail(task, OverQuota("The recipient's mailbox is full"))
            case Fate.NO_MAILBOX:
                # It was there at RCPT; the next attempt finds out what has become of it.
                await self._fail(task, Unavailable("The mailbox has just gone; try again"))

    async def _fail(self, task: _Task, error: SoraError) -> None:
        task.end(error)
        if task.is_unknown:
            await self._release(task)
        else:
            await self._drop(task)

    async def _release(self, task: _Task) -> None:
        held, task.held = task.held, None
        if held is not None and self._relay is not None:
            await self._relay.release(held)

    async def _drop(self, task: _Task) -> None:
        held, task.held = task.held, None
        if held is not None and self._relay is not None:
            await self._relay.drop(held)

    async def _report(self, message: Incoming, tasks: Sequence[_Task]) -> None:
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

    async def _answer(self, message: Incoming, task: _Task, won: frozenset[int]) -> None:
        answers = task.plan.won(won)
        if answers and self._answering is not None:
            # Whatever happens to an answer, the message has arrived: a failure is logged.
            work = self._answering.answer(answers, message.now, task.addressee)
            await self._tasks.start(work, "answering a message", awaited=True)


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


def _claimed(address: Address) -> str:
    """What a delivery is claimed by: the address, folded, with its detail."""
    detail = "" if address.detail is None else f"+{address.detail.casefold()}"
    local, _, domain = address.key.rpartition("@")
    return f"{local}{detail}@{domain}"


def _batches(tasks: Sequence[_Task]) -> Iterator[tuple[int, Sequence[_Task]]]:
    """Tasks by scope, in their order, at most `BATCH` at a time."""
    scopes: dict[int, list[_Task]] = {}
    for task in tasks:
        scopes.setdefault(task.recipient.scope_id, []).append(task)
    for scope_id, found in scopes.items():
        for start in range(0, len(found), BATCH):
            yield scope_id, found[start : start + BATCH]


def _made(claims: Sequence[Claimed]) -> list[Placed]:
    """The messages that were made; what went to INBOX instead and is there already has no uid."""
    return [placed for claimed in claims for placed in claimed.placed if placed.uid]


def _take_home(task: _Task) -> bool:
    """Put into INBOX what was to be put into mailboxes of others; False if nothing was."""
    recipient = task.recipient
    inbox = Folder(recipient.account_id, recipient.scope_id, recipient.mailboxes[INBOX])
    filings, task.plan.filings = task.plan.filings, []
    is_changed = False
    for filing in filings:
        is_foreign = filing.folder.account_id != recipient.account_id
        is_changed |= is_foreign
        task.plan.file(evolve(filing, folder=inbox) if is_foreign else filing)
    return is_changed
