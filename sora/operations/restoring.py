"""What an operator can bring back: messages that were expunged, mailboxes that were deleted.

Messages are looked at and restored page by page, so that an account with millions of them costs
no more memory than one with ten.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from sora.errors import AlreadyExists, BadArgument, NoSuchMailbox
from sora.mail.mailbox_names import name_key, normalise
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IMailboxes, IRestoring
from sora.storage.interfaces.restoring import MOST
from sora.storage.rows import (
    Copied,
    DeletedMailbox,
    GoneFilter,
    GoneMessage,
    GonePage,
    GonePlace,
    Listing,
    MailboxRow,
    Operation,
    Restored,
)

_NAMES: Final = 100
"""names beside one that is taken which are tried"""


@frozen
class Wanted:
    """Which of the messages that are gone are meant: those that fit, of a mailbox by its name, be
    that of one that is there, of one that was deleted, or both."""

    mailbox: str | None
    which: GoneFilter

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self.mailbox is None and evolve(self.which, moved=False) == GoneFilter()


@frozen
class CameBack:
    """Messages of one mailbox that came back into another, or would; `is_made` if that has to be
    made first."""

    mailbox: str
    destination: str
    is_made: bool
    messages: int


@frozen
class CameBackAll:
    """All that came back; `over_quota` says that the account has more than it may now, `is_more`
    that more would have fitted than was asked for."""

    parts: tuple[CameBack, ...]
    over_quota: bool
    is_more: bool = False

    @property
    def messages(self) -> int:
        """How many messages."""
        return sum(part.messages for part in self.parts)


def nobody(copied: Copied) -> None:
    """No session is here to be told."""


@frozen
class RestoringOperations:
    """Lists and brings back what is gone. `grace` is how long it is kept at least. `told` hears of
    what came into a mailbox. Errors are those of `sora.errors`."""

    owners: OwnerLookup
    mailboxes: IMailboxes
    restoring: IRestoring
    new_operation: Callable[[], Operation]
    grace: timedelta
    told: Callable[[Copied], None] = nobody

    # ------------------------------------------------------------ messages

    async def gone(self, whose: Whose, wanted: Wanted, limit: int) -> list[GoneMessage]:
        """The latest messages that are gone, at most `limit`. One round trip for each 1,000 that
        are looked at, and two more. Raises NoSuchAccount, NoSuchMailbox, BadArgument."""
        account_id = await self.owners.account_id(whose)
        found: list[GoneMessage] = []
        async for page in self._pages(account_id, await self._filter(account_id, wanted)):
            found += page
            if len(found) >= limit:
                break
        return found[:limit]

    async def page(
        self, whose: Whose, wanted: Wanted, below: GonePlace | None, limit: int
    ) -> GonePage:
        """Of the next `limit` messages that are gone (at most 1,000) those that fit."""
        account_id = await self.owners.account_id(whose)
        which = await self._filter(account_id, wanted)
        page: GonePage = await self.restoring.gone(account_id, which, below, min(limit, MOST))
        return page

    def kept_until(self, message: GoneMessage) -> datetime:
        """Until when a message can be restored at least."""
        return message.grace_from + self.grace

    async def restore(
        self,
        whose: Whose,
        wanted: Wanted,
        to: str | None = None,
        dry_run: bool = False,
        most: int | None = None,
    ) -> CameBackAll:
        """Bring back all that fits, or the `most` latest: each message into its mailbox, or into
        one that is called the same if that was deleted, or all into `to`; what is not there is
        made. A quota does not keep it off. What somebody else brings back meanwhile, or is removed,
        is left out.

        One round trip for each 1,000 that are looked at, and one for each 1,000 of a mailbox that
        come back. Raises NoSuchAccount, NoSuchMailbox, BadArgument, BadName.
        """
        account_id = await self.owners.account_id(whose)
        which = await self._filter(account_id, wanted)
        listing: Listing = await self.mailboxes.list(account_id)
        homes = _Homes(listing.mailboxes, None if to is None else normalise(to))
        counts: dict[tuple[str, str, bool], int] = {}
        over_quota, room = False, most
        async for found in self._pages(account_id, which):
            page = found[:room]
            for source_id, messages in _by_mailbox(page).items():
                mailbox = messages[0].mailbox
                home, name = homes.of(messages[0])
                part = (mailbox, name, homes.is_new(name))
                if dry_run:
                    counts[part] = counts.get(part, 0) + len(messages)
                    continue
                if home is None:
                    row: MailboxRow = await self.mailboxes.create(
                        account_id, name, None, self.new_operation()
                    )
                    home = homes.made(row)
                restored: Restored = await self.restoring.restore(
                    source_id, [each.place.uid for each in messages], home, self.new_operation()
                )
                self.told(restored.copied)
                over_quota = over_quota or restored.over_quota
                counts[part] = counts.get(part, 0) + len(restored.copied.uids)
            room = None if room is None else room - len(page)
            if len(page) < len(found):
                break
        parts = [CameBack(*part, count) for part, count in sorted(counts.items()) if count]
        return CameBackAll(tuple(parts), over_quota, room == 0)

    async def _pages(
        self, account_id: int, which: GoneFilter
    ) -> AsyncIterator[Sequence[GoneMessage]]:
        below: GonePlace | None = None
        while True:
            page: GonePage = await self.restoring.gone(account_id, which, below, MOST)
            if page.last is None:
                return
            if page.messages:
                yield page.messages
            below = page.last

    async def _filter(self, account_id: int, wanted: Wanted) -> GoneFilter:
        if wanted.mailbox is not None:
            ids = await self._ids(account_id, wanted.mailbox)
            return evolve(wanted.which, mailbox_ids=ids)
        if wanted.which.uids is not None:
            raise BadArgument("UIDs are of a mailbox: say which")
        return wanted.which

    async def _ids(self, account_id: int, mailbox: str) -> tuple[int, ...]:
        """The mailboxes with this name, deleted ones too. Raises NoSuchMailbox."""
        key = name_key(normalise(mailbox))
        deleted: Sequence[DeletedMailbox] = await self.restoring.deleted_mailboxes(account_id)
        found = [each.id for each in deleted if name_key(each.name) == key]
        listing: Listing = await self.mailboxes.list(account_id)
        found += [row.id for row in listing.mailboxes if name_key(row.name) == key]
        if not found:
            raise NoSuchMailbox(f"There is no mailbox {mailbox}, nor a deleted one")
        return tuple(found)

    # ------------------------------------------------------------ mailboxes

    async def deleted_mailboxes(self, whose: Whose) -> Sequence[DeletedMailbox]:
        """Mailboxes that were deleted and can be restored, the latest first."""
        account_id = await self.owners.account_id(whose)
        found: Sequence[DeletedMailbox] = await self.restoring.deleted_mailboxes(account_id)
        return found

    async def restore_mailbox(
        self,
        whose: Whose,
        mailbox: str | None,
        to: str | None = None,
        number: int | None = None,
    ) -> MailboxRow:
        """Bring back the mailbox with this name that was deleted last, or the one with this number,
        with all that is in it: as `to`, or under its name, or under one beside it where that is
        taken. Raises NoSuchMailbox; AlreadyExists when `to` is taken."""
        account_id = await self.owners.account_id(whose)
        key = None if mailbox is None else name_key(normalise(mailbox))
        deleted: Sequence[DeletedMailbox] = await self.restoring.deleted_mailboxes(account_id)
        for each in deleted:
            if key in (None, name_key(each.name)) and number in (None, each.id):
                return await self._as_free(account_id, each, to)
        which = mailbox or f"with the number {number}"
        raise NoSuchMailbox(f"There is no deleted mailbox {which} that can be restored")

    async def _as_free(
        self, account_id: int, deleted: DeletedMailbox, to: str | None
    ) -> MailboxRow:
        names = _beside(deleted.name) if to is None else [normalise(to)]
        for name in names:
            try:
                row: MailboxRow = await self.restoring.restore_mailbox(
                    account_id, deleted.id, name, self.new_operation()
                )
            except AlreadyExists:
                continue
            return row
        raise AlreadyExists(f"There is a mailbox {names[0]} already: say which name it is to have")


class _Homes:
    """Where messages come back to."""

    def __init__(self, rows: Sequence[MailboxRow], to: str | None) -> None:
        self._ids = {name_key(row.name): row.id for row in rows}
        self._names = {row.id: row.name for row in rows}
        self._made: set[str] = set()
        self._to = to

    def of(self, message: GoneMessage) -> tuple[int | None, str]:
        """The mailbox of a message, None if it has to be made; and its name."""
        source = message.place.mailbox_id
        if self._to is None and source in self._names:
            return source, self._names[source]
        name = self._to or message.mailbox
        return self._ids.get(name_key(name)), name

    def is_new(self, name: str) -> bool:
        """Whether it was not there before."""
        return name_key(name) not in self._ids or name_key(name) in self._made

    def made(self, row: MailboxRow) -> int:
        """It is there now."""
        self._ids[name_key(row.name)] = row.id
        self._made.add(name_key(row.name))
        return row.id


def _beside(name: str) -> list[str]:
    """A name, and others that may be free where it is not."""
    return [
        name,
        f"{name} (restored)",
        *(f"{name} (restored {number})" for number in range(2, _NAMES)),
    ]


def _by_mailbox(page: Sequence[GoneMessage]) -> dict[int, list[GoneMessage]]:
    found: dict[int, list[GoneMessage]] = {}
    for message in page:
        found.setdefault(message.place.mailbox_id, []).append(message)
    return found
