"""A logged-in user: what can be done with the mailboxes by name."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sora.auth.interfaces import Identity
from sora.deferreds import deferred, shielded
from sora.errors import BadArgument, NoSuchMailbox, NoSuchMessage, OverQuota
from sora.mail.flags import Flags
from sora.mail.mailbox_names import DELIMITER, INBOX, SPECIAL_USES, name_key
from sora.mail.numbers import NumberSet
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Deliver
from sora.mailbox.selected import Rooms, Selected
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import (
    Appended,
    BodyPlace,
    Fate,
    Listing,
    MailboxRow,
    Operation,
    Placed,
    Placement,
    Replaced,
    StoredMessage,
    Target,
    Want,
)

T = TypeVar("T")


@frozen
class SessionFacts:
    """Who writes, for the history: `session` is an id, `address` the client's."""

    session: str
    protocol: str
    address: str


@frozen
class NewMessage:
    """A message that is to be appended; `internal_date` None is now."""

    flags: Flags
    internal_date: datetime | None
    spool: Spool


@frozen
class AccountRooms:
    """What accounts are worked with; one for the whole process.

    `new_uuid` names operations and e-mails.
    """

    mailboxes: IMailboxes
    arrivals: Arrivals
    selected: Rooms
    clock: IReactorTime
    new_uuid: Callable[[], UUID]


