"""Delivery in PostgreSQL: the arguments of `place_v2`, its answer, and what it did when that was
lost. See `0023_delivery.sql`; and `0050_plain_delivery.sql` for what most deliveries are."""

import json
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import OutcomeUnknown, Unavailable
from sora.mail.carrier import to_text
from sora.retry import pause
from sora.storage.postgres import packing
from sora.storage.postgres.arriving import (
    content_fields,
    content_parameters,
    made_by,
    pieces,
    placed_as,
    target_fields,
    texts_of,
    uses_object,
)
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.outcomes import PATIENCE, PAUSES, Event
from sora.storage.postgres.packing import clean, number_set
from sora.storage.rows import (
    Arrival,
    Claim,
    Claimed,
    Delivered,
    Fate,
    Memory,
    Operation,
    Placed,
    Target,
)

DELIVER: Final = (
    "select kind, place, claim, fate, mailbox, uid, uidvalidity, modseq, before, flags, keywords,"
    " names, content_id, used_object, winner::text from place_v2(%s, "
    + "%s::text[], " * 7
    + "%s, %s, %s, "
    + packing.OPERATION
    + ")"
)

DELIVER_PLAINLY: Final = (
    "select o_content, o_used_object, o_fate, o_mailbox, o_uid, o_uidvalidity, o_modseq, o_before,"
    " o_winner::text from place_plain_v1(%s, %s, %s, %s::text[], "
    + "%s, " * 6
    + "%s::text[], %s::uuid, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid, %s, %s::smallint, %s::uuid,"
    + " %s::smallint, %s, "
    + packing.OPERATION
    + ")"
)

Arrivals = Sequence[tuple[int, Arrival]]


def deliver_parameters(arrivals: Arrivals, claims: Sequence[Claim]) -> tuple[Any, ...]:
    """The parameters of `place_v2` before the operation."""
    bodies = [None if one.body is None else pieces(one.body) for _, one in arrivals]
    texts = [(None,) * 6 if one.facts is None else texts_of(one.facts) for _, one in arrivals]
    contents = [
        {"p": scope_id, **content_fields(arrival, None if body is None else len(body))}
        for (scope_id, arrival), body in zip(arrivals, bodies, strict=True)
    ]
    return (
        json.dumps(contents, ensure_ascii=False),
        *([list(column) for column in zip(*texts, strict=True)] or [[]] * 6),
        [piece for body in bodies for piece in body or ()],
        _claims(claims),
        json.dumps(
            [
                {"n": place, "c": target.arrival, **_target(claim, target)}
                for place, claim in enumerate(claims)
                for target in claim.targets
            ],
            ensure_ascii=False,
        ),
        not all(map(_is_plain, claims)),
    )


def is_plain(arrivals: Arrivals, claims: Sequence[Claim]) -> bool:
    """Whether it is one message for one recipient, whom `place_plain_v1` is enough for."""
    if len(arrivals) != 1 or len(claims) != 1:
        return False
    [claim] = claims
    if not _is_plain(claim) or claim.vacations or claim.duplicates:
        return False
    [target] = claim.targets
    return target.account_id == claim.account_id and not target.flags.keywords


def plain_parameters(arrivals: Arrivals, claims: Sequence[Claim]) -> tuple[Any, ...]:
    """The parameters of `place_plain_v1` before the operation."""
    [(scope_id, arrival)], [claim] = arrivals, claims
    [target] = claim.targets
    offset = target.internal_date.utcoffset()
    return (
        *content_parameters(scope_id, arrival),
        claim.account_id,
        target.mailbox_id,
        clean(claim.recipient),
        claim.received_hash,
        str(claim.id),
        target.internal_date,
        round(offset.total_seconds() / 60) if offset else 0,
        str(target.email_id),
        target.flags.system,
        to_text(target.trace) if target.trace else None,
    )


def plainly_delivered(claim: Claim, row: Sequence[Any]) -> Delivered:
    """The answer from the row of `place_plain_v1`."""
    content_id, used_object, fate, mailbox_id, uid, uidvalidity, modseq, before, winner = row
    if fate == "missing":
        return Delivered(missing=frozenset({0}))
    made: tuple[Placed, ...] = ()
    if fate == Fate.PLACED:
        mask = claim.targets[0].flags.system
        made = (Placed(Fate.PLACED, mailbox_id, uid, uidvalidity, modseq, before, mask),)
    claimed = Claimed(Fate(fate), made, is_own=winner == str(claim.id))
    return Delivered((claimed,), ((content_id, used_object),))


def _is_plain(claim: Claim) -> bool:
    """Whether there is nothing to do but to put one message into INBOX."""
    return len(claim.targets) == 1 and claim.targets[0].mailbox_id == claim.inbox_id


def _claims(claims: Sequence[Claim]) -> str:
    return json.dumps([_claim(claim) for claim in claims], ensure_ascii=False)


def _claim(claim: Claim) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "a": claim.account_id,
        "i": claim.inbox_id,
        "m": claim.targets[0].mailbox_id if claim.targets else 0,
        "r": clean(claim.recipient),
        "h": claim.received_hash.hex(),
        "e": str(claim.id),
    }
    if claim.vacations:
        fields["v"] = _memories(claim.vacations)
    if claim.duplicates:
        fields["s"] = _memories(claim.duplicates)
    return fields


