"""What one session can reach: mailboxes by name, its own and those of others, and in whose name."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sora.auth.interfaces import Identity
from sora.deferreds import shielded
from sora.mail.rights import Rights
from sora.mailbox.annotations import DEFAULT_RULES, AnnotationRules
from sora.mailbox.announcing import Source
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.past import PastNames, PastNamespace
from sora.mailbox.places import Place, Places, SharedNamespace
from sora.mailbox.rights import as_told, require
from sora.mailbox.selected import Rooms
from sora.storage.interfaces import IMailboxes, IMetadata, IQuotas, IRights
from sora.storage.rows import MailboxRow, Operation

T = TypeVar("T")


@frozen
class SessionFacts:
    """Who writes, for the history: `session` is an id, `address` the client's."""

    session: str
    protocol: str
    address: str


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
    past: PastNamespace | None = None
    annotation_rules: AnnotationRules = DEFAULT_RULES


class Reach:
    """A session's way to mailboxes: where names lead, what is there, and how its writes are named.

    `source` is what the session is known by to those who watch (`open_mailboxes.Source`).
    """

    def __init__(
        self, rooms: AccountRooms, identity: Identity, facts: SessionFacts, source: Source
    ) -> None:
        self.rooms = rooms
        self.identity = identity
        self.source = source
        self.past = PastNames(rooms.past, rooms.mailboxes, identity.account_id)
        self.places = Places(identity, rooms.namespace, rooms.owners, self.past)
        self._facts = facts

    @property
    def account_id(self) -> int:
        """Whose session it is."""
        return self.identity.account_id

    @property
    def open(self) -> OpenMailboxes:
        """What this process has open."""
        return self.rooms.selected.open_mailboxes

    def new_operation(self) -> Operation:
        """A name for one write command, and who does it."""
        return Operation(
            id=self.rooms.new_uuid(),
            actor=self.identity.address,
            session=self._facts.session,
            protocol=self._facts.protocol,
            address=self._facts.address,
        )

    async def having(self, place: Place, needed: Rights, deleted_size: bool = False) -> MailboxRow:
        """The mailbox, on which one has these rights. One round trip."""
        mailbox = await self.find(place, deleted_size)
        require(mailbox.rights, needed, place.shown)
        return mailbox

    async def find(self, place: Place, deleted_size: bool = False) -> MailboxRow:
        """The mailbox, whatever one may do with it. One round trip. Raises NoSuchMailbox."""
        owner_id = place.owner.account_id
        edition = self.open.names.edition(owner_id)
        finding = self.rooms.mailboxes.find(owner_id, place.name, place.other, deleted_size)
        mailbox: MailboxRow = await as_told(place.shown, finding)
        self.open.names.remember(owner_id, place.name, mailbox.id, edition)
        return mailbox

    @staticmethod
    def finishing(work: "Coroutine[Any, Any, T]") -> "Deferred[T]":
        """The work, which goes on when the session that waits for it ends."""
        return shielded(Deferred.fromCoroutine(work))
