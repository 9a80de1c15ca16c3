"""The mailboxes that mail of one recipient can be filed into: his own, which RCPT has read, and
those of others that let him (RFC 4314: the right to insert, or to post), which are looked up when
a script names one."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from attrs import frozen

from sora.auth.interfaces import Identity
from sora.errors import (
    AlreadyExists,
    BadArgument,
    BadName,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
    TooMany,
    UseAttributeRefused,
)
from sora.mail.mailbox_names import INBOX, SPECIAL_USES, name_key, normalise
from sora.mail.rights import Rights
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.places import Places, SharedNamespace
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import MailboxRow, Operation, Recipient

MAX_LOOKED_UP: Final = 64
"""Mailboxes of others that are looked up for one message; more of them are not there."""


@frozen
class Folder:
    """A mailbox that mail can be filed into, and whose it is; `name` is what its owner calls
    it."""

    account_id: int
    scope_id: int
    mailbox_id: int
    name: str = INBOX


@frozen
class FolderRooms:
    """What folders are looked up and made with; one for the whole process."""

    mailboxes: IMailboxes
    open_mailboxes: OpenMailboxes
    owners: Owners
    new_uuid: Callable[[], UUID]
    namespace: SharedNamespace | None = None
    past: str = ""
    """the prefix of what is past, below which no mailbox is made; empty when it is not shown"""


class Folders:
    """The folders of one recipient, for one message. Names are as scripts write them."""

    def __init__(self, rooms: FolderRooms, recipient: Recipient) -> None:
        self._rooms = rooms
        self._recipient = recipient
        identity = Identity(recipient.account_id, recipient.scope_id, recipient.address)
        self._places = Places(identity, rooms.namespace, rooms.owners)
        self._own = dict(recipient.mailboxes)
        self._others: dict[str, Folder | None] = {}

    @property
    def inbox(self) -> Folder:
        """Where mail goes that has no other place."""
        return self._folder(self._own[INBOX])

    async def find(self, name: str) -> Folder | None:
        """The mailbox of a name. A read for one that belongs to somebody else."""
        try:
            key = normalise(name)
        except BadName:
            return None
        if key in self._own:
            return self._folder(self._own[key], key)
        namespace = self._rooms.namespace
        if namespace is None or not namespace.has(key):
            return None
        if key not in self._others:
            if len(self._others) >= MAX_LOOKED_UP:
                return None
            self._others[key] = await self._look_up(key)
        return self._others[key]

    def by_use(self, use: str) -> Folder | None:
        """The mailbox that has a special use (RFC 6154), in any case."""
        wanted = use.lower()
        for known, mailbox_id in self._recipient.uses.items():
            if known.lower() == wanted:
                return self._folder(mailbox_id)
        return None

    def has_use(self, name: str, uses: tuple[str, ...]) -> bool:
        """Whether an own mailbox has all of these uses."""
        mailbox_id = self._own.get(name_key(name))
        found = {
            known.lower() for known, owner in self._recipient.uses.items() if owner == mailbox_id
        }
        return mailbox_id is not None and found >= {use.lower() for use in uses}

    def by_id(self, object_id: str) -> Folder | None:
        """The own mailbox with this MAILBOXID (RFC 8474)."""
        mailbox_id = self._recipient.object_ids.get(object_id)
        return None if mailbox_id is None else self._folder(mailbox_id)

    async def make(self, name: str, special_use: str | None = None) -> Folder | None:
        """The mailbox of a name, made if it is not there; None if that cannot be, also for one that
        would belong to somebody else. A write."""
        found = await self.find(name)
        namespace = self._rooms.namespace
        if found is not None or (namespace is not None and namespace.has(name_key(name))):
            return found
        if self._rooms.past and name.startswith(self._rooms.past):
            return None
        try:
            key = normalise(name)
            row = await self._create(key, special_use)
        except (BadName, BadArgument, TooMany, OverQuota, NoSuchMailbox, UseAttributeRefused):
            return None
        self._own[key] = row.id
        return self._folder(row.id, key)

    async def _create(self, key: str, special_use: str | None) -> MailboxRow:
        account_id, open_mailboxes = self._recipient.account_id, self._rooms.open_mailboxes
        operation = Operation(
            id=self._rooms.new_uuid(), actor=self._recipient.address, protocol="lmtp"
        )
        uses = {use.lower(): use for use in SPECIAL_USES}
        use = uses.get((special_use or "").lower())
        if use is not None and self.by_use(use) is not None:
            use = None
        row: MailboxRow
        try:
            row = await self._rooms.mailboxes.create(account_id, key, use, operation)
        except AlreadyExists:
            # Another delivery was faster.
            row = await self._rooms.mailboxes.find(account_id, key)
            return row
        open_mailboxes.names.forget(account_id)
        open_mailboxes.announce.names_changed(account_id, None)
        return row

    async def _look_up(self, key: str) -> Folder | None:
        try:
            place = await self._places.find(key)
            row: MailboxRow = await self._rooms.mailboxes.find(
                place.owner.account_id, place.name, place.other
            )
        except (NoSuchMailbox, NotPermitted, BadArgument):
            return None
        if not place.is_own and not row.rights & (Rights.INSERT | Rights.POST):
            return None
        return Folder(place.owner.account_id, place.owner.scope_id, row.id, place.name)

    def _folder(self, mailbox_id: int, name: str | None = None) -> Folder:
        if name is None:
            name = next((key for key, known in self._own.items() if known == mailbox_id), INBOX)
        return Folder(self._recipient.account_id, self._recipient.scope_id, mailbox_id, name)
