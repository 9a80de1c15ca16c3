"""What an operator can learn of what happened: to an account, a mailbox, a message."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import frozen

from sora.errors import BadArgument, NoSuchMailbox
from sora.mail.flags import SYSTEM_NAMES, Keywords
from sora.mail.mailbox_names import name_key, normalise
from sora.mail.numbers import NumberSet
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IHistory, IMailboxes, IRestoring
from sora.storage.interfaces.history import EVENTS
from sora.storage.rows import DeletedMailbox, EventKind, Happened, History, Listing, Recount

MOST_PLACES: Final = 200
"""where one message may have been: a message that was copied a thousand times is cut short"""
_MADE_OF: Final = (EventKind.COPIED_IN, EventKind.MOVED_IN, EventKind.RESTORED)
_SIMPLE: Final = {
    EventKind.ARRIVED: "arrived",
    EventKind.EXPUNGED: "expunged",
    EventKind.RIGHTS: "rights changed",
    EventKind.ANNOTATED: "annotations changed",
}

Place = tuple[int, int]
"""A mailbox's id and a UID in it."""


@frozen
class Step:
    """Something that happened, in words; `uids` are those that are meant."""

    event: Happened
    uids: NumberSet
    what: str


@frozen
class HistoryOperations:
    """The history of mailboxes and messages, and counters that are counted anew. Errors are those
    of `sora.errors`."""

    owners: OwnerLookup
    mailboxes: IMailboxes
    restoring: IRestoring
    history: IHistory

    async def begins(self) -> datetime | None:
        """What happened before may be forgotten; None: nothing is."""
        begins: datetime | None = await self.history.begins()
        return begins

    async def of_account(
        self, whose: Whose, mailbox: str | None, since: datetime | None, limit: int
    ) -> list[Step]:
        """The latest `limit` events of an account or of the mailboxes that are, or were, called so;
        in their order. A round trip for each 1,000. Raises NoSuchAccount, NoSuchMailbox."""
        account_id = await self.owners.account_id(whose)
        names = await self._names(account_id)
        wanted = None if mailbox is None else _called(names, mailbox)
        found: list[Happened] = []
        keywords = Keywords()
        below: tuple[int, int] | None = None
        while len(found) < limit:
            page: History = await self.history.latest(
                account_id, wanted, below, since, min(limit - len(found), EVENTS)
            )
            if not page.events:
                break
            found += page.events
            keywords.learn(page.keywords)
            below = found[-1].modseq, found[-1].mailbox_id
        return [_step(event, event.uids, names, keywords) for event in found[::-1]]

    async def of_message(
        self,
        whose: Whose,
        message: UUID | tuple[str, int],
        since: datetime | None,
        limit: int,
    ) -> list[Step]:
        """The latest `limit` events of a message, by email id or by mailbox and UID, wherever it
        was moved, copied or restored to; in their order. A round trip for each step of its way.

        Raises NoSuchAccount, NoSuchMailbox; BadArgument when nothing is known of it.
        """
        account_id = await self.owners.account_id(whose)
        names = await self._names(account_id)
        fresh: set[Place] = set()
        if isinstance(message, UUID):
            fresh.update(await self.history.places(account_id, message))
        else:
            fresh.update((box, message[1]) for box in _called(names, message[0]))
        places: set[Place] = set()
        events: dict[tuple[int, int], Happened] = {}
        keywords = Keywords()
        while fresh and len(places) < MOST_PLACES:
            places |= fresh
            page: History = await self.history.about(account_id, sorted(fresh), EVENTS)
            keywords.learn(page.keywords)
            events.update(((event.modseq, event.mailbox_id), event) for event in page.events)
            fresh = {each for event in page.events for each in _led(event, places)} - places
        found = [event for _, event in sorted(events.items()) if since is None or event.at >= since]
        if not events:
            raise BadArgument("Nothing is known of such a message: look at --mailbox and --message")
        return [_step(event, _meant(event, places), names, keywords) for event in found[-limit:]]

    async def recount(self, whose: Whose, mailbox: str | None, mend: bool) -> list[Recount]:
        """Count a mailbox anew, or all of an account, and with `mend` make their counters right.
        One round trip for each. Raises NoSuchAccount, NoSuchMailbox."""
        account_id = await self.owners.account_id(whose)
        listing: Listing = await self.mailboxes.list(account_id)
        key = None if mailbox is None else name_key(normalise(mailbox))
        rows = [row for row in listing.mailboxes if key in (None, name_key(row.name))]
        if not rows and mailbox is not None:
            raise NoSuchMailbox(f"There is no mailbox {mailbox}")
        return [await self.history.recount(row.id, mend) for row in rows]

    async def _names(self, account_id: int) -> Mapping[int, str]:
        deleted: Sequence[DeletedMailbox] = await self.restoring.deleted_mailboxes(account_id)
        listing: Listing = await self.mailboxes.list(account_id)
        names = {each.id: each.name for each in deleted}
        names.update((row.id, row.name) for row in listing.mailboxes)
        return names


