"""A logged-in user: what can be done with the mailboxes by name."""

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve

from sora.auth.interfaces import Identity
from sora.errors import (
    BadArgument,
    NoSuchMailbox,
    NoSuchMessage,
    NotPermitted,
    SoraError,
    UseAttributeRefused,
)
from sora.mail.mailbox_names import DELIMITER, INBOX, SPECIAL_USES, name_key, superiors
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights
from sora.mailbox.administering import Administering
from sora.mailbox.annotations import Annotations
from sora.mailbox.announcing import Made
from sora.mailbox.appending import Appending
from sora.mailbox.behind import LivingMailbox
from sora.mailbox.bodies import Deliver
from sora.mailbox.listing import Query, may_lead_below
from sora.mailbox.past_mailbox import PAST_RIGHTS, is_past
from sora.mailbox.places import NOBODY, Place
from sora.mailbox.quota import QuotaRoots
from sora.mailbox.reach import AccountRooms, Reach, SessionFacts
from sora.mailbox.rights import (
    as_told,
    require,
    rights_in,
)
from sora.mailbox.selected import Selected
from sora.mailbox.watching import Watch
from sora.storage.rows import (
    BodyPlace,
    Listing,
    MailboxRow,
    Quota,
    StoredMessage,
    Want,
)

T = TypeVar("T")


