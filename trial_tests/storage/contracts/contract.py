"""What all contract suites share.

A suite is a mixin: whoever has an implementation gives `new_storage`, and runs every test on
it. So the memory storage cannot lie about what PostgreSQL does, nor the other way round.

    class TestMailboxes(mailboxes.MailboxesContract, TestCase):
        async def new_storage(self) -> Storage: ...
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import uuid4

from attrs import Factory, define, frozen
from blake3 import blake3
from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import TestCase

from sora.addresses import Address, parse_address
from sora.errors import SoraError
from sora.mail.facts import Facts
from sora.mail.flags import DELETED, SEEN, Flags, parse_flags
from sora.mail.numbers import NumberSet
from sora.mail.sort_keys import base_subject
from sora.mail.text import fold
from sora.storage.rows import (
    AccountRow,
    Arrival,
    Fate,
    FlagChange,
    MailboxRow,
    NewMailbox,
    Opened,
    Operation,
    Placed,
    Placement,
    Stored,
    Target,
    Want,
)

E = TypeVar("E", bound=SoraError)

NOON = datetime(2024, 5, 17, 12, 0, 0, tzinfo=UTC)


@frozen
class Storage:
    """The adapters under test, and what no interface offers yet but operators can do."""

    accounts: Any
    credentials: Any
    aliases: Any
    domains: Any
    purging: Any
    mailboxes: Any
    messages: Any
    past: Any
    rights: Any
    quotas: Any
    metadata: Any
    scripts: Any
    uploads: Any
    copies: Any
    cleaning: Any
    deletions: Any
    restoring: Any
    history: Any
    retention: Any
    importing: Any
    indexing: Any
    membership: Any
    maildrops: Any
    verifying: Any
    cache_history: Any
    requests: Any
    tasks: Any
    upkeep: Any
    set_quota: Callable[[int, int | None, int | None], Awaitable[None]]
    """account id, octets, messages"""
    """`user@domain`, or `@domain` for the domain's catch-all; account id"""
    forget_history: Callable[[int], Awaitable[None]]
    """Drop all events of a mailbox up to now, as the end of retention does."""


@define
class Letter:
    """A simple message, and the facts that a MIME reader would find in it."""

    fields: list[tuple[str, str]] = Factory(list)
    body: str = ""
    sent_day: date | None = None
    sent_at: datetime | None = None

    @property
    def header(self) -> bytes:
        lines = [f"{name}: {value}\r\n" for name, value in self.fields]
        return ("".join(lines) + "\r\n").encode()

    @property
    def octets(self) -> bytes:
        return self.header + self.body.encode()

    @property
    def hash(self) -> bytes:
        return blake3(self.octets).digest()

    @property
    def facts(self) -> Facts:
        def texts(name: str) -> str:
            return " ".join(fold(v) for n, v in self.fields if n.lower() == name)

        lines = [f"\n{name.lower()}:{fold(value)}" for name, value in self.fields]
        return Facts(
            size=len(self.octets),
            size_crlf=len(self.octets),
            header=self.header,
            envelope=b'(NIL "' + texts("subject").encode() + b'")',
            structure=b'("TEXT" "PLAIN")\x00\xff',
            parts="[0]",
            sent_day=self.sent_day,
            sent_at=self.sent_at,
            sort_subject=base_subject(texts("subject")),
            sort_from=texts("from").partition("@")[0],
            sort_to=texts("to").partition("@")[0],
            sort_cc=texts("cc").partition("@")[0],
            display_from=texts("from"),
            display_to=texts("to"),
            message_id=texts("message-id").strip("<>"),
            in_reply_to=texts("in-reply-to").strip("<>"),
            references=tuple(one.strip("<>") for one in texts("references").split()),
            text_subject=texts("subject"),
            text_from=texts("from"),
            text_to=texts("to"),
            text_cc=texts("cc"),
            text_bcc=texts("bcc"),
            preview=self.body[:200],
            text_header="".join(lines) + "\n",
            text_body=fold(self.body),
        )


def letter(subject: str, body: str = "Hello.\r\n") -> Letter:
    """A letter that differs from others by its subject."""
    return Letter([("Subject", subject), ("From", "Ann <ann@example.com>")], body)


def flags(*names: str) -> Flags:
    """Flags as a client names them."""
    return parse_flags(names)


def sets(*numbers: int) -> NumberSet:
    """A set of single numbers."""
    return NumberSet.of(numbers)


EVERYTHING = NumberSet(((1, 4_000_000_000),))


