"""Messages in memory that are there: their flags, copies of them, and taking them away."""

from collections.abc import Sequence

from attrs import evolve

from sora.errors import OverQuota, StoredApart
from sora.mail.flags import SYSTEM, Flags
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, flags_of, permitted
from sora.storage.memory.mailboxes import states_of
from sora.storage.memory.records import EVERY_FLAG, MailboxRecord, MessageRecord
from sora.storage.memory.store import MemoryStore, keywords_in
from sora.storage.rows import (
    Copied,
    EventDetail,
    EventKind,
    Expunged,
    FlagChange,
    Operation,
    Stored,
)


def present(mailbox: MailboxRecord, uids: NumberSet) -> list[MessageRecord]:
    """Those of these messages that are there."""
    return [mailbox.messages[uid] for uid in uids.within(list(mailbox.messages))]


def change_flags(
    store: MemoryStore,
    mailbox: MailboxRecord,
    uids: NumberSet,
    change: FlagChange,
    operation: Operation,
    known_keywords: int,
) -> Stored:
    """See `IMessages.store`."""
    account = store.accounts[mailbox.account_id]
    before = mailbox.highest_modseq
    if change.mode == "remove":
        flags = account.keywords.mask(change.flags)
    else:
        flags = store.mask(account, change.flags)
    system, keywords = flags_of(change.rights)
    among = system | (~SYSTEM if keywords else 0)
    refused: list[int] = []
    changing: list[tuple[MessageRecord, int]] = []
    for message in present(mailbox, uids):
        mask = {
            "replace": message.mask & ~among | flags,
            "add": message.mask | flags,
            "remove": message.mask & ~flags,
        }[change.mode]
        if change.unchanged_since is not None and _was_touched(mailbox, message, change, flags):
            refused.append(message.uid)
        elif mask != message.mask:
            changing.append((message, mask))
    if changing:
        changed = NumberSet.of(message.uid for message, _ in changing)
        touched = EVERY_FLAG if change.mode == "replace" else flags
        was: dict[int, list[int]] = {}
        for message, _ in changing:
            was.setdefault(message.mask, []).append(message.uid)
        detail = EventDetail(
            mode=change.mode,
            flags=flags,
            was=tuple((mask, NumberSet.of(uids)) for mask, uids in was.items()),
        )
        modseq = store.record(mailbox, EventKind.FLAGS, changed, operation, touched, detail)
        for message, mask in changing:
            store.mark(mailbox, message, mask)
            message.modseq = modseq
    return Stored(
        mailbox_id=mailbox.id,
        before=before,
        modseq=mailbox.highest_modseq,
        changed=states_of(message for message, _ in changing),
        modified=NumberSet.of(refused),
        keywords=tuple(pair for pair in account.keywords if pair[0] >= known_keywords),
    )


def _was_touched(
    mailbox: MailboxRecord, message: MessageRecord, change: FlagChange, flags: int
) -> bool:
    """Whether UNCHANGEDSINCE forbids to change the message (RFC 7162 §3.1.3, §3.1.12)."""
    since = change.unchanged_since or 0
    if change.mode != "replace":
        if since == 0 and not flags & SYSTEM:
            return bool(message.mask & flags)
        if since >= mailbox.horizon:
            return any(
                event.modseq > since and message.uid in event.uids and event.touched & flags
                for event in mailbox.events
            )
    return message.modseq > since


def take_away(
    store: MemoryStore,
    mailbox: MailboxRecord,
    going: Sequence[int],
    kind: EventKind,
    operation: Operation,
    detail: EventDetail | None = None,
) -> Expunged:
    """Messages go: `kind` says how."""
    before = mailbox.highest_modseq
    vanished = NumberSet.of(going)
    if going:
        store.record(mailbox, kind, vanished, operation, detail=detail)
    for uid in going:
        store.drop(mailbox, uid, "moved" if kind is EventKind.MOVED_OUT else "expunged")
    return Expunged(mailbox.id, before, mailbox.highest_modseq, vanished)


def copy_into(
    store: MemoryStore,
    source: MailboxRecord,
    messages: Sequence[MessageRecord],
    target: MailboxRecord,
    rights: Rights,
    kind: EventKind,
    operation: Operation,
) -> Copied:
    """Put copies of messages into `target`, everything kept (G39); all or none."""
    giver, taker = store.accounts[source.account_id], store.accounts[target.account_id]
    size = sum(message.size for message in messages)
    if (kind is EventKind.COPIED_IN or giver is not taker) and not store.has_room(
        taker, size, len(messages)
    ):
        raise OverQuota()
    contents = [_content_in(store, message.content_id, taker.scope_id) for message in messages]
    before = target.highest_modseq
    uids = tuple(range(target.uidnext, target.uidnext + len(messages)))
    masks = []
    if messages:
        origin = NumberSet.of(message.uid for message in messages)
        detail = EventDetail(other=source.id, sources=origin)
        modseq = store.record(target, kind, NumberSet.of(uids), operation, detail=detail)
        for uid, message, content_id in zip(uids, messages, contents, strict=True):
            flags = Flags(message.mask & 31, tuple(giver.keywords.names(message.mask)))
            mask = store.mask(taker, permitted(flags, rights))
            masks.append(mask)
            store.put(
                target,
                evolve(
                    message,
                    uid=uid,
                    mask=mask,
                    modseq=modseq,
                    content_id=content_id,
                    save_date=store.now(),
                ),
            )
    known = 0
    for mask in masks:
        known |= mask
    return Copied(
        mailbox_id=target.id,
        uidvalidity=target.uidvalidity,
        before=before,
        modseq=target.highest_modseq,
        sources=tuple(message.uid for message in messages),
        uids=uids,
        masks=tuple(masks),
        keywords=keywords_in(taker.keywords, known),
    )


def _content_in(store: MemoryStore, content_id: int, scope_id: int) -> int:
    """The same content in a scope. Raises StoredApart when it is not there."""
    content = store.contents[content_id]
    if content.scope_id == scope_id:
        return content_id
    there = store.live.get((scope_id, content.hash))
    if there is None:
        raise StoredApart("The messages are not there yet.")
    return there