class Account:
    """A user's mailboxes, and those of others that he has rights on (`places`).

    Names are normalised by the caller (`mailbox_names.normalise`). Budgets are those of the
    user's own mailboxes; for those of others it is one round trip more while this process has
    not heard of their owner. What the rights do not allow raises NotPermitted, or NoSuchMailbox
    where they do not even let it be seen.
    """

    def __init__(self, rooms: AccountRooms, identity: Identity, facts: SessionFacts) -> None:
        self._reach = reach = Reach(rooms, identity, facts, source=self)
        self.places = reach.places
        self.appending = Appending(reach)
        self.rights = Administering(reach)
        self.quotas = QuotaRoots(identity, rooms.quotas, rooms.owners)
        self.identity = identity
        self._rooms = rooms
        self._open = reach.open
        self._id = identity.account_id
        self.made: Made | None = None
        """see `open_mailboxes.Source`"""
        self.annotations = Annotations(
            rooms.annotation_rules,
            rooms.metadata,
            self.places,
            self._id,
            lambda account_id: self._open.announce.names_changed(account_id, self),
            lambda noted, entries: self._open.announce.annotated(noted, self._id, entries, self),
            reach.new_operation,
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

    async def listing(
        self, deleted_sizes: bool = False, query: Query | None = None, counted: bool = False
    ) -> Listing:
        """All mailboxes that are seen, and all subscriptions. One round trip. Counters of a row
        are for who has `Rights.READ` (G35).

        What is past is among it where a `query` may ask for it, which is one round trip more; with
        its counters when they are `counted`.
        """
        shared = self.places.namespace is not None
        names = self._open.names
        edition = names.edition(self._id)
        listing: Listing = await self._rooms.mailboxes.list(self._id, shared, deleted_sizes)
        for mailbox in listing.mailboxes:
            names.remember(self._id, mailbox.name, mailbox.id, edition)
        for one in listing.shared:
            owner_id = one.owner.account_id
            names.remember(owner_id, one.mailbox.name, one.mailbox.id, names.edition(owner_id))
        listing = self.places.listing(listing)
        past = self._reach.past
        if query is None or past.namespace is None:
            return listing
        if not may_lead_below(listing, query, past.prefix):
            return listing
        # A living mailbox comes first.
        living = {name_key(mailbox.name) for mailbox in listing.mailboxes}
        found = [row for row in await past.list(counted) if name_key(row.name) not in living]
        return evolve(listing, mailboxes=(*listing.mailboxes, *found))

    async def status(self, name: str, deleted_size: bool = False) -> MailboxRow:
        """A mailbox with its counters, for who may read it. At most one round trip, two for what
        is past."""
        if await self._reach.past.has(name):
            return await self._reach.past.find(name)
        return await self._reach.having(await self.places.find(name), Rights.READ, deleted_size)

    def recent(self, mailbox: MailboxRow) -> int:
        """How many of its messages no session of this process has learned of (STATUS RECENT)."""
        return 0 if is_past(mailbox) else self._open.recent(mailbox)

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
            self._reach.new_operation(),
            place.other,
            self._default_rights,
        )
        names = self._open.names
        names.forget(owner_id)  # somebody may just be hearing that it is not there
        names.remember(owner_id, place.name, mailbox.id, names.edition(owner_id))
        self._open.announce.names_changed(owner_id, self)
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
                    above = await self._reach.find(evolve(place, name=superior))
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
            await self._reach.having(place, Rights.REMOVE)
        if place.name == INBOX:
            raise BadArgument("INBOX cannot be deleted")
        await self._reach.finishing(self._delete(place))

    async def _delete(self, place: Place) -> None:
        owner_id = place.owner.account_id
        mailbox_id = await self._rooms.mailboxes.delete(
            owner_id, place.name, self._reach.new_operation()
        )
        self._open.announce.deleted(owner_id, mailbox_id, self)

    async def rename(self, old: str, new: str) -> None:
        """Rename a mailbox with its inferiors. Raises NoSuchMailbox, AlreadyExists,
        BadArgument for a new name below the old one, and for that of another owner."""
        before, after = await self.places.find(old), await self.places.find_new(new)
        if not before.is_own:
            await self._reach.having(before, Rights.REMOVE)
        if before.owner != after.owner:
            raise BadArgument("A mailbox stays with its owner: copy the messages instead")
        if before.name == INBOX and not before.is_own:
            raise BadArgument("INBOX belongs to its user")
        if after.name.startswith(before.name + DELIMITER) and before.name != INBOX:
            raise BadArgument("A mailbox cannot be moved below itself")
        if not after.is_own:
            await self._require_room_at(after)
        await self._reach.finishing(self._rename(before.owner.account_id, before.name, after.name))

    async def _rename(self, owner_id: int, old: str, new: str) -> None:
        await self._rooms.mailboxes.rename(owner_id, old, new, self._reach.new_operation())
        if old != INBOX:
            self._open.announce.renamed(owner_id, old, new, self)
            return
        self._open.announce.names_changed(owner_id, self)
        inbox = self._open.find(owner_id, INBOX)
        if inbox is not None:
            # Its messages have gone to the new mailbox.
            await inbox.see_everything()

    async def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions. Raises NoSuchMailbox for one that does not exist
        (RFC 3501 §6.3.6 leaves it open); a name stays when its mailbox goes."""
        if await self._reach.past.has(name):
            shown = (await self._reach.past.find(name)).name
        else:
            place = await self.places.find(name)
            await self._reach.having(place, Rights.LOOKUP)
            shown = place.shown
        await self._rooms.mailboxes.subscribe(self._id, shown)
        self._open.announce.names_changed(self._id, self)

    async def unsubscribe(self, name: str) -> None:
        """Remove a name from the subscriptions."""
        await self._rooms.mailboxes.unsubscribe(self._id, name)
        self._open.announce.names_changed(self._id, self)

    async def quota_root(self, name: str) -> tuple[str, Quota] | None:
        """The quota root that a mailbox counts for, which need not be there, and what is used of
        it; None for what is past, which counts for none. One round trip; for a mailbox of somebody
        else two, and it has to be there and may be read (RFC 9208 §6)."""
        if await self._reach.past.has(name):
            return None
        place = await self.places.find(name)
        if not place.is_own:
            await self._reach.having(place, Rights.READ)
        return self.quotas.name_of(place), await self.quotas.of(place)

    # -------------------------------------------------------------- mailboxes

    async def select(self, name: str, read_only: bool) -> Selected:
        """Open a mailbox that may be read. At most one round trip, two for what is past."""
        if await self._reach.past.has(name):
            return await self._select_past(name, read_only)
        place = await self.places.find(name)
        opening = self._open.acquire(
            place.owner.account_id, place.name, asks=not place.is_own, takes=not read_only
        )
        mailbox = await as_told(place.shown, opening)
        try:
            require(
                rights_in(mailbox.state.acl, mailbox.state.account_id, self._id),
                Rights.READ,
                place.shown,
            )
        except SoraError:
            self._open.release(mailbox, takes=not read_only)
            raise
        rooms = self._rooms.selected
        living = LivingMailbox(mailbox, self._open, rooms.poll, takes=not read_only)
        return Selected(rooms, living, place, read_only, self._reach.new_operation, self.places)

    async def _select_past(self, name: str, read_only: bool) -> Selected:
        names = self._reach.past
        past = await names.open(name)
        place = Place(self.places.me, past.state.name, self._id, names.prefix, PAST_RIGHTS)
        messages: Any = past
        rooms = self._rooms.selected
        rooms = evolve(rooms, messages=messages, crossing=evolve(rooms.crossing, messages=messages))
        return Selected(rooms, past, place, read_only, self._reach.new_operation, self.places)

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
