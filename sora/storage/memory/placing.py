"""Placing messages in memory: content, claims, quota, messages."""

from collections.abc import Sequence

from attrs import evolve

from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, permitted
from sora.storage.memory.store import (
    AccountRecord,
    ContentRecord,
    DeliveryRecord,
    MailboxRecord,
    MemoryStore,
    MessageRecord,
    keywords_in,
    pieces_of,
)
from sora.storage.rows import Arrival, EventKind, Fate, Operation, Placed, Placement, Target


def place(
    store: MemoryStore,
    scope_id: int,
    arrival: Arrival,
    targets: Sequence[Target],
    operation: Operation,
) -> Placement:
    """See `IMessages.place`."""
    content_id, used_object = _content(store, scope_id, arrival)
    if content_id is None:
        return Placement((), needs_body=True)
    content = store.contents[content_id]
    placed = tuple(_place_one(store, content, target, operation) for target in targets)
    return Placement(placed, content_id, used_object)


def _content(store: MemoryStore, scope_id: int, arrival: Arrival) -> tuple[int | None, bool]:
    """The live content of these bytes, and whether the arrival's object became its own."""
    there = store.live.get((scope_id, arrival.hash))
    if there is not None:
        pending = store.contents.get(arrival.content_id or 0)
        if pending is not None and pending.state == "pending":
            del store.contents[pending.id]
        return there, False
    if arrival.content_id is not None:
        content = store.contents[arrival.content_id]
    elif arrival.body is None and arrival.object is None:
        return None, False
    else:
        content = ContentRecord(
            id=store.new_id(),
            scope_id=scope_id,
            hash=arrival.hash,
            size=arrival.facts.size,
            state="live",
            created_at=store.now(),
            pieces=None if arrival.body is None else pieces_of(arrival.body),
        )
        store.contents[content.id] = content
    content.state, content.facts = "live", arrival.facts
    content.released_at = store.now()
    store.live[scope_id, arrival.hash] = content.id
    if arrival.object is not None:
        entry = store.objects[arrival.object.id]
        entry.content_id, entry.state = content.id, "stored"
        entry.store, entry.key_id = arrival.object.store, arrival.object.key_id
        entry.stored_size = arrival.object.stored_size
    return content.id, arrival.object is not None


def _place_one(
    store: MemoryStore, content: ContentRecord, target: Target, operation: Operation
) -> Placed:
    account = store.accounts[target.account_id]
    claim = None
    if target.recipient is not None and target.received_hash is not None:
        claim = (target.account_id, target.recipient, target.received_hash)
        done = store.deliveries.get(claim)
        if done is not None:
            return Placed(Fate.DUPLICATE, done.mailbox_id, done.uid, done.uidvalidity)
    mailbox = _mailbox(store, account, target)
    if (
        mailbox is None
        or mailbox.deleted_at is not None
        or mailbox.account_id != account.id
        or account.deleted_at is not None
    ):
        return Placed(Fate.NO_MAILBOX)
    assert content.facts is not None, "a live content has its facts"
    if is_named(target) and target.asker is not None:
        rights = mailbox.rights(target.asker)
        if Rights.INSERT not in rights:
            return Placed(Fate.NO_MAILBOX)
        target = evolve(target, flags=permitted(target.flags, rights))
    size = content.facts.size + len(target.trace)
    if not store.has_room(account, size, 1):
        return Placed(Fate.OVER_QUOTA, mailbox.id)
    placed = _put(store, account, mailbox, content.id, size, target, operation)
    if claim is not None:
        store.deliveries[claim] = DeliveryRecord(
            mailbox.id, placed.uid, placed.uidvalidity, store.now()
        )
    return placed


def _mailbox(store: MemoryStore, account: AccountRecord, target: Target) -> MailboxRecord | None:
    if not is_named(target):
        return store.mailboxes.get(target.mailbox_id)
    return store.named(account.id, target.name or "")


def is_named(target: Target) -> bool:
    """Whether its mailbox has to be looked up by its name."""
    return not target.mailbox_id and target.name is not None


def _put(
    store: MemoryStore,
    account: AccountRecord,
    mailbox: MailboxRecord,
    content_id: int,
    size: int,
    target: Target,
    operation: Operation,
) -> Placed:
    mask = store.mask(account, target.flags)
    uid, before = mailbox.uidnext, mailbox.highest_modseq
    modseq = store.record(mailbox, EventKind.ARRIVED, NumberSet(((uid, uid),)), operation)
    message = MessageRecord(
        uid=uid,
        content_id=content_id,
        mask=mask,
        modseq=modseq,
        internal_date=target.internal_date,
        email_id=target.email_id,
        size=size,
        trace=target.trace,
        save_date=store.now(),
    )
    store.put(mailbox, message)
    return Placed(
        fate=Fate.PLACED,
        mailbox_id=mailbox.id,
        uid=uid,
        uidvalidity=mailbox.uidvalidity,
        modseq=modseq,
        before=before,
        mask=mask,
        keywords=keywords_in(account.keywords, mask),
    )