def _called(names: Mapping[int, str], mailbox: str) -> list[int]:
    """The mailboxes with a name. Raises NoSuchMailbox."""
    key = name_key(normalise(mailbox))
    found = [number for number, name in names.items() if name_key(name) == key]
    if not found:
        raise NoSuchMailbox(f"There is no mailbox {mailbox}, nor a deleted one")
    return found


def _pairs(event: Happened) -> list[tuple[Place, Place]]:
    """Which message here was made of which elsewhere."""
    detail = event.detail
    if event.kind not in _MADE_OF or detail.other is None:
        return []
    if len(detail.sources) != len(event.uids) or (detail.is_past and len(event.uids) > 1):
        return []
    return [
        ((event.mailbox_id, uid), (detail.other, source))
        for uid, source in zip(event.uids, detail.sources, strict=True)
    ]


def _led(event: Happened, places: set[Place]) -> set[Place]:
    """Where messages that are in `places` came from, or went, by an event."""
    found = set()
    for here, there in _pairs(event):
        if here in places:
            found.add(there)
        elif there in places:
            found.add(here)
    return found


def _meant(event: Happened, places: set[Place]) -> NumberSet:
    return NumberSet.of(uid for box, uid in places if box == event.mailbox_id and uid in event.uids)


def _step(event: Happened, uids: NumberSet, names: Mapping[int, str], keywords: Keywords) -> Step:
    sources = event.detail.sources
    pairs = _pairs(event)
    if pairs:
        sources = NumberSet.of(there for (_, here), (_, there) in pairs if here in uids)
    return Step(event, uids, _told(event, sources, names, keywords))


def flag_names(mask: int, keywords: Keywords) -> str:
    """The flags of a mask, as a client sees them."""
    system = [name for bit, name in SYSTEM_NAMES if mask & bit]
    return " ".join([*system, *keywords.names(mask)])


def _told(
    event: Happened, uids_there: NumberSet, names: Mapping[int, str], keywords: Keywords
) -> str:
    detail = event.detail
    other = names.get(detail.other or 0, "another mailbox")
    sources = f"{other} (UID {uids_there})" if uids_there else other
    match event.kind:
        case EventKind.FLAGS:
            sign = {"add": "+", "remove": "-", "replace": "="}.get(detail.mode, "")
            return f"flags {sign}({flag_names(detail.flags, keywords)})"
        case EventKind.COPIED_IN:
            return f"copied from {'what was deleted of ' if detail.is_past else ''}{sources}"
        case EventKind.MOVED_IN:
            return f"moved here from {sources}"
        case EventKind.MOVED_OUT:
            return f"moved to {other}"
        case EventKind.CREATED:
            return f"mailbox made as {detail.name}"
        case EventKind.RENAMED:
            return f"mailbox renamed from {detail.old_name} to {detail.name}"
        case EventKind.DELETED:
            return "mailbox deleted"
        case EventKind.RESTORED:
            if not event.uids:
                return f"mailbox restored as {detail.name}"
            return f"restored from {sources}"
        case kind:
            return _SIMPLE[kind]
