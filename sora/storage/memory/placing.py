"""Placing messages in memory: content, claims, quota, messages."""

from collections.abc import Iterator, Sequence
from hashlib import md5
from uuid import UUID

from attrs import evolve

from sora.errors import ExpungeIssued, NoSuchMailbox, OverQuota
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, permitted
from sora.storage.memory.records import (
    AccountRecord,
    ContentRecord,
    DeliveryRecord,
    MailboxRecord,
    MessageRecord,
)
from sora.storage.memory.store import MemoryStore, keywords_in, pieces_of
from sora.storage.rows import (
    Appended,
    Arrival,
    EventKind,
    Expunged,
    Fate,
    Incoming,
    Operation,
    Placed,
    Placement,
    Prepared,
    Replaced,
    Target,
)


def place(
    store: MemoryStore,
    scope_id: int,
    arrival: Arrival,
    targets: Sequence[Target],
    operation: Operation,
) -> Placement:
    """See `IMessages.place`."""
    content_id, used_object = content_of(store, scope_id, arrival)
    if content_id is None:
        return Placement((), needs_body=True)
    content = store.contents[content_id]
    placed = tuple(_place_one(store, content, target, operation) for target in targets)
    return Placement(placed, content_id, used_object)


def prepare(store: MemoryStore, scope_id: int, arrival: Arrival) -> Prepared:
    """See `IMessages.prepare`."""
    content_id, used_object = content_of(store, scope_id, arrival)
    assert content_id is not None, "the arrival comes with its bytes"
    store.contents[content_id].released_at = store.now()
    return Prepared(content_id, used_object)


def append(
    store: MemoryStore,
    scope_id: int,
    arrivals: Sequence[Arrival],
    targets: Sequence[Target],
    operation: Operation,
    replaced: Replaced | None,
) -> Appended:
    """See `IMessages.append`."""
    missing = [
        not brings_bytes(arrival) and (scope_id, arrival.hash) not in store.live
        for arrival in arrivals
    ]
    if any(missing):
        return Appended(tuple(Placement((), needs_body=needs) for needs in missing))
    account = store.accounts[targets[0].account_id]
    mailbox = _mailbox(store, account, targets[0])
    if mailbox is None or mailbox.deleted_at is not None or mailbox.account_id != account.id:
        raise NoSuchMailbox("There is no such mailbox.")
    allowed = [_allowed(mailbox, target) for target in targets]
    if None in allowed:
        raise NoSuchMailbox("There is no such mailbox.")
    source = gone = None
    if replaced is not None:
        source = store.mailbox(replaced.mailbox_id)
        gone = source.messages.get(replaced.uid)
        if gone is None:
            raise ExpungeIssued("The message is no longer there; nothing was put in its place.")
    _check_room(store, account, arrivals, scope_id, source, gone)
    store.learn(account, (one.flags for one in allowed if one is not None))
    expunged = None
    if replaced is not None and source is not None:
        before, uids = source.highest_modseq, NumberSet(((replaced.uid, replaced.uid),))
        modseq = store.record(source, EventKind.EXPUNGED, uids, operation)
        store.drop(source, replaced.uid)
        expunged = Expunged(source.id, before, modseq, uids)
    placements = []
    for arrival, target in zip(arrivals, targets, strict=True):
        placements.append(place(store, scope_id, arrival, [target], operation))
    return Appended(tuple(placements), expunged)


def brings_bytes(arrival: Arrival) -> bool:
    """Whether the bytes need not be there already."""
    return not (arrival.body is None and arrival.object is None and arrival.content_id is None)


def _check_room(
    store: MemoryStore,
    account: AccountRecord,
    arrivals: Sequence[Arrival],
    scope_id: int,
    source: MailboxRecord | None,
    gone: MessageRecord | None,
) -> None:
    size = sum(_size(store, scope_id, arrival) for arrival in arrivals)
    count = len(arrivals)
    if source is not None and gone is not None and source.account_id == account.id:
        size, count = size - gone.size, count - 1
    if not store.has_room(account, size, count):
        raise OverQuota("The account is over its quota.")