class Contract(TestCase):
    """Base of all suites; not a test by itself."""

    storage: Storage

    async def new_storage(self) -> Storage:
        """A storage without anything in it."""
        raise NotImplementedError

    async def setUp(self) -> None:
        await maybeDeferred(super().setUp)
        self.storage = await self.new_storage()

    # -------------------------------------------------------------- doing

    def operation(self) -> Operation:
        """A new write command."""
        return Operation(uuid4(), "ann@example.com", "session", "imap", "192.0.2.1")

    async def refused(self, error: type[E], work: Awaitable[object]) -> E:
        """Await work that must raise this error, exactly."""
        try:
            result = await work
        except SoraError as raised:
            self.assertIs(type(raised), error, raised.text)
            return raised  # type: ignore[return-value]
        raise self.failureException(f"{error.__name__} was not raised, but given: {result!r}")

    async def account(
        self, address: str = "ann@example.com", *mailboxes: str | NewMailbox
    ) -> AccountRow:
        """An account with INBOX and other mailboxes."""
        wanted = ["INBOX", *mailboxes]
        return await self.storage.accounts.create(
            parse_address(address),
            [],
            [one if isinstance(one, NewMailbox) else NewMailbox(one) for one in wanted],
        )

    async def find(self, account: AccountRow, name: str = "INBOX") -> MailboxRow:
        """A mailbox of an account."""
        return await self.storage.mailboxes.find(account.id, name)

    async def opened(self, account: AccountRow, name: str = "INBOX") -> Opened:
        """A mailbox with its states."""
        return await self.storage.mailboxes.open(account.id, name)

    def target(
        self,
        mailbox: MailboxRow,
        *names: str,
        trace: bytes = b"",
        recipient: str | None = None,
        received: bytes | None = None,
        internal_date: datetime = NOON,
    ) -> Target:
        """A message to be made in a mailbox."""
        return Target(
            account_id=mailbox.account_id,
            mailbox_id=mailbox.id,
            internal_date=internal_date,
            email_id=uuid4(),
            flags=flags(*names),
            trace=trace,
            recipient=recipient,
            received_hash=received,
        )

    async def place(self, account: AccountRow, message: Letter, *targets: Target) -> Placement:
        """Place a letter whose body comes with it."""
        arrival = Arrival(message.hash, message.facts, message.octets)
        return await self.storage.messages.place(
            account.scope_id, arrival, list(targets), self.operation()
        )

    async def put(
        self, account: AccountRow, mailbox: MailboxRow, message: Letter, *names: str, **more: Any
    ) -> Placed:
        """Place a letter in one mailbox."""
        target = self.target(mailbox, *names, **more)
        placed = (await self.place(account, message, target)).placed[0]
        self.assertEqual(placed.fate, Fate.PLACED)
        return placed

    async def fill(
        self, account: AccountRow, mailbox: MailboxRow, *flag_names: Iterable[str]
    ) -> list[int]:
        """Place one letter for each tuple of flags; gives their UIDs."""
        uids = []
        for number, names in enumerate(flag_names):
            message = letter(f"{mailbox.name} {number}", "x" * number)
            uids.append((await self.put(account, mailbox, message, *names)).uid)
        return uids

    async def store(
        self,
        mailbox: MailboxRow,
        uids: NumberSet,
        mode: str,
        *names: str,
        unchanged_since: int | None = None,
    ) -> Stored:
        """STORE."""
        change = FlagChange(mode, flags(*names), unchanged_since)  # type: ignore[arg-type]
        return await self.storage.messages.store(mailbox.id, uids, change, self.operation())

    # -------------------------------------------------------------- looking

    async def contents(self, account: AccountRow, name: str = "INBOX") -> dict[int, list[str]]:
        """The flags of each message, by name."""
        opened = await self.opened(account, name)
        return {
            uid: sorted(self.flag_names(mask, opened.keywords))
            for uid, mask in zip(opened.states.uids, opened.states.masks, strict=True)
        }

    def flag_names(self, mask: int, keywords: Iterable[tuple[int, str]]) -> list[str]:
        """The names of the flags in a mask."""
        known = dict(keywords)
        system = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]
        return [
            system[bit] if bit < 5 else known[bit - 5]
            for bit in range(mask.bit_length())
            if mask >> bit & 1
        ]

    async def check(self, account: AccountRow, name: str = "INBOX") -> Opened:
        """Count a mailbox anew, and compare with its counters (G16, G29)."""
        opened = await self.opened(account, name)
        row, states = opened.mailbox, opened.states
        uids = list(states.uids)
        self.assertEqual(row, await self.find(account, name))
        self.assertEqual(uids, sorted(set(uids)), "UIDs ascend")
        self.assertEqual(row.messages, len(uids))
        self.assertEqual(row.unseen, sum(not mask & SEEN for mask in states.masks))
        self.assertEqual(row.deleted, sum(bool(mask & DELETED) for mask in states.masks))
        read = await self.storage.messages.read(row.id, EVERYTHING, frozenset[Want]())
        self.assertEqual([message.uid for message in read.messages], uids)
        self.assertEqual(row.size, sum(message.size for message in read.messages))
        self.assertGreater(row.uidnext, max(uids, default=0))
        self.assertGreaterEqual(row.highest_modseq, max(states.modseqs, default=1))
        return opened


def address(text: str) -> Address:
    """An address."""
    return parse_address(text)
