"""Scripts that run because of what clients do to mailboxes (RFC 6785).

Which script that is says an annotation of the mailbox, or else the account's own for all of its
mailboxes (§2.3.1); and the operator has rules for everybody. Scripts run after the client has its
answer: a STORE of ten thousand messages takes no longer because of them, and whatever goes wrong is
logged. All of it is bounded: messages of a command, and what waits in this process.

Who has such an annotation at all is asked every few seconds, once for everybody: where nobody has
one, no command costs a statement more. What this process, or another one of this node, has set is
known at once: until it was read, there may be a script for everything.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sora.addresses import parse_address
from sora.deferreds import Tasks
from sora.errors import BadArgument, BadName, NoSuchScript, SoraError
from sora.mail.annotations import EVENT_SCRIPT, OWN_EVENT_SCRIPT, Entry
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import NumberSet
from sora.mail.script_names import script_name
from sora.mailbox.chains import Link
from sora.mailbox.event_acting import Decided, EventActing
from sora.mailbox.events import Cause, MailboxEvent, Touched
from sora.mailbox.filtering import Filters
from sora.mailbox.folders import FolderRooms, Folders
from sora.mailbox.stored import WANTS, ReadsBodies, StoredText, filtered
from sora.storage.interfaces import IAccounts, IMessages, IMetadata, IScripts
from sora.storage.rows import Read, Recipient
from sora.trouble import Trouble

INTERVAL: Final = 10.0
"""Seconds between two questions of who has scripts."""
MOST_ACCOUNTS: Final = 100_000
"""Accounts with scripts that are kept in mind; when there are more, every event is looked at."""
MOST_WAITING: Final = 20_000
"""Messages of a process for which scripts have yet to run; what comes then is passed over."""
AT_ONCE: Final = 2
"""Events for which scripts run at the same time."""
BATCH: Final = 100
"""Messages that are read, and acted on, together."""
MOST_NAME: Final = 512
"""Octets of a script's name."""
MOST_USES: Final = 10_000
"""Accounts of which it is known for which special uses their mailboxes are."""
USES_FOR: Final = 60.0
"""Seconds for which that is believed."""


@frozen
class EventRule:
    """A script of the operator. `mailbox` and `source`, where messages are copied or moved from,
    are names, special uses (`\\Junk`), or empty for any."""

    script: Link
    causes: frozenset[Cause]
    mailbox: str = ""
    source: str = ""

    def is_for(self, event: MailboxEvent, uses: Mapping[str, int] | None) -> bool:
        """Whether it runs for an event. `uses` are the owner's mailboxes by special use, which is
        in lower case; while they are not known, it may run."""
        return (
            event.cause in self.causes
            and _is_it(self.mailbox, event.mailbox_id, event.mailbox, uses)
            and _is_it(self.source, event.source_id, event.source, uses)
        )


def _is_it(wanted: str, mailbox_id: int, name: str, uses: Mapping[str, int] | None) -> bool:
    if not wanted:
        return True
    if not wanted.startswith("\\"):
        return name_key(wanted) == name_key(name)
    if mailbox_id == 0:
        return False
    return uses is None or uses.get(wanted.lower()) == mailbox_id


