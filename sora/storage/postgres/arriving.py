"""The arguments of `place_v1` and `append_v1`, and what they did when their answer was lost."""

import json
from collections.abc import Sequence
from typing import Any

from sora.errors import OutcomeUnknown
from sora.mail.carrier import to_text
from sora.mail.facts import Facts
from sora.mail.mailbox_names import name_key
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.outcomes import Event, Outcomes, of_kind
from sora.storage.postgres.packing import clean
from sora.storage.rows import (
    PIECE,
    Appended,
    Arrival,
    EventKind,
    Expunged,
    Fate,
    Operation,
    Placed,
    Placement,
    Replaced,
    Target,
)


def pieces(body: bytes) -> list[str]:
    """A body cut for staging: at least one piece."""
    return [to_text(body[start : start + PIECE]) for start in range(0, len(body) or 1, PIECE)]


def place_parameters(scope_id: int, arrival: Arrival, targets: Sequence[Target]) -> tuple[Any, ...]:
    """The parameters of `place_v1` before the operation."""
    return (*content_parameters(scope_id, arrival), _targets(targets))


def content_parameters(scope_id: int, arrival: Arrival) -> tuple[Any, ...]:
    """The parameters that describe a content: all of `prepare_v1`."""
    facts, thing = arrival.facts, arrival.object
    return (
        scope_id,
        arrival.hash,
        None if facts is None else json.dumps(_facts(facts), ensure_ascii=False),
        [] if facts is None else _references(facts),
        *((None,) * 6 if facts is None else texts_of(facts)),
        None if arrival.body is None else pieces(arrival.body),
        None if thing is None else str(thing.id),
        None if thing is None else thing.store,
        None if thing is None else thing.key_id,
        None if thing is None else thing.stored_size,
        arrival.content_id,
    )


def append_parameters(
    scope_id: int,
    arrivals: Sequence[Arrival],
    targets: Sequence[Target],
    replaced: Replaced | None,
) -> tuple[Any, ...]:
    """The parameters of `append_v1` before the operation."""
    bodies = [None if one.body is None else pieces(one.body) for one in arrivals]
    texts = [(None,) * 6 if one.facts is None else texts_of(one.facts) for one in arrivals]
    return (
        scope_id,
        json.dumps(
            [
                content_fields(arrival, None if body is None else len(body))
                for arrival, body in zip(arrivals, bodies, strict=True)
            ],
            ensure_ascii=False,
        ),
        *(list(column) for column in zip(*texts, strict=True)),
        [piece for body in bodies for piece in body or ()],
        _targets(targets),
        None if replaced is None else replaced.mailbox_id,
        None if replaced is None else replaced.uid,
    )


def content_fields(arrival: Arrival, count: int | None) -> dict[str, Any]:
    """What describes a content, other than its texts; `count` pieces of its body come along."""
    fields: dict[str, Any] = {"h": arrival.hash.hex()}
    if arrival.facts is not None:
        fields["f"] = _facts(arrival.facts)
        fields["r"] = _references(arrival.facts)
    if count is not None:
        fields["n"] = count
    if arrival.object is not None:
        fields["o"], fields["s"] = str(arrival.object.id), arrival.object.store
        fields["k"], fields["z"] = arrival.object.key_id, arrival.object.stored_size
    if arrival.content_id is not None:
        fields["c"] = arrival.content_id
    return fields


def _references(facts: Facts) -> list[str]:
    return [clean(reference) for reference in facts.references]


def texts_of(facts: Facts) -> tuple[str, str, str, str, str, str]:
    """The texts of a content, as they are stored."""
    return (
        to_text(facts.header),
        to_text(facts.envelope),
        to_text(facts.structure),
        clean(facts.parts),
        clean(facts.text_header),
        clean(facts.text_body),
    )


def _targets(targets: Sequence[Target]) -> str:
    return json.dumps([target_fields(target) for target in targets], ensure_ascii=False)


def is_by_another(target: Target) -> bool:
    """Whether somebody asks who does not own the mailbox."""
    return target.asker not in (None, target.account_id)


def is_named(target: Target) -> bool:
    """Whether its mailbox has to be looked up by its name."""
    return not target.mailbox_id and target.name is not None


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "size": facts.size,
        "size_crlf": facts.size_crlf,
        "sent_at": facts.sent_at.isoformat() if facts.sent_at else None,
        "sent_day": facts.sent_day.isoformat() if facts.sent_day else None,
        "sort_subject": clean(facts.sort_subject),
        "sort_from": clean(facts.sort_from),
        "sort_to": clean(facts.sort_to),
        "sort_cc": clean(facts.sort_cc),
        "display_from": clean(facts.display_from),
        "display_to": clean(facts.display_to),
        "message_id": clean(facts.message_id),
        "in_reply_to": clean(facts.in_reply_to),
        "preview": clean(facts.preview),
        "text_subject": clean(facts.text_subject),
        "text_from": clean(facts.text_from),
        "text_to": clean(facts.text_to),
        "text_cc": clean(facts.text_cc),
        "text_bcc": clean(facts.text_bcc),
    }


def target_fields(target: Target) -> dict[str, Any]:
    """A target as the functions take it."""
    offset = target.internal_date.utcoffset()
    fields: dict[str, Any] = {
        "a": target.account_id,
        "m": target.mailbox_id,
        "d": target.internal_date.isoformat(),
        "z": round(offset.total_seconds() / 60) if offset else 0,
        "e": str(target.email_id),
        "f": target.flags.system,
    }
    if is_named(target):
        fields["n"] = name_key(target.name or "")
        if is_by_another(target):
            fields["w"] = target.asker
    if target.trace:
        fields["t"] = to_text(target.trace)
    if target.recipient is not None:
        fields["r"] = clean(target.recipient)
        fields["h"] = (target.received_hash or b"").hex()
    if target.flags.keywords:
        fields["k"], fields["kk"] = packing.keyword_names(target.flags)
    return fields


