"""A process of its own over a memory storage: what mailbox tests are made of."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

from attrs import fields
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from sora.addresses import parse_address
from sora.auth.interfaces import Identity
from sora.mail.annotations import Entry
from sora.mail.facts import derive
from sora.mailbox.account import Account
from sora.mailbox.announcing import Bells
from sora.mailbox.answering import Answering
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.chains import FilterRooms
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.deciding import DecideRooms, Deciding
from sora.mailbox.delivery import Delivery
from sora.mailbox.envelope import Addressee, Envelope, Origin
from sora.mailbox.events import Events
from sora.mailbox.filtering import Filters
from sora.mailbox.folders import FolderRooms
from sora.mailbox.mail_store import MailStore
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.places import SharedNamespace
from sora.mailbox.planning import PlanRooms
from sora.mailbox.reach import SessionFacts
from sora.mailbox.redirecting import Rates
from sora.mailbox.scripts import Compiler
from sora.mailbox.spool import Spool
from sora.mailbox.success_reports import SuccessReports
from sora.relay.memory import MemoryRelay
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits
from sora.storage.memory.objects import MemoryObjects
from sora.storage.memory.storage import MemoryStorage, memory_storage
from sora.storage.rows import AccountRow, NewMailbox
from sora.storage.stores import ObjectStore

START = 1_716_000_000.0


class NoThreads:
    """For messages that are too small to need a thread."""

    def run(self, work: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        raise AssertionError("no thread is needed here")


class AtOnce:
    """Threads that are none."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def run(self, work: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        self.calls.append(work.__name__)
        return succeed(work(*args))


class Process:
    """A Sora process: everything between storage and the protocols.

    Bodies are staged: one statement for each placement.
    """

    def __init__(
        self,
        storage: MemoryStorage,
        clock: Clock,
        *,
        alone: bool = True,
        namespace: SharedNamespace | None = None,
        entries_set: Callable[[Sequence[Entry]], None] = lambda entries: None,
    ) -> None:
        self.storage = storage
        self.clock = clock
        self.rings: list[tuple[int, int]] = []
        process_id = uuid4()
        self.open_mailboxes = OpenMailboxes(
            storage.mailboxes,
            clock,
            process_id,
            bells=Bells(ring=lambda *ring: self.rings.append(ring), entries_set=entries_set),
        )
        self.open_mailboxes.alone = alone
        self.poll = ChangePoll(
            storage.mailboxes, storage.membership, self.open_mailboxes, clock, process_id
        )
        objects = MemoryObjects()
        threads: Any = NoThreads()
        self.arrivals = Arrivals(
            storage.messages,
            storage.uploads,
            ObjectStore("main", objects, is_remote=True),
            derive=derive,
            threads=threads,
            clock=clock,
        )
        self.bodies = Bodies([ObjectStore("main", objects)], storage.uploads, threads)
        self.namespace = namespace
        self.mail_store = self.with_events(None)
        self.delivery = Delivery(storage.accounts, self.arrivals, self.open_mailboxes, clock)
        self.relay = MemoryRelay()

    def with_events(self, events: Events | None) -> MailStore:
        """The accounts of this process, what is done in which is told to `events`."""
        storage = self.storage
        return MailStore(
            storage.mailboxes,
            storage.messages,
            self.arrivals,
            self.bodies,
            self.open_mailboxes,
            self.poll,
            self.clock,
            rights=storage.rights,
            quotas=storage.quotas,
            metadata=storage.metadata,
            namespace=self.namespace,
            events=events,
        )

    def filters(self, **how: Any) -> Filters:
        """Filters; `how` are fields of `FilterRooms`."""
        storage = self.storage
        threads: Any = AtOnce()
        self.script_threads: AtOnce = threads
        return Filters(
            FilterRooms(
                compiler=Compiler(SIEVE, Limits(), threads.run),
                scripts=storage.scripts,
                messages=storage.messages,
                metadata=storage.metadata,
                rights=storage.rights,
                threads=threads,
                clock=self.clock,
                cpu=lambda: 0.0,
                **how,
            )
        )

    def folders(self, namespace: SharedNamespace | None = None) -> FolderRooms:
        """Where filters file into."""
        return FolderRooms(
            self.storage.mailboxes,
            self.open_mailboxes,
            Owners(self.storage.rights, self.clock),
            uuid4,
            namespace,
        )

    def answering(self, folders: FolderRooms) -> Answering:
        """What sends answers."""
        return Answering(
            relay=self.relay,
            arrivals=self.arrivals,
            open_mailboxes=self.open_mailboxes,
            folders=folders,
            new_uuid=uuid4,
        )

    def filtering_delivery(
        self, *, namespace: SharedNamespace | None = None, **how: Any
    ) -> Delivery:
        """A delivery with filters; `how` are fields of `FilterRooms` and `PlanRooms`."""
        storage, numbers = self.storage, iter(range(1, 1_000_000))
        plan_fields = {one.name for one in fields(PlanRooms)}
        plans = {name: value for name, value in how.items() if name in plan_fields}
        filters = self.filters(
            **{name: value for name, value in how.items() if name not in plan_fields}
        )
        folders = self.folders(namespace)
        deciding = Deciding(
            DecideRooms(
                filters=filters,
                folders=folders,
                plans=PlanRooms(**{"rates": Rates(self.clock, 100), "has_relay": True, **plans}),
                random=lambda count: next(numbers).to_bytes(count, "big"),
                host="sora.example.com",
            )
        )
        return Delivery(
            storage.accounts,
            self.arrivals,
            self.open_mailboxes,
            self.clock,
            deciding=deciding,
            answering=self.answering(folders),
            relay=self.relay,
            reports=SuccessReports(self.relay, "sora.example.com", bytes),
        )

    def session(self, account: AccountRow) -> Account:
        """Somebody who has logged in."""
        identity = Identity(account.id, account.scope_id, account.address)
        return self.mail_store.account(identity, SessionFacts("s1", "imap", "192.0.2.1"))


