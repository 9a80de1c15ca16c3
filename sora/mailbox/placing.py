"""How what was decided for the recipients of a message is done: many of them by one statement, and
for each what follows from its claim (see `sora.mailbox.delivery`, G42, G43)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from uuid import UUID

from attrs import define, evolve, field, frozen
from twisted.logger import Logger

from sora.addresses import Address
from sora.deferreds import Tasks
from sora.errors import OutcomeUnknown, OverQuota, SoraError, Unavailable
from sora.mail.mailbox_names import INBOX
from sora.mail.trace import delivered_to, return_path
from sora.mailbox.answering import Answering
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.deciding import Incoming
from sora.mailbox.envelope import Addressee
from sora.mailbox.folders import Folder
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.planning import Filing, Plan
from sora.mailbox.wishes import Version
from sora.relay.interfaces import Held, IRelay
from sora.storage.rows import Claim, Claimed, Fate, Operation, Placed, Recipient, Target

BATCH: Final = 50
"""Recipients of one statement."""
_HOPELESS: Final = 3
"""Recipients in a row for whom storage cannot be reached, after which the others are spared."""


@define
class Task:
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
        """Who it is."""
        return self.addressee.recipient

    @property
    def inbox(self) -> Folder:
        """Where its mail goes unless something else is wanted."""
        recipient = self.recipient
        return Folder(recipient.account_id, recipient.scope_id, recipient.mailboxes[INBOX])

    def end(self, outcome: SoraError | None) -> None:
        """This has become of it."""
        self.done, self.outcome = True, outcome


@frozen
class _Batch:
    """What one statement does: the claims of tasks, and the messages they are made from."""

    spools: list[tuple[int, Version]]
    claims: list[Claim]


class Placing:
    """Does what is planned for recipients. `relay` holds what is sent on, `answering` sends
    answers; `background` are pieces of work that may fail by themselves."""

    log = Logger()

    def __init__(
        self,
        arrivals: Arrivals,
        open_mailboxes: OpenMailboxes,
        background: Tasks,
        *,
        new_uuid: Callable[[], UUID],
        relay: IRelay | None,
        answering: Answering | None,
    ) -> None:
        self._arrivals = arrivals
        self._open = open_mailboxes
        self._background = background
        self._new_uuid = new_uuid
        self._relay = relay
        self._answering = answering

    async def place(self, message: Incoming, tasks: Sequence[Task]) -> None:
        """Do what is planned for those who are not done with, and end them. One round trip per 50
        recipients of a scope."""
        for scope_id, batch in _batches([task for task in tasks if not task.done]):
            await self._place_batch(message, scope_id, batch)

    async def _place_batch(self, message: Incoming, scope_id: int, batch: Sequence[Task]) -> None:
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

    async def _place(self, message: Incoming, scope_id: int, tasks: Sequence[Task]) -> None:
        operation = Operation(
            id=self._new_uuid(), protocol="lmtp", address=message.envelope.origin.host
        )
        batch = self._batch(message, tasks)
        spools = [(scope, *message.spool_of(version)) for scope, version in batch.spools]
        delivered = await self._arrivals.deliver(spools, batch.claims, operation)
        # From here on nothing may fail: it has happened (G15).
        self._open.announce.placed(_made(delivered.claims))
        for task, claimed in zip(tasks, delivered.claims, strict=True):
            if claimed.fate is Fate.NO_MAILBOX and _take_home(task):
                await self._place_batch(message, scope_id, [task])
            else:
                await self._settle(message, task, claimed)

    def _batch(self, message: Incoming, tasks: Sequence[Task]) -> _Batch:
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

    def _target(self, message: Incoming, task: Task, filing: Filing, arrival: int) -> Target:
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

    async def _settle(self, message: Incoming, task: Task, claimed: Claimed) -> None:
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

    async def _fail(self, task: Task, error: SoraError) -> None:
        task.end(error)
        if task.is_unknown:
            await self._release(task)
        else:
            await self._drop(task)

    async def _release(self, task: Task) -> None:
        held, task.held = task.held, None
        if held is not None and self._relay is not None:
            await self._relay.release(held)

    async def _drop(self, task: Task) -> None:
        held, task.held = task.held, None
        if held is not None and self._relay is not None:
            await self._relay.drop(held)

    async def _answer(self, message: Incoming, task: Task, won: frozenset[int]) -> None:
        answers = task.plan.won(won)
        if answers and self._answering is not None:
            # Whatever happens to an answer, the message has arrived: a failure is logged.
            work = self._answering.answer(answers, message.now, task.addressee)
            await self._background.start(work, "answering a message", awaited=True)


def _claimed(address: Address) -> str:
    """What a delivery is claimed by: the address, folded, with its detail."""
    detail = "" if address.detail is None else f"+{address.detail.casefold()}"
    local, _, domain = address.key.rpartition("@")
    return f"{local}{detail}@{domain}"


def _batches(tasks: Sequence[Task]) -> Iterator[tuple[int, Sequence[Task]]]:
    """Tasks by scope, in their order, at most `BATCH` at a time."""
    scopes: dict[int, list[Task]] = {}
    for task in tasks:
        scopes.setdefault(task.recipient.scope_id, []).append(task)
    for scope_id, found in scopes.items():
        for start in range(0, len(found), BATCH):
            yield scope_id, found[start : start + BATCH]


def _made(claims: Sequence[Claimed]) -> list[Placed]:
    """The messages that were made; what went to INBOX instead and is there already has no uid."""
    return [placed for claimed in claims for placed in claimed.placed if placed.uid]


def _take_home(task: Task) -> bool:
    """Put into INBOX what was to be put into mailboxes of others; False if nothing was."""
    account_id = task.recipient.account_id
    filings, task.plan.filings = task.plan.filings, []
    is_changed = False
    for filing in filings:
        is_foreign = filing.folder.account_id != account_id
        is_changed |= is_foreign
        task.plan.file(evolve(filing, folder=task.inbox) if is_foreign else filing)
    return is_changed