async def placed_after_all(
    database: Database,
    outcomes: Outcomes,
    scope_id: int,
    arrival: Arrival,
    targets: Sequence[Target],
    operation: Operation,
    unknown: OutcomeUnknown,
) -> Placement:
    """The answer of a place whose own answer was lost, or `unknown` is raised (G14).

    One event proves that the transaction was committed; then each target's fate can be seen:
    a message with its email id, a claim that somebody else has, a mailbox that is not there.
    """
    events = await outcomes.events(
        operation.id,
        sorted({target.mailbox_id for target in targets}),
        account_id=next((target.account_id for target in targets if is_named(target)), None),
        unknown=unknown,
    )

    rows = await made_by(database, events)
    placed = [placed_as(rows.get(str(target.email_id)), target) for target in targets]
    for place, (target, seen) in enumerate(zip(targets, placed, strict=True)):
        if seen is None:
            placed[place] = Placed(await _refused(database, target), target.mailbox_id)
    content_id = next((row[8] for row in rows.values()), 0)
    return Placement(
        tuple(seen for seen in placed if seen is not None),
        content_id,
        await uses_object(database, arrival, content_id),
    )


async def appended_after_all(
    database: Database,
    outcomes: Outcomes,
    arrivals: Sequence[Arrival],
    targets: Sequence[Target],
    replaced: Replaced | None,
    operation: Operation,
    unknown: OutcomeUnknown,
) -> Appended:
    """The answer of an append whose own answer was lost, or `unknown` is raised (G14).

    All of it happened when one event of it is there.
    """
    mailbox_ids = {target.mailbox_id for target in targets}
    if replaced is not None:
        mailbox_ids.add(replaced.mailbox_id)
    events = await outcomes.events(
        operation.id, sorted(mailbox_ids), account_id=targets[0].account_id, unknown=unknown
    )
    rows = await made_by(database, [event for event in events if event.kind == EventKind.ARRIVED])
    placements = []
    for arrival, target in zip(arrivals, targets, strict=True):
        row = rows.get(str(target.email_id))
        placed = placed_as(row, target)
        if row is None or placed is None:
            raise unknown
        placements.append(
            Placement((placed,), row[8], await uses_object(database, arrival, row[8]))
        )
    gone = None if replaced is None else of_kind(events, EventKind.EXPUNGED)
    return Appended(
        tuple(placements),
        None if gone is None else Expunged(gone.mailbox_id, gone.before, gone.modseq, gone.uids),
    )


async def made_by(database: Database, events: Sequence[Event]) -> dict[str, tuple[Any, ...]]:
    """The messages that these events tell of, by e-mail id."""

    async def look(tx: Tx) -> list[tuple[Any, ...]]:
        return await tx.all(
            """
            select m.email_id::text, m.mailbox_id, m.uid, b.uidvalidity, e.modseq, e.before,
                m.flags, m.keywords, m.content_id, keywords_from_v1(b.account_id, 0)
            from events e join mailboxes b on b.id = e.mailbox_id
                join lateral (
                    select email_id, mailbox_id, uid, flags, keywords, content_id
                    from messages where mailbox_id = e.mailbox_id and uid <@ e.uids
                        and uid >= lower(e.uids) and uid < upper(e.uids)
                    union all
                    select email_id, mailbox_id, uid, flags, keywords, content_id
                    from expunged where mailbox_id = e.mailbox_id and uid <@ e.uids
                        and uid >= lower(e.uids) and uid < upper(e.uids)
                ) m on true
            where (e.mailbox_id, e.modseq) in (
                select unnest(%s::bigint[]), unnest(%s::bigint[])
            )
            """,
            ([event.mailbox_id for event in events], [event.modseq for event in events]),
        )

    return {row[0]: row for row in await database.run("outcome", look, write=False)}


def placed_as(row: tuple[Any, ...] | None, target: Target) -> Placed | None:
    """What became of a target, from its row of `made_by`; None when there is no row."""
    if row is None:
        return None
    _, mailbox_id, uid, uidvalidity, modseq, before, flags, ids, _, names = row
    # Rights may have kept some of the flags off.
    system = flags if is_by_another(target) else target.flags.system
    mask = system | packing.keyword_mask(ids)
    words = packing.used(packing.keywords(names), (mask,))
    return Placed(Fate.PLACED, mailbox_id, uid, uidvalidity, modseq, before, mask, words)


async def _refused(database: Database, target: Target) -> Fate:
    """Why a committed place made no message of this target."""

    async def look(tx: Tx) -> Fate:
        claimed, there = (
            await tx.one(
                "select exists (select from deliveries where account_id = %s and recipient = %s"
                " and received_hash = %s), exists (select from mailboxes where id = %s"
                " and account_id = %s and deleted_at is null)",
                (
                    target.account_id,
                    target.recipient,
                    target.received_hash,
                    target.mailbox_id,
                    target.account_id,
                ),
            )
            or ()
        )
        if claimed:
            return Fate.DUPLICATE
        return Fate.OVER_QUOTA if there else Fate.NO_MAILBOX

    return await database.run("outcome", look, write=False)


async def uses_object(database: Database, arrival: Arrival, content_id: int) -> bool:
    """Whether the content's object is the one that came along."""
    if arrival.object is None:
        return False
    name = str(arrival.object.id)

    async def look(tx: Tx) -> bool:
        return bool(
            await tx.value(
                "select exists (select from objects where id = %s and content_id = %s)",
                (name, content_id),
            )
        )

    return await database.run("outcome", look, write=False)
