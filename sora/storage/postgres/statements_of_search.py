"""SEARCH, SORT and THREAD as one statement each.

A mailbox is searched in two halves: up to `mailboxes.indexed_uid` by the index, above it message by
message. Both are read by one statement, so at one moment; what arrived just now is found.

    with upto as (select indexed_uid …),
         gone as (… what was expunged after a modseq …),
         f0 as (… UIDs from the index …),
         found as (… the one half … union all … the other half … union all … gone …)
    select … from found …

What went after a modseq is found by the events after it: there are few, or none.

The past of a mailbox (`0041_past.sql`) has no index, and is read as if all of it were above.

Just-in-time compilation would take longer than what it saves, so it is off; and a large mailbox is
sorted in memory.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sora.mail.criteria import And, Criterion, UidIn
from sora.mail.fuzzy import grades
from sora.mail.numbers import NumberSet
from sora.storage.postgres.conditions import CONTENTS, Asked, Conditions
from sora.storage.rows import EventKind, SortBy, SortKey

Statement = tuple[str, dict[str, Any]]
"""SQL and its parameters"""

_PLAIN_KEYS: Final = {SortBy.ARRIVAL: "k.internal_date", SortBy.SIZE: "k.size"}
_SENT_AT: Final = "sent_at"
_KEYS: Final = {
    SortBy.DATE: _SENT_AT,
    SortBy.CC: "sort_cc",
    SortBy.FROM: "sort_from",
    SortBy.SUBJECT: "sort_subject",
    SortBy.TO: "sort_to",
    SortBy.DISPLAYFROM: "display_from",
    SortBy.DISPLAYTO: "display_to",
}
_THREADED: Final = ("message_id", "in_reply_to", "sort_subject", _SENT_AT)
_SETTINGS: Final = "set local jit = off; set local work_mem = '24MB'; "
_MANY: Final = 8
"""When a set has more than one in so many messages, all messages are read."""
FEW: Final = 1000
"""Keys of so many messages are read from contents: for one message a segment costs as much as for
all that it has."""
_LAST: Final = 9223372036854775807
_LEAVING: Final = f"{EventKind.EXPUNGED}, {EventKind.MOVED_OUT}"


def search(
    mailbox_id: int,
    criterion: Criterion,
    gone_since: int | None = None,
    *,
    past: bool = False,
) -> Statement:
    """A search; its one value is the UIDs with commas between. Messages that went after the modseq
    `gone_since` are among it. With `past` it is a search in the past, by old UIDs."""
    asked = Asked(mailbox_id, gone_since, is_past=past)
    found = _found(asked, criterion, lambda conditions: "m.uid")
    return _statement(asked, found, "select string_agg(uid::text, ',' order by uid) from found")


def sort(
    mailbox_id: int,
    criterion: Criterion,
    keys: Sequence[SortKey],
    gone_since: int | None = None,
    few: int = FEW,
    *,
    past: bool = False,
) -> Statement:
    """A search whose UIDs are in the order of the keys."""
    asked = Asked(mailbox_id, gone_since, is_past=past)
    columns = "m.uid, m.internal_date, m.size, m.content_id"
    scored = any(key.by is SortBy.RELEVANCY for key in keys)

    def chosen(conditions: Conditions) -> str:
        return f"{columns}, {_score(conditions, criterion)} as score" if scored else columns

    found = _found(asked, criterion, chosen)
    wide = tuple(dict.fromkeys(_KEYS[key.by] for key in keys if key.by in _KEYS))
    order = ", ".join([*map(_ordered, keys), "k.uid"])
    joined = " join keys w on w.uid = k.uid" if wide else ""
    return _statement(
        asked,
        f"{found}, {_keys_of(asked, wide, wide, few)}" if wide else found,
        f"select string_agg(k.uid::text, ',' order by {order}) from found k{joined}",
    )


def threads(
    mailbox_id: int,
    criterion: Criterion,
    gone_since: int | None = None,
    few: int = FEW,
    *,
    past: bool = False,
) -> Statement:
    """Rows of uid, message id, In-Reply-To, References with line feeds between, base subject,
    whether it is a reply, the whole subject where that is not known, and the date."""
    asked = Asked(mailbox_id, gone_since, is_past=past)
    found = _found(asked, criterion, lambda conditions: "m.uid, m.internal_date, m.content_id")
    keys = _keys_of(
        asked,
        (*_THREADED, "refs", "is_reply", "null as subject"),
        (
            *_THREADED,
            "array_to_string(refs, E'\\n') as refs",
            "null as is_reply",
            "(select t.subject from content_texts t where t.content_id = c.id) as subject",
        ),
        few,
    )
    return _statement(
        asked,
        f"{found}, {keys}",
        "select w.uid, w.message_id, w.in_reply_to, w.refs, w.sort_subject, w.is_reply,"
        " w.subject, coalesce(w.sent_at, k.internal_date)"
        " from found k join keys w on w.uid = k.uid order by k.uid",
    )


def scores(
    mailbox_id: int, criterion: Criterion, uids: NumberSet, *, past: bool = False
) -> Statement:
    """Rows of uid and score."""
    asked = Asked(mailbox_id, is_past=past)
    found = _found(
        asked,
        UidIn(uids),
        lambda conditions: f"m.uid, {_score(conditions, criterion)} as score",
    )
    return _statement(asked, found, "select uid, score from found")


# ------------------------------------------------------------------ pieces


def _statement(asked: Asked, found: str, select: str) -> Statement:
    sets = "".join(f"{name} as materialized ({sql}), " for name, sql in asked.found.items())
    upto = (
        "select coalesce(max(indexed_uid), 0) as uid, coalesce(max(messages), 0) as messages"
        " from mailboxes where id = %(mailbox)s"
    )
    also = "" if asked.gone_since is None else f" gone as materialized ({_gone(asked)}),"
    if asked.is_past:
        upto = "select 0::bigint as uid, 0::bigint as messages"
        also = " past as materialized (select * from past_in_v1(%(mailbox)s, '{[1,)}')),"
    sql = f"{_SETTINGS}with upto as materialized ({upto}),{also} {sets}{found} {select}"
    return sql, asked.parameters


def _gone(asked: Asked) -> str:
    since = asked.with_("%s", asked.gone_since)
    return (
        "select m.* from events e cross join lateral unnest(e.uids) r cross join lateral ("
        "select * from expunged where mailbox_id = %(mailbox)s and uid >= lower(r)"
        f" and uid < upper(r) and expunged_modseq > {since} offset 0) m"
        f" where e.mailbox_id = %(mailbox)s and e.modseq > {since} and e.kind in ({_LEAVING})"
    )


def _found(asked: Asked, criterion: Criterion, columns: Callable[[Conditions], str]) -> str:
    """What matches, as a table `found`."""
    below, above = Conditions(asked, indexed=True), Conditions(asked, indexed=False)
    parts = criterion.parts if isinstance(criterion, And) else (criterion,)
    each = " and ".join(above.of(part) for part in parts) or "true"
    if asked.is_past:
        chosen = columns(above)
        return f"found as materialized (select {chosen} from past m{above.joins} where {each})"
    ways = _indexed(below, [below.of(part) for part in parts], columns(below))
    chosen = columns(above)
    scanned = (
        f"select {chosen} from messages m{above.joins} where m.mailbox_id = %(mailbox)s"
        f" and m.uid > (select uid from upto) and m.uid < {_LAST} and {each}"
    )
    ways.append(scanned)
    if asked.gone_since is not None:
        ways.append(f"select {chosen} from gone m{above.joins} where {each}")
    return f"found as materialized ({' union all '.join(ways)})"


def _indexed(conditions: Conditions, each: Sequence[str], columns: str) -> list[str]:
    """The half that is indexed. When what has to match is a set of UIDs, its messages are looked
    up; or, when it is a large part of the mailbox, all messages are read, and looked up in the
    set. Which of it is better shows when the set is there: of two statements one is executed."""
    bounds = "m.mailbox_id = %(mailbox)s and m.uid <= (select uid from upto)"
    # Nobody makes a join of a condition that is wrapped.
    reading = " and ".join([bounds, *[f"coalesce({one}, false)" for one in each]])
    sets = [name for name in map(conditions.set_of, each) if name]
    if not sets:
        return [f"select {columns} from messages m{conditions.joins} where {reading}"]
    counts = ", ".join(f"(select count(*) from {name})" for name in sets)
    many = f"least({counts}) * {_MANY} > (select messages from upto)"
    uids = " intersect ".join(f"select uid from {name}" for name in sets)
    rest = [one for one in each if not conditions.set_of(one)]
    return [
        f"select {columns} from (select distinct uid from ({uids}) u) k cross join lateral ("
        "select * from messages where mailbox_id = %(mailbox)s and uid = k.uid offset 0) m"
        f"{conditions.joins} where {' and '.join([bounds, *rest])} and not {many}",
        f"select {columns} from messages m{conditions.joins} where {reading} and {many}",
    ]


def _keys_of(asked: Asked, indexed: Sequence[str], above: Sequence[str], few: int) -> str:
    """A table `keys` of the columns of what was found, from segments and from contents."""
    names = [column.rpartition(" as ")[2] for column in indexed]
    arrays = [column for column in indexed if " as " not in column]
    constants = [column for column in indexed if " as " in column]
    unnested = ", ".join(f"s.{column}" for column in arrays)
    if asked.is_past:
        # Segments know nothing of it.
        return f"keys as not materialized (select m.uid, {', '.join(above)} from found m{CONTENTS})"
    gone = ""
    if asked.gone_since is not None:
        # A segment goes with the last of its messages.
        gone = (
            f" union all select m.uid, {', '.join(above)} from gone m{CONTENTS}"
            f" where m.uid <= (select uid from upto) and (select number from ends) > {few}"
            " and not exists (select from search_segments where mailbox_id = %(mailbox)s"
            " and m.uid between first_uid and last_uid)"
        )
    return (
        "ends as materialized (select min(uid) as low, max(uid) as high, count(*) as number"
        " from found),"
        f" keys (uid, {', '.join(names)}) as not materialized (select u.*"
        f"{''.join(f', {constant}' for constant in constants)} from search_segments s"
        f" cross join lateral unnest(s.uids, {unnested}) as u (uid, {', '.join(arrays)})"
        " where s.mailbox_id = %(mailbox)s and s.last_uid >= (select low from ends)"
        f" and s.first_uid <= (select high from ends) and (select number from ends) > {few}"
        f" union all select m.uid, {', '.join(above)} from found m{CONTENTS}"
        f" where m.uid > (select uid from upto) or (select number from ends) <= {few}{gone})"
    )


def _ordered(key: SortKey) -> str:
    if key.by is SortBy.RELEVANCY:
        value = "-k.score"
    elif key.by is SortBy.DATE:
        value = f"coalesce(w.{_SENT_AT}, k.internal_date)"
    elif key.by in _PLAIN_KEYS:
        value = _PLAIN_KEYS[key.by]
    else:
        value = f'w.{_KEYS[key.by]} collate "C"'
    return f"{value} {'desc' if key.reverse else 'asc'}"


def _score(conditions: Conditions, criterion: Criterion) -> str:
    graded = [
        f"case when {conditions.of(part)} then {points} else 0 end"
        for part, points in grades(criterion)
    ]
    return f"greatest(1, {' + '.join(graded) or '0'})"