class World:
    """One storage, one clock, one account, and any number of processes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.storage = memory_storage(self.clock)
        self.statements = self.storage.tables.statements
        self.held: list[tuple[str, Deferred[None]]] = []

    async def add_account(self, address: str = "ann@example.com", *names: str) -> AccountRow:
        """An account with INBOX and other mailboxes."""
        mailboxes = [NewMailbox(name) for name in ("INBOX", *names)]
        return await self.storage.accounts.create(parse_address(address), [], mailboxes)

    def process(self, alone: bool = True) -> Process:
        """One more process that serves this storage."""
        return Process(self.storage, self.clock, alone=alone)

    def hold_answers(self) -> None:
        """From now on, answers of storage wait in `held` until a test lets them go."""

        def pause(name: str) -> "Deferred[None]":
            answer: Deferred[None] = Deferred()
            self.held.append((name, answer))
            return answer

        self.storage.tables.pause = pause

    def answer_at_once(self) -> None:
        """The answers to come do not wait."""
        self.storage.tables.pause = None

    def let_go(self, place: int = 0) -> str:
        """Give one answer, the oldest or another one; the operation's name."""
        name, answer = self.held.pop(place)
        answer.callback(None)
        return name


def spool(data: bytes) -> Spool:
    """Bytes as they were received."""
    made = Spool()
    made.write(data)
    return made


def envelope(recipients: Sequence[Addressee], sender: str = "") -> Envelope:
    """An envelope of what came by LMTP."""
    return Envelope(
        sender=sender,
        recipients=recipients,
        origin=Origin(
            host="192.0.2.7", helo="mx.example.net", protocol="LMTP", by="sora.example.com"
        ),
    )


def message(number: int = 0, text: str = "Hello.") -> bytes:
    """A message that differs from others by its number."""
    return f"Subject: number {number}\r\nFrom: ann@example.com\r\n\r\n{text}\r\n".encode()


def new_uuids() -> Callable[[], UUID]:
    """Names that can be told apart, and are the same in each run."""
    numbers = iter(range(1, 1_000_000))
    return lambda: UUID(int=next(numbers))