class _Uses:
    """Special uses of mailboxes, by account, as far as this process has heard of them lately."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._known: OrderedDict[int, tuple[Mapping[str, int], float]] = OrderedDict()

    def of(self, account_id: int) -> Mapping[str, int] | None:
        """Mailboxes by use; None when it is not known."""
        known = self._known.get(account_id)
        if known is None or self._clock.seconds() - known[1] > USES_FOR:
            return None
        return known[0]

    def heard(self, recipient: Recipient) -> Mapping[str, int]:
        """Storage has just said so."""
        uses = {use.lower(): mailbox_id for use, mailbox_id in recipient.uses.items()}
        self._known[recipient.account_id] = uses, self._clock.seconds()
        self._known.move_to_end(recipient.account_id)
        if len(self._known) > MOST_USES:
            self._known.popitem(last=False)
        return uses


class EventAccounts(Service):
    """Who has scripts for events."""

    log = Logger()
    name = "event scripts of accounts"

    def __init__(
        self, metadata: IMetadata, clock: IReactorTime, *, interval: float = INTERVAL
    ) -> None:
        self._metadata = metadata
        self._interval = interval
        self._accounts: frozenset[int] | None = None
        self._edition = 0
        self._tasks = Tasks()
        self._ignorance = Trouble(
            self.log, "who has scripts for events is not known", "who has scripts is known again"
        )
        self._loop = LoopingCall(self._ask)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(self._interval, now=True)

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return Deferred.fromCoroutine(self._tasks.cancel())

    def has(self, account_id: int) -> bool:
        """Whether an account may have one."""
        return self._accounts is None or account_id in self._accounts

    def set(self, entries: Sequence[Entry]) -> None:
        """Annotations with these names were changed."""
        if EVENT_SCRIPT in entries or OWN_EVENT_SCRIPT in entries:
            self._accounts = None
            self._edition += 1
            if self.running:
                self._ask()

    def _ask(self) -> "Deferred[None]":
        return self._tasks.start(self._learn(), "who has scripts for events")

    async def _learn(self) -> None:
        edition = self._edition
        try:
            found = await self._metadata.accounts_with_event_scripts(MOST_ACCOUNTS)
        except SoraError as error:
            self._ignorance.has(error)
            return
        self._ignorance.is_over()
        if edition == self._edition:
            self._accounts = found


@frozen(kw_only=True)
class EventRooms:
    """What scripts are run with; one for the whole process."""

    accounts: IAccounts
    messages: IMessages
    metadata: IMetadata
    scripts: IScripts
    bodies: ReadsBodies
    filters: Filters
    folders: FolderRooms
    acting: EventActing
    rules: Sequence[EventRule] = field(factory=tuple)


class EventScripts(Service):
    """Runs them: `sora.mailbox.events.Events`. `most` is how many messages of one command."""

    log = Logger()
    name = "event scripts"

    def __init__(
        self, rooms: EventRooms, accounts: EventAccounts, *, most: int, waiting: int = MOST_WAITING
    ) -> None:
        self.most = most
        self._rooms = rooms
        self._accounts = accounts
        self._most_waiting = waiting
        self._uses = _Uses(rooms.acting.clock)
        self._waiting: deque[MailboxEvent] = deque()
        self._waits = 0
        self._working = 0
        self._is_over = False
        self._tasks = Tasks()

    def stopService(self) -> "Deferred[None]":
        """What has begun is brought to its end; what waits is passed over."""
        super().stopService()
        self._is_over = True
        if self._waiting:
            self.log.warn("{count} messages had scripts that did not run", count=self._waits)
        self._waiting.clear()
        return Deferred.fromCoroutine(self._tasks.join())

    def concern(self, account_id: int, cause: Cause) -> bool:
        """See `Events`."""
        if self._is_over:
            return False
        return self._accounts.has(account_id) or any(
            cause in rule.causes for rule in self._rooms.rules
        )

    def happened(self, event: MailboxEvent) -> None:
        """See `Events`."""
        if not self._accounts.has(event.owner.account_id) and not self._has_rules(event):
            return
        if self._waits + len(event.messages) > self._most_waiting:
            self._tell(event, "dropped")
            self.log.warn(
                "{count} messages in {mailbox!r} of {address} had scripts that did not run: too"
                " much waits",
                count=len(event.messages),
                mailbox=event.mailbox,
                address=event.owner.address,
            )
            return
        self._wait(len(event.messages))
        self._waiting.append(event)
        if self._working < AT_ONCE:
            self._working += 1
            self._tasks.start(self._work(), "scripts for events")

    def _has_rules(self, event: MailboxEvent) -> bool:
        """Whether there may be a script of the operator for it."""
        uses = self._uses.of(event.owner.account_id)
        return any(rule.is_for(event, uses) for rule in self._rooms.rules)

    def _wait(self, messages: int) -> None:
        self._waits += messages
        metrics = self._rooms.filters.rooms.metrics
        if metrics is not None:
            metrics.waiting.set(self._waits)

    def _tell(self, event: MailboxEvent, result: str) -> None:
        metrics = self._rooms.filters.rooms.metrics
        if metrics is not None:
            metrics.events.labels(event.cause, result).inc(len(event.messages))

    async def _work(self) -> None:
        try:
            while self._waiting:
                event = self._waiting.popleft()
                try:
                    await self._run(event)
                    self._tell(event, "run")
                except SoraError as error:
                    self._tell(event, "failed")
                    self.log.warn(
                        "scripts did not run for {cause} in {mailbox!r} of {address}: {error}",
                        cause=event.cause,
                        mailbox=event.mailbox,
                        address=event.owner.address,
                        error=error.text,
                    )
                finally:
                    self._wait(-len(event.messages))
        finally:
            self._working -= 1

    # -------------------------------------------------------------- one event

    async def _run(self, event: MailboxEvent) -> None:
        address = event.owner.address
        if address is None:
            # It belongs to a domain: nobody's scripts run for it.
            return
        own = await self._own(event)
        if own is None and not self._has_rules(event):
            return
        recipient: Recipient | None = await self._rooms.accounts.recipient(
            parse_address(address, "")
        )
        if recipient is None or recipient.account_id != event.owner.account_id:
            return
        uses = self._uses.heard(recipient)
        chain = [rule.script for rule in self._rooms.rules if rule.is_for(event, uses)]
        if own is not None:
            chain.append(own)
        if chain:
            await self._filter(event, recipient, chain)

    async def _own(self, event: MailboxEvent) -> Link | None:
        """The script that the owner has named; none when there is none of that name."""
        account_id = event.owner.account_id
        if not self._accounts.has(account_id):
            return None
        listed = await self._rooms.metadata.listed(
            [event.mailbox_id], account_id, [EVENT_SCRIPT], MOST_NAME
        )
        found = [one.value for one in listed.get(event.mailbox_id, ())]
        if not found:
            # Only where the mailbox has no such entry, whatever is in it (§2.3.1).
            annotated = await self._rooms.metadata.read(
                account_id, None, account_id, [OWN_EVENT_SCRIPT], 0, MOST_NAME
            )
            found = [one.value for one in annotated.annotations]
        if not found or not found[0]:
            return None
        try:
            name = script_name(found[0].decode("utf-8"))
            return Link("user", name, await self._rooms.scripts.get(account_id, name))
        except (NoSuchScript, BadName, BadArgument, UnicodeDecodeError):
            return None

    async def _filter(
        self, event: MailboxEvent, recipient: Recipient, chain: Sequence[Link]
    ) -> None:
        rooms = self._rooms
        by_uid = {one.uid: one for one in event.messages}
        uids = list(by_uid)
        for start in range(0, len(uids), BATCH):
            if self._is_over:
                return
            chosen = NumberSet.of(uids[start : start + BATCH])
            read: Read = await rooms.messages.read(event.mailbox_id, chosen, WANTS)
            folders = Folders(rooms.folders, recipient)
            decided = []
            for message in read.messages:
                touched = by_uid[message.uid]
                text = StoredText(rooms.bodies, message)
                environment = environment_of(event, touched)
                shown = filtered(message, recipient, text, environment, touched.flags)
                wishes = await rooms.filters.run(chain, shown, recipient, folders)
                decided.append(Decided(message, touched, wishes))
            await rooms.acting.act(event, recipient, folders, decided)


def environment_of(event: MailboxEvent, touched: Touched) -> dict[str, str]:
    """RFC 6785 §4"""
    return {
        "location": "MS",
        "phase": "post",
        "imap.user": event.actor,
        "imap.email": event.actor,
        "imap.cause": event.cause,
        "imap.mailbox": event.mailbox,
        "imap.changedflags": " ".join(touched.changed),
        "vnd.sora.mailbox-from": event.source,
    }
