"""Delivery in memory: claims, and all that each of them does or none of it."""

from collections.abc import Sequence
from datetime import timedelta

from attrs import evolve, frozen

from sora.mail.rights import Rights, permitted
from sora.storage.memory.placing import brings_bytes, content_of, put_message
from sora.storage.memory.records import DeliveryRecord, MailboxRecord
from sora.storage.memory.store import MemoryStore
from sora.storage.rows import (
    Arrival,
    Claim,
    Claimed,
    Delivered,
    Fate,
    Operation,
    Placed,
    Target,
)


@frozen
class _Place:
    """A target, and the mailbox it goes to, `instead` of one that cannot take it."""

    target: Target
    mailbox: MailboxRecord
    instead: bool = False


def deliver(
    store: MemoryStore,
    arrivals: Sequence[tuple[int, Arrival]],
    claims: Sequence[Claim],
    operation: Operation,
) -> Delivered:
    """See `IMessages.deliver`."""
    missing = frozenset(
        place
        for place, (scope_id, arrival) in enumerate(arrivals)
        if not brings_bytes(arrival) and (scope_id, arrival.hash) not in store.live
    )
    if missing:
        return Delivered(missing=missing)
    contents = []
    for scope_id, arrival in arrivals:
        content_id, used = content_of(store, scope_id, arrival)
        assert content_id is not None, "what is missing was told"
        contents.append((content_id, used))
    won = {claim.id for claim in claims if _claim(store, claim)}
    made = [_deliver(store, claim, contents, claim.id in won, operation) for claim in claims]
    return Delivered(tuple(made), tuple(contents))


def _key(claim: Claim) -> tuple[int, str, bytes]:
    return claim.account_id, claim.recipient, claim.received_hash


def _claim(store: MemoryStore, claim: Claim) -> bool:
    if _key(claim) in store.deliveries:
        return False
    store.deliveries[_key(claim)] = DeliveryRecord(0, 0, 0, store.now(), claim.id)
    return True


def _deliver(
    store: MemoryStore,
    claim: Claim,
    contents: Sequence[tuple[int, bool]],
    is_won: bool,
    operation: Operation,
) -> Claimed:
    if not is_won:
        first = store.deliveries.get(_key(claim))
        return Claimed(Fate.DUPLICATE, is_own=first is not None and first.claim == claim.id)
    places = [_place(store, claim, contents, target) for target in claim.targets]
    possible = [place for place in places if place is not None]
    fate = Fate.PLACED
    if store.accounts[claim.account_id].deleted_at is not None or len(possible) < len(places):
        fate = Fate.NO_MAILBOX
    else:
        fate = _room(store, claim, contents, possible)
    if fate is not Fate.PLACED:
        del store.deliveries[_key(claim)]
        return Claimed(fate)
    placed = [_put(store, contents, place, possible, operation) for place in possible]
    return Claimed(Fate.PLACED, tuple(placed), _remember(store, claim))


def _place(
    store: MemoryStore, claim: Claim, contents: Sequence[tuple[int, bool]], target: Target
) -> _Place | None:
    mailbox = _live(store, target.mailbox_id, target.account_id)
    if mailbox is not None and target.account_id != claim.account_id:
        rights = mailbox.rights(claim.account_id)
        if rights & (Rights.INSERT | Rights.POST):
            return _Place(evolve(target, flags=permitted(target.flags, rights)), mailbox)
        mailbox = None
    if mailbox is not None:
        return _Place(target, mailbox)
    inbox = _live(store, claim.inbox_id, claim.account_id)
    content = store.contents[contents[target.arrival][0]]
    if inbox is None or content.scope_id != store.accounts[claim.account_id].scope_id:
        return None
    return _Place(evolve(target, account_id=claim.account_id), inbox, instead=True)


def _live(store: MemoryStore, mailbox_id: int, account_id: int) -> MailboxRecord | None:
    mailbox = store.mailboxes.get(mailbox_id)
    if mailbox is None or mailbox.deleted_at is not None or mailbox.account_id != account_id:
        return None
    return mailbox


def _size(store: MemoryStore, contents: Sequence[tuple[int, bool]], target: Target) -> int:
    return store.contents[contents[target.arrival][0]].size + len(target.trace)


def _room(
    store: MemoryStore,
    claim: Claim,
    contents: Sequence[tuple[int, bool]],
    places: Sequence[_Place],
) -> Fate:
    """Whether the accounts have room for all of it."""
    fate = Fate.PLACED
    for account_id in {place.target.account_id for place in places}:
        sizes = [
            _size(store, contents, place.target)
            for place in places
            if place.target.account_id == account_id
        ]
        if not store.has_room(store.accounts[account_id], sum(sizes), len(sizes)):
            if account_id == claim.account_id:
                return Fate.OVER_QUOTA
            fate = Fate.NO_MAILBOX
    return fate


def _put(
    store: MemoryStore,
    contents: Sequence[tuple[int, bool]],
    place: _Place,
    places: Sequence[_Place],
    operation: Operation,
) -> Placed:
    same = [
        other
        for other in places
        if other.mailbox is place.mailbox and other.target.arrival == place.target.arrival
    ]
    first = next((other for other in same if not other.instead), same[0])
    if place.instead and first is not place:
        return Placed(Fate.PLACED, place.mailbox.id)
    content_id = contents[place.target.arrival][0]
    size = _size(store, contents, place.target)
    account = store.accounts[place.target.account_id]
    return put_message(store, account, place.mailbox, content_id, size, place.target, operation)


def _remember(store: MemoryStore, claim: Claim) -> frozenset[int]:
    """Gives the places of the replies that are this claim's."""
    now = store.now()
    for memory in claim.duplicates:
        store.duplicates[claim.account_id, memory.key] = now + timedelta(seconds=memory.seconds)
    mine = set()
    for place, memory in enumerate(claim.vacations):
        key = (claim.account_id, memory.key)
        if key not in store.vacations or store.vacations[key] <= now:
            store.vacations[key] = now + timedelta(seconds=memory.seconds)
            mine.add(place)
    return frozenset(mine)