def _size(store: MemoryStore, scope_id: int, arrival: Arrival) -> int:
    if arrival.facts is not None:
        return arrival.facts.size
    return store.contents[store.live[scope_id, arrival.hash]].size


def content_of(store: MemoryStore, scope_id: int, arrival: Arrival) -> tuple[int | None, bool]:
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
        assert arrival.facts is not None, "bytes come with their facts"
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
        entry.content_id = content.id
        entry.store, entry.key_id = arrival.object.store, arrival.object.key_id
        entry.stored_size = arrival.object.stored_size
        store.becomes_stored(entry)
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
    allowed = _allowed(mailbox, target)
    if allowed is None:
        return Placed(Fate.NO_MAILBOX)
    target = allowed
    size = content.facts.size + len(target.trace)
    if not store.has_room(account, size, 1):
        return Placed(Fate.OVER_QUOTA, mailbox.id)
    placed = put_message(store, account, mailbox, content.id, size, target, operation)
    if claim is not None:
        store.deliveries[claim] = DeliveryRecord(
            mailbox.id, placed.uid, placed.uidvalidity, store.now()
        )
    return placed


def _allowed(mailbox: MailboxRecord, target: Target) -> Target | None:
    """The target as the rights of who asks allow it; None when they do not allow it at all."""
    if not is_named(target) or target.asker is None:
        return target
    rights = mailbox.rights(target.asker)
    if Rights.INSERT not in rights:
        return None
    return evolve(target, flags=permitted(target.flags, rights))


def _mailbox(store: MemoryStore, account: AccountRecord, target: Target) -> MailboxRecord | None:
    if not is_named(target):
        return store.mailboxes.get(target.mailbox_id)
    return store.named(account.id, target.name or "")


def is_named(target: Target) -> bool:
    """Whether its mailbox has to be looked up by its name."""
    return not target.mailbox_id and target.name is not None


def put_message(
    store: MemoryStore,
    account: AccountRecord,
    mailbox: MailboxRecord,
    content_id: int,
    size: int,
    target: Target,
    operation: Operation,
) -> Placed:
    """Make a message in a mailbox, under the next UID; `size` with its trace."""
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
        thread_id=_thread_of(store, account, content_id, target.email_id),
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


def made_message(
    store: MemoryStore,
    account: AccountRecord,
    content_id: int,
    size: int,
    incoming: Incoming,
    modseq: int,
) -> MessageRecord:
    """A message that is imported, under the UID that it brings."""
    assert incoming.uid is not None, "it has got a UID"
    return MessageRecord(
        uid=incoming.uid,
        content_id=content_id,
        mask=store.mask(account, incoming.flags),
        modseq=modseq,
        internal_date=incoming.internal_date,
        email_id=incoming.email_id,
        size=size,
        trace=b"",
        save_date=store.now(),
        thread_id=_thread_of(store, account, content_id, incoming.email_id),
    )


def _thread_of(store: MemoryStore, account: AccountRecord, content_id: int, email_id: UUID) -> UUID:
    """The thread of the message that this one replies to, or that of the first one."""
    facts = store.contents[content_id].facts
    assert facts is not None, "a live content has its facts"
    ids = facts.references or tuple(filter(None, (facts.in_reply_to,)))
    for message in _messages_of(store, account) if ids else ():
        other = store.contents[message.content_id].facts
        if other is not None and other.message_id == ids[-1] and message.thread_id is not None:
            return message.thread_id
    root = ids[0] if ids else facts.message_id
    if not root:
        return email_id
    return UUID(md5(f"{account.id}:{root}".encode(), usedforsecurity=False).hexdigest())


def _messages_of(store: MemoryStore, account: AccountRecord) -> Iterator[MessageRecord]:
    for mailbox in store.mailboxes.values():
        if mailbox.account_id == account.id:
            yield from mailbox.messages.values()