class Account:
    """A user's mailboxes. Names are normalised by the caller (`mailbox_names.normalise`)."""

    def __init__(self, rooms: AccountRooms, identity: Identity, facts: SessionFacts) -> None:
        self.identity = identity
        self._rooms = rooms
        self._facts = facts
        self._open = rooms.selected.open_mailboxes
        self._id = identity.account_id

    def new_operation(self) -> Operation:
        """A name for one write command, and who does it."""
        return Operation(
            id=self._rooms.new_uuid(),
            actor=self.identity.address,
            session=self._facts.session,
            protocol=self._facts.protocol,
            address=self._facts.address,
        )

    # -------------------------------------------------------------- names

    async def listing(self) -> Listing:
        """All mailboxes and subscriptions. One round trip."""
        listing = await self._rooms.mailboxes.list(self._id)
        for mailbox in listing.mailboxes:
            self._open.names.remember(self._id, mailbox.name, mailbox.id)
        return listing

    async def status(self, name: str) -> MailboxRow:
        """A mailbox with its counters. At most one round trip. Raises NoSuchMailbox."""
        mailbox = await self._rooms.mailboxes.find(self._id, name)
        self._open.names.remember(self._id, name, mailbox.id)
        return mailbox

    def recent(self, mailbox: MailboxRow) -> int:
        """How many of its messages no session of this process has learned of (STATUS RECENT)."""
        return self._open.recent(mailbox)

    async def create(self, name: str, special_use: str | None = None) -> MailboxRow:
        """Make a mailbox. Raises AlreadyExists, UseAttributeRefused, BadArgument."""
        if special_use is not None and special_use not in SPECIAL_USES:
            raise BadArgument(f"{special_use!r} is not a special use")
        mailbox = await self._rooms.mailboxes.create(
            self._id, name, special_use, self.new_operation()
        )
        self._open.names.remember(self._id, name, mailbox.id)
        self._open.names_changed(self._id, self)
        return mailbox

    async def delete(self, name: str) -> None:
        """Delete a mailbox. Raises NoSuchMailbox, HasChildren, BadArgument for INBOX."""
        if name_key(name) == INBOX:
            raise BadArgument("INBOX cannot be deleted")
        await self._finishing(self._delete(name))

    async def _delete(self, name: str) -> None:
        mailbox_id = await self._rooms.mailboxes.delete(self._id, name, self.new_operation())
        self._open.deleted(self._id, mailbox_id, self)

    async def rename(self, old: str, new: str) -> None:
        """Rename a mailbox with its inferiors. Raises NoSuchMailbox, AlreadyExists,
        BadArgument for a new name below the old one."""
        if name_key(new).startswith(name_key(old) + DELIMITER) and name_key(old) != INBOX:
            raise BadArgument("A mailbox cannot be moved below itself")
        await self._finishing(self._rename(old, new))

    async def _rename(self, old: str, new: str) -> None:
        await self._rooms.mailboxes.rename(self._id, old, new, self.new_operation())
        if name_key(old) != INBOX:
            self._open.renamed(self._id, old, new, self)
            return
        self._open.names_changed(self._id, self)
        heard = self._open.names.last_heard(self._id, INBOX)
        inbox = None if heard is None else self._open.get(heard[0])
        if inbox is not None:
            # Its messages have gone to the new mailbox.
            await inbox.see_everything()

    async def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions. Raises NoSuchMailbox for one that does not exist
        (RFC 3501 §6.3.6 leaves it open); a name stays when its mailbox goes."""
        await self.status(name)
        await self._rooms.mailboxes.subscribe(self._id, name)
        self._open.names_changed(self._id, self)

    async def unsubscribe(self, name: str) -> None:
        """Remove a name from the subscriptions."""
        await self._rooms.mailboxes.unsubscribe(self._id, name)
        self._open.names_changed(self._id, self)

    # -------------------------------------------------------------- mailboxes

    async def select(self, name: str, read_only: bool) -> Selected:
        """Open a mailbox. At most one round trip. Raises NoSuchMailbox."""
        mailbox = await self._open.acquire(self._id, name)
        return Selected(self._rooms.selected, mailbox, self._id, read_only, self.new_operation)

    async def append(
        self, name: str, flags: Flags, internal_date: datetime | None, message: Spool
    ) -> Placed:
        """Put a message into a mailbox; durable when this returns.

        One round trip up to `staging_max_size`, also for a name that was not heard of.
        `internal_date` defaults to now. Raises NoSuchMailbox (the caller answers TRYCREATE),
        OverQuota, TooBig, Unavailable.
        """
        [target] = self._targets(name, [NewMessage(flags, internal_date, message)])
        placement = await self._finishing(self._place(message, target))
        placed = placement.placed[0]
        if placed.fate is Fate.NO_MAILBOX:
            self._open.names.forget(self._id)
            raise NoSuchMailbox(f"There is no mailbox {name!r}")
        self._open.names.remember(self._id, name, placed.mailbox_id)
        if placed.fate is Fate.OVER_QUOTA:
            raise OverQuota()
        return placed

    async def _place(self, message: Spool, target: Target) -> Placement:
        placement = await self._rooms.arrivals.place(
            self.identity.scope_id, message, [target], self.new_operation()
        )
        self._open.placed(placement.placed, self)
        return placement

    async def append_all(self, name: str, messages: Sequence[NewMessage]) -> Sequence[Placed]:
        """Put messages into a mailbox, all or none; durable when this returns (RFC 3502).

        One round trip while they are small together (`Arrivals.append`). Raises what `append`
        raises.
        """
        if len(messages) == 1:
            [one] = messages
            return [await self.append(name, one.flags, one.internal_date, one.spool)]
        targets = self._targets(name, messages)
        return (await self._finishing(self._append(name, messages, targets))).placed

    async def _append(
        self, name: str, messages: Sequence[NewMessage], targets: Sequence[Target]
    ) -> Appended:
        appended = await self._arrive(name, messages, targets, None)
        self._open.placed(appended.placed)
        return appended

    async def replace(self, selected: Selected, uid: int, name: str, message: NewMessage) -> Placed:
        """Put a message into a mailbox and take one of the selected mailbox away, as one change
        (RFC 8508); the view tells what is gone with the next updates.

        One round trip, as `append`. Raises ExpungeIssued when the message is gone already,
        ReadOnly, and what `append` raises: then nothing has changed.
        """
        targets = self._targets(name, [message])

        @deferred
        async def put(replaced: Replaced) -> Appended:
            return await self._arrive(name, [message], targets, replaced)

        return (await selected.replace(uid, put)).placed[0]

    async def _arrive(
        self,
        name: str,
        messages: Sequence[NewMessage],
        targets: Sequence[Target],
        replaced: Replaced | None,
    ) -> Appended:
        spools = [message.spool for message in messages]
        try:
            appended = await self._rooms.arrivals.append(
                self.identity.scope_id, spools, targets, self.new_operation(), replaced
            )
        except NoSuchMailbox:
            self._open.names.forget(self._id)
            raise NoSuchMailbox(f"There is no mailbox {name!r}") from None
        self._open.names.remember(self._id, name, appended.placed[0].mailbox_id)
        return appended

    def _targets(self, name: str, messages: Sequence[NewMessage]) -> list[Target]:
        mailbox_id = self._open.names.lookup(self._id, name, self._open.alone)
        now = datetime.fromtimestamp(self._rooms.clock.seconds(), UTC)
        return [
            Target(
                account_id=self._id,
                mailbox_id=mailbox_id or 0,
                name=name if mailbox_id is None else None,
                internal_date=message.internal_date or now,
                email_id=self._rooms.new_uuid(),
                flags=message.flags,
            )
            for message in messages
        ]

    # -------------------------------------------------------------- reading by name

    async def message(
        self, name: str, uid: int, wants: frozenset[Want]
    ) -> tuple[MailboxRow, StoredMessage]:
        """A message of any mailbox, and its mailbox; \\Seen stays as it is. Two round trips.

        Raises NoSuchMailbox, NoSuchMessage.
        """
        mailbox = await self.status(name)
        which = NumberSet(((uid, uid),))
        read = await self._rooms.selected.messages.read(mailbox.id, which, wants)
        if not read.messages:
            raise NoSuchMessage(f"There is no message with the UID {uid} in {name!r}")
        return mailbox, read.messages[0]

    async def body(self, place: BodyPlace, start: int, end: int) -> bytes:
        """The octets [start, end) of a content. Raises Unavailable (G8)."""
        return await self._rooms.selected.bodies.read(place, start, end)

    async def stream(self, place: BodyPlace, start: int, end: int, deliver: Deliver) -> None:
        """Hand the octets [start, end) of a content to `deliver` in pieces. Raises Unavailable."""
        await self._rooms.selected.bodies.stream(place, start, end, deliver)

    @staticmethod
    def _finishing(work: "Coroutine[Any, Any, T]") -> "Deferred[T]":
        """The work, which goes on when the session that waits for it ends."""
        return shielded(Deferred.fromCoroutine(work))