def _memories(memories: Sequence[Memory]) -> list[dict[str, Any]]:
    return [{"k": memory.key.hex(), "u": memory.seconds} for memory in memories]


def _target(claim: Claim, target: Target) -> dict[str, Any]:
    fields = target_fields(target)
    if target.account_id != claim.account_id:
        fields["w"] = claim.account_id
    return fields


def delivered(
    arrivals: Arrivals, claims: Sequence[Claim], rows: list[tuple[Any, ...]]
) -> Delivered:
    """The answer from the rows of `place_v2`."""
    if rows and rows[0][0] == "missing":
        return Delivered(missing=frozenset(row[1] for row in rows))
    contents: list[tuple[int, bool]] = [(0, False)] * len(arrivals)
    placed: list[list[Placed]] = [[] for _ in claims]
    vacations: list[set[int]] = [set() for _ in claims]
    fates = [(Fate.NO_MAILBOX, "")] * len(claims)
    for row in rows:
        kind, place, number = row[:3]
        if kind == "content":
            contents[place] = (row[12], row[13])
        elif kind == "vacation":
            vacations[number].add(place)
        else:
            fates[number] = (Fate(row[3]), row[14])
            if place is not None and row[3] == Fate.PLACED:
                placed[number].append(_placed(row))
    return Delivered(
        tuple(
            Claimed(fate, tuple(made), frozenset(replies), by == str(claim.id))
            for claim, (fate, by), made, replies in zip(
                claims, fates, placed, vacations, strict=True
            )
        ),
        tuple(contents),
    )


def _placed(row: tuple[Any, ...]) -> Placed:
    mailbox_id, uid, uidvalidity, modseq, before, flags, ids, names = row[4:12]
    mask = flags | packing.keyword_mask(ids)
    words = packing.used(packing.keywords(names), (mask,))
    return Placed(Fate.PLACED, mailbox_id, uid, uidvalidity, modseq, before, mask, words)


class LostDeliveries:
    """What a delivery did whose answer was lost (G14).

    A claim has an id of its own: the row that has it proves that the transaction was committed.
    """

    log = Logger()

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock

    async def find(
        self,
        arrivals: Arrivals,
        claims: Sequence[Claim],
        operation: Operation,
        unknown: OutcomeUnknown,
    ) -> Delivered:
        """The answer, or `unknown` is raised when there is no proof."""
        mailboxes = sorted({one.mailbox_id for claim in claims for one in claim.targets})
        for delay in PAUSES:
            await pause(self._clock, delay)
            try:
                seen = await self._claims(mailboxes, claims)
            except Unavailable as error:
                self.log.info("An outcome cannot be read back yet: {reason}", reason=error.text)
                continue
            if any(by == str(claims[place].id) for place, (by, _) in seen.items()):
                self.log.info("A delivery whose answer was lost has happened")
                return await self._answer(arrivals, claims, operation, seen)
        raise unknown

    async def _claims(
        self, mailboxes: list[int], claims: Sequence[Claim]
    ) -> dict[int, tuple[str, frozenset[int]]]:
        async def look(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(
                "select place, winner::text, replies from claimed_v1(%s::bigint[], %s)",
                (mailboxes, _claims(claims)),
            )

        rows = await self._database.run("outcome", look, write=False, timeout=PATIENCE)
        return {place: (by, frozenset(vacations)) for place, by, vacations in rows}

    async def _answer(
        self,
        arrivals: Arrivals,
        claims: Sequence[Claim],
        operation: Operation,
        seen: dict[int, tuple[str, frozenset[int]]],
    ) -> Delivered:
        rows = await self._made(claims, operation)
        contents = {}
        answers = []
        for place, claim in enumerate(claims):
            by, vacations = seen.get(place, ("", frozenset()))
            if by != str(claim.id):
                # Why one was refused is not written down anywhere: the next try finds it out.
                answers.append(Claimed(Fate.DUPLICATE if by else Fate.NO_MAILBOX))
                continue
            found = [(rows.get(str(target.email_id)), target) for target in claim.targets]
            contents.update({t.arrival: row[8] for row, t in found if row is not None})
            placed = (placed_as(row, target) for row, target in found)
            answers.append(Claimed(Fate.PLACED, tuple(filter(None, placed)), vacations))
        return Delivered(
            tuple(answers),
            tuple(
                [
                    (
                        contents.get(number, 0),
                        await uses_object(self._database, arrival, contents.get(number, 0)),
                    )
                    for number, (_, arrival) in enumerate(arrivals)
                ]
            ),
        )

    async def _made(
        self, claims: Sequence[Claim], operation: Operation
    ) -> dict[str, tuple[Any, ...]]:
        """The messages that were made, by e-mail id; also where they went to INBOX instead."""
        mailboxes = {one.mailbox_id for claim in claims for one in claim.targets}
        mailboxes.update(claim.inbox_id for claim in claims if claim.targets)

        async def look(tx: Tx) -> list[Event]:
            rows = await tx.all(
                "select mailbox, modseq, before, kind, uids, detail"
                " from outcome_v1(null, %s::bigint[], %s)",
                (sorted(mailboxes), str(operation.id)),
            )
            return [
                Event(box, modseq, before, kind, number_set(uids), detail or {})
                for box, modseq, before, kind, uids, detail in rows
            ]

        events = await self._database.run("outcome", look, write=False, timeout=PATIENCE)
        return await made_by(self._database, events)
