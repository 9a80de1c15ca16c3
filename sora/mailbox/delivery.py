"""Mail comes in: from a received message and its recipients to messages in mailboxes.

Each recipient gets its own true answer (G41), and a message that the sender sends again,
because our answer was lost, arrives once (G42): the claim is on the bytes as they were
received and the recipient, whatever mailbox they go to. That is also why an attempt whose
outcome is unknown can be repeated recipient by recipient.

The bytes are stored as received. What this delivery adds (Return-Path, Delivered-To, Received)
is the `trace` of each message, so that any number of recipients share one content.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.addresses import Address
from sora.deferreds import shielded
from sora.errors import MailLoop, OverQuota, SoraError, Unavailable
from sora.mail.facts import Facts
from sora.mail.mailbox_names import INBOX, name_key
from sora.mail.trace import (
    Hop,
    count_received,
    delivered_to,
    received,
    return_path,
    was_delivered_to,
)
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.envelope import Addressee, Envelope
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IAccounts
from sora.storage.rows import Fate, Operation, Placed, Recipient, Target

BATCH: Final = 50
"""Recipients of one statement."""
MAX_HOPS: Final = 100
"""Received fields from which on a message is taken for one that goes round in circles (RFC
5321 §6.3)."""
_HOPELESS: Final = 3
"""Recipients in a row for whom storage cannot be reached, after which the others are spared."""


@frozen
class _Message:
    """A message that is being delivered."""

    envelope: Envelope
    spool: Spool
    facts: Facts
    now: datetime


@define
class _Task:
    """One recipient, and what has become of it: `outcome` is None when it is durable."""

    addressee: Addressee
    mailbox_id: int
    done: bool = False
    outcome: SoraError | None = None

    def end(self, outcome: SoraError | None) -> None:
        self.done, self.outcome = True, outcome


class Delivery:
    """The door for incoming mail.

    `detail_to_folder`: mail for `user+detail@domain` goes to the mailbox of that name if
    there is one, else to INBOX.
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
        detail_to_folder: bool = False,
    ) -> None:
        self._accounts = accounts
        self._arrivals = arrivals
        self._open = open_mailboxes
        self._clock = clock
        self._new_uuid = new_uuid
        self._max_hops = max_hops
        self._detail_to_folder = detail_to_folder

    async def resolve(self, address: Address) -> Recipient | None:
        """Who receives mail for an address. One round trip."""
        return await self._accounts.recipient(address)

    async def deliver(self, envelope: Envelope, message: Spool) -> Sequence[SoraError | None]:
        """Put a message into mailboxes: for each recipient, None when it is durable, or why
        it is not. One round trip per 50 recipients of a scope.

        A delivery that has begun goes on when whoever waits for it is cancelled.
        """
        return await shielded(Deferred.fromCoroutine(self._deliver(envelope, message)))

    async def _deliver(self, envelope: Envelope, spool: Spool) -> Sequence[SoraError | None]:
        tasks = [_Task(each, self._mailbox(each)) for each in envelope.recipients]
        facts = await self._arrivals.facts(spool)
        now = datetime.fromtimestamp(int(self._clock.seconds()), UTC)
        message = _Message(envelope, spool, facts, now)
        self._refuse_loops(message, tasks)
        for scope_id, batch in _batches([task for task in tasks if not task.done]):
            await self._place_batch(message, scope_id, batch)
        return [task.outcome for task in tasks]

    def _mailbox(self, addressee: Addressee) -> int:
        """Where the mail of a recipient goes."""
        mailboxes, detail = addressee.recipient.mailboxes, addressee.address.detail
        inbox = mailboxes[INBOX]
        if self._detail_to_folder and detail:
            return mailboxes.get(name_key(detail), inbox)
        return inbox

    def _refuse_loops(self, message: _Message, tasks: Sequence[_Task]) -> None:
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

    # -------------------------------------------------------------- placing

    async def _place_batch(self, message: _Message, scope_id: int, batch: Sequence[_Task]) -> None:
        try:
            await self._place(message, scope_id, batch)
            return
        except SoraError as error:
            if len(batch) == 1 or not isinstance(error, Unavailable):
                for task in batch:
                    task.end(error)
                return
            self.log.info(
                "{count} recipients at once failed ({error}): trying one by one",
                count=len(batch),
                error=error.text,
            )
        # One locked mailbox must not keep the mail of the others.
        hopeless = 0
        for task in batch:
            if hopeless >= _HOPELESS:
                task.end(Unavailable())
                continue
            try:
                await self._place(message, scope_id, [task])
                hopeless = 0
            except SoraError as error:
                hopeless += isinstance(error, Unavailable)
                task.end(error)

    async def _place(self, message: _Message, scope_id: int, tasks: Sequence[_Task]) -> None:
        operation = Operation(
            id=self._new_uuid(), protocol="lmtp", address=message.envelope.origin.host
        )
        targets = [self._target(message, task) for task in tasks]
        placement = await self._arrivals.place(
            scope_id, message.spool, targets, operation, message.facts
        )
        # From here on nothing may fail: the messages are there (G15).
        self._open.placed(placement.placed)
        for task, placed in zip(tasks, placement.placed, strict=True):
            task.end(_outcome(placed))

    def _target(self, message: _Message, task: _Task) -> Target:
        address = str(task.addressee.address)
        origin = message.envelope.origin
        hop = Hop(
            helo=origin.helo,
            client=origin.host,
            by=origin.by,
            protocol=origin.protocol,
            identifier="",
            when=message.now,
        )
        return Target(
            account_id=task.addressee.recipient.account_id,
            mailbox_id=task.mailbox_id,
            internal_date=message.now,
            email_id=self._new_uuid(),
            trace=return_path(message.envelope.sender)
            + delivered_to(address)
            + received(hop, address),
            recipient=_claimed(task.addressee.address),
            received_hash=message.spool.hash,
        )


def _claimed(address: Address) -> str:
    """What a delivery is claimed by: the address, folded, with its detail."""
    detail = "" if address.detail is None else f"+{address.detail.casefold()}"
    local, _, domain = address.key.rpartition("@")
    return f"{local}{detail}@{domain}"


def _batches(tasks: Sequence[_Task]) -> Iterator[tuple[int, Sequence[_Task]]]:
    """Tasks by scope, in their order, at most `BATCH` at a time."""
    scopes: dict[int, list[_Task]] = {}
    for task in tasks:
        scopes.setdefault(task.addressee.recipient.scope_id, []).append(task)
    for scope_id, found in scopes.items():
        for start in range(0, len(found), BATCH):
            yield scope_id, found[start : start + BATCH]


def _outcome(placed: Placed) -> SoraError | None:
    match placed.fate:
        case Fate.PLACED | Fate.DUPLICATE:
            return None
        case Fate.OVER_QUOTA:
            return OverQuota("The recipient's mailbox is full")
        case Fate.NO_MAILBOX:
            # It was there at RCPT; the next attempt finds out what has become of it.
            return Unavailable("The mailbox has just gone; try again")
