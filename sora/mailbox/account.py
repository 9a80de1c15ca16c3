"""A logged-in user: what can be done with the mailboxes by name."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sora.addresses import Address
from sora.auth.interfaces import Identity
from sora.deferreds import deferred, shielded
from sora.errors import (
    BadArgument,
    NoSuchAccount,
    NoSuchMailbox,
    NoSuchMessage,
    NotPermitted,
    OverQuota,
    SoraError,
    UseAttributeRefused,
)
from sora.mail.flags import Flags
from sora.mail.mailbox_names import DELIMITER, INBOX, SPECIAL_USES, superiors
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL, Rights, RightsChange
from sora.mailbox.annotations import DEFAULT_RULES, AnnotationRules, Annotations
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Deliver
from sora.mailbox.open_mailboxes import Made
from sora.mailbox.owners import Owners
from sora.mailbox.places import NOBODY, Place, Places, SharedNamespace
from sora.mailbox.quota import QuotaRoots
from sora.mailbox.rights import (
    ANYONE_NAME,
    as_told,
    identifier,
    no_such_mailbox,
    optional_rights,
    require,
    require_any,
    rights_in,
)
from sora.mailbox.selected import Rooms, Selected
from sora.mailbox.spool import Spool
from sora.mailbox.state import Change
from sora.mailbox.watching import Watch
from sora.storage.interfaces import IMailboxes, IMetadata, IQuotas, IRights
from sora.storage.rows import (
    ANYONE,
    Appended,
    BodyPlace,
    Fate,
    Listing,
    MailboxRow,
    Operation,
    Placed,
    Placement,
    Quota,
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
    rights: IRights
    quotas: IQuotas
    metadata: IMetadata
    arrivals: Arrivals
    selected: Rooms
    owners: Owners
    clock: IReactorTime
    new_uuid: Callable[[], UUID]
    namespace: SharedNamespace | None = None
    annotation_rules: AnnotationRules = DEFAULT_RULES


class Account:
    """A user's mailboxes, and those of others that he has rights on (`places`).

    Names are normalised by the caller (`mailbox_names.normalise`). Budgets are those of the
    user's own mailboxes; for those of others it is one round trip more while this process has
    not heard of their owner. What the rights do not allow raises NotPermitted, or NoSuchMailbox
    where they do not even let it be seen.
    """

    def __init__(self, rooms: AccountRooms, identity: Identity, facts: SessionFacts) -> None:
        self.places = Places(identity, rooms.namespace, rooms.owners)
        self.quotas = QuotaRoots(identity, rooms.quotas, rooms.owners)
        self.identity = identity
        self._rooms = rooms
        self._facts = facts
        self._open = rooms.selected.open_mailboxes
        self._id = identity.account_id
        self.made: Made | None = None
        """see `open_mailboxes.Source`"""
        self.annotations = Annotations(
            rooms.annotation_rules,
            rooms.metadata,
            self.places,
            self._id,
            lambda account_id: self._open.names_changed(account_id, self),
            lambda place, entries: self._open.annotated(place, self._id, entries, self),
        )

    def new_operation(self) -> Operation:
        """A name for one write command, and who does it."""
        return Operation(
            id=self._rooms.new_uuid(),
            actor=self.identity.address,
            session=self._facts.session,
            protocol=self._facts.protocol,
            address=self._facts.address,
        )

    def is_personal(self, name: str) -> bool:
        """Whether a name is in one's own part of the tree."""
        namespace = self.places.namespace
        return namespace is None or not namespace.has(name)

    def watch(self, changed: Callable[[], None], is_own: Callable[[object], bool]) -> Watch:
        """Follow mailboxes that are not open; `changed` is called when there is news. What the
        session does itself, with sources that are its own, is none."""
        return Watch(self._open.watchers, changed, is_own, self._id)

    # -------------------------------------------------------------- names

    async def listing(self, deleted_sizes: bool = False) -> Listing:
        """All mailboxes that are seen, and all subscriptions. One round trip. Counters of a row
        are for who has `Rights.READ` (G35)."""
        shared = self.places.namespace is not None
        names = self._open.names
        edition = names.edition(self._id)
        listing: Listing = await self._rooms.mailboxes.list(self._id, shared, deleted_sizes)
        for mailbox in listing.mailboxes:
            names.remember(self._id, mailbox.name, mailbox.id, edition)
        for one in listing.shared:
            owner_id = one.owner.account_id
            names.remember(owner_id, one.mailbox.name, one.mailbox.id, names.edition(owner_id))
        return self.places.listing(listing)

    async def status(self, name: str, deleted_size: bool = False) -> MailboxRow:
        """A mailbox with its counters, for who may read it. At most one round trip."""
        return await self._having(await self.places.find(name), Rights.READ, deleted_size)

    async def _having(self, place: Place, needed: Rights, deleted_size: bool = False) -> MailboxRow:
        """The mailbox, on which one has these rights. One round trip."""
        mailbox = await self._find(place, deleted_size)
        require(mailbox.rights, needed, place.shown)
        return mailbox

    async def _find(self, place: Place, deleted_size: bool = False) -> MailboxRow:
        owner_id = place.owner.account_id
        edition = self._open.names.edition(owner_id)
        finding = self._rooms.mailboxes.find(owner_id, place.name, place.other, deleted_size)
        mailbox: MailboxRow = await as_told(place.shown, finding)
        self._open.names.remember(owner_id, place.name, mailbox.id, edition)
        return mailbox

    def recent(self, mailbox: MailboxRow) -> int:
        """How many of its messages no session of this process has learned of (STATUS RECENT)."""
        return self._open.recent(mailbox)

    async def create(self, name: str, special_use: str | None = None) -> MailboxRow:
        """Make a mailbox. Raises AlreadyExists, UseAttributeRefused, BadArgument."""
        if special_use is not None and special_use not in SPECIAL_USES:
            raise BadArgument(f"{special_use!r} is not a special use")
        place = await self.places.find_new(name)
        if special_use is not None and not place.is_own:
            raise UseAttributeRefused("A shared mailbox has no special use")
        if not place.is_own:
            await self._require_room_at(place)
        if place.owner is NOBODY:
            place = evolve(place, owner=await self._rooms.rights.shared_owner(self._id))
        owner_id = place.owner.account_id
        mailbox: MailboxRow = await self._rooms.mailboxes.create(
            owner_id,
            place.name,
            special_use,
            self.new_operation(),
            place.other,
            self._default_rights,
        )
        names = self._open.names
        names.forget(owner_id)  # somebody may just be hearing that it is not there
        names.remember(owner_id, place.name, mailbox.id, names.edition(owner_id))
        self._open.names_changed(owner_id, self)
        return mailbox

    @property
    def _default_rights(self) -> Rights:
        namespace = self.places.namespace
        return Rights.NONE if namespace is None else namespace.default_rights

    async def _require_room_at(self, place: Place) -> None:
        """CREATE and RENAME need the right k on the nearest mailbox above (RFC 4314 §4). Where
        there is none, nobody makes mailboxes for another user, and `allow_user_create` says
        whether users make those of the domain. One round trip for each level."""
        if place.owner is not NOBODY:
            for superior in reversed(superiors(place.name)):
                try:
                    above = await self._find(evolve(place, name=superior))
                except NoSuchMailbox:
                    continue
                if Rights.CREATE not in above.rights:
                    raise NotPermitted(f"You may not make a mailbox {place.shown!r}")
                return
        namespace = self.places.namespace
        if not place.is_of_domain or namespace is None or not namespace.allow_user_create:
            raise NotPermitted(f"You may not make a mailbox {place.shown!r}")

    async def delete(self, name: str) -> None:
        """Delete a mailbox. Raises NoSuchMailbox, HasChildren, BadArgument for INBOX."""
        place = await self.places.find(name)
        if not place.is_own:
            await self._having(place, Rights.REMOVE)
        if place.name == INBOX:
            raise BadArgument("INBOX cannot be deleted")
        await self._finishing(self._delete(place))

    async def _delete(self, place: Place) -> None:
        owner_id = place.owner.account_id
        mailbox_id = await self._rooms.mailboxes.delete(owner_id, place.name, self.new_operation())
        self._open.deleted(owner_id, mailbox_id, self)

    async def rename(self, old: str, new: str) -> None:
        """Rename a mailbox with its inferiors. Raises NoSuchMailbox, AlreadyExists,
        BadArgument for a new name below the old one, and for that of another owner."""
        before, after = await self.places.find(old), await self.places.find_new(new)
        if not before.is_own:
            await self._having(before, Rights.REMOVE)
        if before.owner != after.owner:
            raise BadArgument("A mailbox stays with its owner: copy the messages instead")
        if before.name == INBOX and not before.is_own:
            raise BadArgument("INBOX belongs to its user")
        if after.name.startswith(before.name + DELIMITER) and before.name != INBOX:
            raise BadArgument("A mailbox cannot be moved below itself")
        if not after.is_own:
            await self._require_room_at(after)
        await self._finishing(self._rename(before.owner.account_id, before.name, after.name))

    async def _rename(self, owner_id: int, old: str, new: str) -> None:
        await self._rooms.mailboxes.rename(owner_id, old, new, self.new_operation())
        if old != INBOX:
            self._open.renamed(owner_id, old, new, self)
            return
        self._open.names_changed(owner_id, self)
        inbox = self._open.find(owner_id, INBOX)
        if inbox is not None:
            # Its messages have gone to the new mailbox.
            await inbox.see_everything()

    async def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions. Raises NoSuchMailbox for one that does not exist
        (RFC 3501 §6.3.6 leaves it open); a name stays when its mailbox goes."""
        place = await self.places.find(name)
        await self._having(place, Rights.LOOKUP)
        await self._rooms.mailboxes.subscribe(self._id, place.shown)
        self._open.names_changed(self._id, self)

    async def unsubscribe(self, name: str) -> None:
        """Remove a name from the subscriptions."""
        await self._rooms.mailboxes.unsubscribe(self._id, name)
        self._open.names_changed(self._id, self)

    # -------------------------------------------------------------- rights

    async def rights(self, name: str) -> Rights:
        """What one may do with a mailbox: `Rights.READ in await account.rights(name)`. One round
        trip. Raises NoSuchMailbox when it is nothing."""
        place = await self.places.find(name)
        mailbox = await self._find(place)
        require_any(mailbox.rights, place.shown)
        return mailbox.rights

    async def acl(self, name: str) -> list[tuple[str, Rights]]:
        """Who has rights on a mailbox, by identifier, the owner first. One round trip."""
        place = await self.places.find(name)
        owner = place.owner
        reading = self._rooms.rights.acl(owner.account_id, place.name, place.asker)
        entries = await as_told(place.shown, reading)
        found = [] if owner.address is None else [(owner.address, ALL)]
        return found + [(entry.address or ANYONE_NAME, entry.rights) for entry in entries]

    async def set_rights(self, name: str, who: str, change: RightsChange) -> None:
        """Change the rights of an identifier. One round trip. Raises BadSyntax and BadArgument
        for what is no identifier, and what `IRights.set` raises."""
        place = await self.places.find(name)
        grantee = identifier(who, self._domain)
        if self.places.namespace is None:
            raise BadArgument("Mailboxes are not shared on this server")
        await self._finishing(self._set_rights(place, grantee, change))

    async def _set_rights(
        self, place: Place, grantee: Address | None, change: RightsChange
    ) -> None:
        setting = self._rooms.rights.set(
            place.owner.account_id, place.name, place.asker, grantee, change, self.new_operation()
        )
        done = await as_told(place.shown, setting)
        self._open.told(done.mailbox_id, Change(done.before, done.modseq, acl=done.acl))
        for account_id in {place.owner.account_id, *done.acl} - {ANYONE}:
            self._open.names_changed(account_id, self)

    async def possible_rights(self, name: str, who: str) -> Sequence[str]:
        """What LISTRIGHTS shows for an identifier. At most two round trips."""
        place = await self.places.find(name)
        address = identifier(who, self._domain)
        await self._having(place, Rights.ADMINISTER)
        if address is None:
            return optional_rights(is_owner=False)
        found = await self._rooms.owners.find(self._id, address)
        if found is None:
            raise NoSuchAccount(f"There is no user {address.base} in this domain")
        return optional_rights(found.account_id == place.owner.account_id)

    async def quota_root(self, name: str) -> tuple[str, Quota]:
        """The quota root that a mailbox counts for, which need not be there, and what is used of
        it. One round trip; for a mailbox of somebody else two, and it has to be there and may be
        read (RFC 9208 §6)."""
        place = await self.places.find(name)
        if not place.is_own:
            await self._having(place, Rights.READ)
        return self.quotas.name_of(place), await self.quotas.of(place)

    @property
    def _domain(self) -> str:
        return self.identity.address.rpartition("@")[2]

    # -------------------------------------------------------------- mailboxes

    async def select(self, name: str, read_only: bool) -> Selected:
        """Open a mailbox that may be read. At most one round trip."""
        place = await self.places.find(name)
        opening = self._open.acquire(place.owner.account_id, place.name)
        mailbox = await as_told(place.shown, opening)
        try:
            require(
                rights_in(mailbox.state.acl, mailbox.state.account_id, self._id),
                Rights.READ,
                place.shown,
            )
        except SoraError:
            self._open.release(mailbox)
            raise
        return Selected(
            self._rooms.selected, mailbox, place, read_only, self.new_operation, self.places
        )

    async def append(
        self, name: str, flags: Flags, internal_date: datetime | None, message: Spool
    ) -> Placed:
        """Put a message into a mailbox; durable when this returns.

        One round trip up to `staging_max_size`, also for a name that was not heard of.
        `internal_date` defaults to now. Raises NoSuchMailbox (the caller answers TRYCREATE),
        OverQuota, TooBig, Unavailable.
        """
        place = await self.places.find(name)
        edition = self._open.names.edition(place.owner.account_id)
        [target] = self._targets(place, [NewMessage(flags, internal_date, message)])
        placement = await self._finishing(self._place(place.owner.scope_id, message, target))
        placed = placement.placed[0]
        if placed.fate is Fate.NO_MAILBOX:
            await self._refuse(place)
        self._open.names.remember(place.owner.account_id, place.name, placed.mailbox_id, edition)
        if placed.fate is Fate.OVER_QUOTA:
            raise OverQuota()
        return placed

    async def _place(self, scope_id: int, message: Spool, target: Target) -> Placement:
        placement = await self._rooms.arrivals.place(
            scope_id, message, [target], self.new_operation()
        )
        self._open.placed(placement.placed, self)
        return placement

    async def storable(self, message: Spool, new: Callable[[], Spool]) -> Spool:
        """A message that may have NULs as it is stored (`sora.mail.recoding`): the same, or a
        `new` spool."""
        return await self._rooms.arrivals.recoded(message, new)

    async def append_all(self, name: str, messages: Sequence[NewMessage]) -> Sequence[Placed]:
        """Put messages into a mailbox, all or none; durable when this returns (RFC 3502).

        One round trip while they are small together (`Arrivals.append`). Raises what `append`
        raises.
        """
        if len(messages) == 1:
            [one] = messages
            return [await self.append(name, one.flags, one.internal_date, one.spool)]
        place = await self.places.find(name)
        return (await self._finishing(self._append(place, messages))).placed

    async def _append(self, place: Place, messages: Sequence[NewMessage]) -> Appended:
        appended = await self._arrive(place, messages, None)
        self._open.placed(appended.placed, self)
        return appended

    async def replace(
        self, selected: Selected, uid: int, name: str, message: NewMessage
    ) -> Appended:
        """Put a message into a mailbox and take one of the selected mailbox away, as one change
        (RFC 8508); the view tells what is gone with the next updates.

        One round trip, as `append`. Raises ExpungeIssued when the message is gone already,
        ReadOnly, and what `append` raises: then nothing has changed.
        """
        place = await self.places.find(name)

        @deferred
        async def put(replaced: Replaced) -> Appended:
            return await self._arrive(place, [message], replaced)

        return await selected.replace(uid, put)

    async def _arrive(
        self, place: Place, messages: Sequence[NewMessage], replaced: Replaced | None
    ) -> Appended:
        owner = place.owner
        edition = self._open.names.edition(owner.account_id)
        spools = [message.spool for message in messages]
        targets = self._targets(place, messages)
        try:
            appended = await self._rooms.arrivals.append(
                owner.scope_id, spools, targets, self.new_operation(), replaced
            )
        except NoSuchMailbox:
            await self._refuse(place)
        mailbox_id = appended.placed[0].mailbox_id
        self._open.names.remember(owner.account_id, place.name, mailbox_id, edition)
        return appended

    async def _refuse(self, place: Place) -> NoReturn:
        """Say why nothing could be put into a mailbox: it is not there, or one may not."""
        self._open.names.forget(place.owner.account_id)
        if not place.is_own:
            await self._having(place, Rights.INSERT)
        raise no_such_mailbox(place.shown)

    def _targets(self, place: Place, messages: Sequence[NewMessage]) -> list[Target]:
        owner_id = place.owner.account_id
        known = None
        if place.is_own:
            # For those of others the statement looks at the rights, and so at the name.
            known = self._open.names.lookup(owner_id, place.name, self._open.alone)
        now = datetime.fromtimestamp(self._rooms.clock.seconds(), UTC)
        return [
            Target(
                account_id=owner_id,
                mailbox_id=known or 0,
                name=place.name if known is None else None,
                internal_date=message.internal_date or now,
                email_id=self._rooms.new_uuid(),
                flags=message.flags,
                asker=place.other,
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
