"""What matches a search, in SQL: `sora.mail.criteria` with its parameters.

Exact: a text matches when it is a substring of the folded text (RFC 3501 §6.4.4), looked for
with `strpos`, so `%` and `_` mean nothing (G20). Every piece of the condition is true or false
and never null: under NOT, null would silently drop messages. Tables are joined only when the
criterion needs them.

The trace lines that a delivery added belong to the message's header: fields that a trace can
have, and TEXT, look in both.
"""

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from sora.mail.criteria import (
    AgeIs,
    All,
    And,
    BodyHas,
    Criterion,
    DateIs,
    EmailIdIs,
    FlagsAre,
    Fuzzy,
    HeaderHas,
    KeywordIs,
    ModSeqIs,
    Not,
    Or,
    SizeIs,
    TextHas,
    ThreadIdIs,
    UidIn,
)
from sora.mail.flags import fold_keyword
from sora.mail.fuzzy import exact, grades
from sora.mail.numbers import NumberSet
from sora.mail.text import fold
from sora.storage.rows import SortBy, SortKey

_COLUMNS: Final = {
    "subject": "t.subject",
    "from": "t.from_",
    "to": "t.to_",
    "cc": "t.cc",
    "bcc": "t.bcc",
}
_TRACED: Final = frozenset({"return-path", "delivered-to", "received"})
_INTERNAL_DAY: Final = (
    "((m.internal_date at time zone 'UTC') + m.internal_zone * interval '1 minute')"
)
_SORTED: Final = {
    SortBy.ARRIVAL: "m.internal_date",
    SortBy.CC: 'c.sort_cc collate "C"',
    SortBy.DATE: "coalesce(c.sent_at, m.internal_date)",
    SortBy.FROM: 'c.sort_from collate "C"',
    SortBy.SIZE: "m.size",
    SortBy.SUBJECT: 'c.sort_subject collate "C"',
    SortBy.TO: 'c.sort_to collate "C"',
    SortBy.DISPLAYFROM: 'c.display_from collate "C"',
    SortBy.DISPLAYTO: 'c.display_to collate "C"',
}
_SAVED_DAY: Final = "(m.save_date at time zone 'UTC')"
_COMPARISONS: Final = {"before": "<", "on": "=", "since": ">="}


Statement = tuple[str, dict[str, Any]]
"""SQL and its parameters"""


def search(mailbox_id: int, criterion: Criterion) -> Statement:
    """A search; its one value is the UIDs with commas between."""
    builder = _Builder(mailbox_id)
    return builder.numbers(builder.condition(criterion), "m.uid")


def sort(mailbox_id: int, criterion: Criterion, keys: Sequence[SortKey]) -> Statement:
    """A search whose UIDs are in the order of the keys."""
    builder = _Builder(mailbox_id)
    condition = builder.condition(criterion)
    order = [
        f"{builder.sort_key(key, criterion)} {'desc' if key.reverse else 'asc'}" for key in keys
    ]
    return builder.numbers(condition, ", ".join([*order, "m.uid"]))


def threads(mailbox_id: int, criterion: Criterion) -> Statement:
    """Rows of uid, message id, In-Reply-To, References, base subject, the whole subject where
    it is another, and the date."""
    builder = _Builder(mailbox_id)
    condition = builder.condition(criterion)
    builder.contents = builder.texts = True
    return builder.rows(
        "m.uid, c.message_id, c.in_reply_to, c.refs, c.sort_subject,"
        # Both forms of a subject are equally long, unless there is more around its base.
        " case when length(t.subject) <> length(c.sort_subject) then t.subject end,"
        " coalesce(c.sent_at, m.internal_date)",
        condition,
    )


def scores(mailbox_id: int, criterion: Criterion, uids: NumberSet) -> Statement:
    """Rows of uid and score."""
    builder = _Builder(mailbox_id)
    score = builder.score(criterion)
    return builder.rows(f"m.uid, {score}", builder.condition(UidIn(uids)))


@define
class _Builder:
    """Collects parameters by name, and the tables that are needed."""

    mailbox_id: int
    parameters: dict[str, Any] = field(factory=dict)
    contents: bool = False
    texts: bool = False

    def numbers(self, condition: str, order: str) -> Statement:
        """The UIDs of what matches, in this order, with commas between."""
        rows, parameters = self.rows("m.uid", condition, order)
        return f"select string_agg(f.uid::text, ',') from ({rows}) f", parameters

    def rows(self, columns: str, condition: str, order: str = "m.uid") -> Statement:
        """The columns of what matches, in this order."""
        joins = ""
        if self.contents:
            joins += " join contents c on c.id = m.content_id"
        if self.texts:
            joins += " left join content_texts t on t.content_id = m.content_id"
        sql = (
            f"select {columns} from messages m{joins}"
            f" where m.mailbox_id = %(mailbox)s and {condition} order by {order}"
        )
        return sql, {"mailbox": self.mailbox_id, **self.parameters}

    def sort_key(self, key: SortKey, criterion: Criterion) -> str:
        """What one key of a sort orders by."""
        if key.by is SortBy.RELEVANCY:
            return f"-{self.score(criterion)}"
        value = _SORTED[key.by]
        self.contents = self.contents or "c." in value
        return value

    def score(self, criterion: Criterion) -> str:
        """The score of a message."""
        graded = [
            f"case when {self.condition(part)} then {points} else 0 end"
            for part, points in grades(criterion)
        ]
        return f"greatest(1, {' + '.join(graded) or '0'})"

    def condition(self, criterion: Criterion) -> str:
        """SQL that is true or false."""
        match criterion:
            case All():
                return "true"
            case And(parts):
                return self._joined(" and ", parts, "true")
            case Or(parts):
                return self._joined(" or ", parts, "false")
            case Not(part):
                return f"not {self.condition(part)}"
            case UidIn(uids):
                return self._with("m.uid <@ %s::int8multirange", uids.multirange())
            case FlagsAre(mask, present):
                wanted = mask if present else 0
                return self._with("(m.flags & %s) = %s", mask, wanted)
            case KeywordIs(name, present):
                return self._keyword(name, present)
            case ModSeqIs(at_least):
                return self._with("m.modseq >= %s", at_least)
            case AgeIs(comparison, seconds):
                return self._with(
                    "date_trunc('second', m.internal_date)"
                    f" {'<=' if comparison == 'older' else '>='}"
                    " date_trunc('second', now()) - %s * interval '1 second'",
                    seconds,
                )
            case EmailIdIs(email_id):
                return self._with("m.email_id = %s::uuid", str(email_id))
            case ThreadIdIs(thread_id):
                return self._with("coalesce(m.thread_id = %s::uuid, false)", str(thread_id))
            case Fuzzy():
                return self.condition(exact(criterion))
            case SizeIs(comparison, octets):
                return self._with(f"m.size {'>' if comparison == 'larger' else '<'} %s", octets)
            case DateIs():
                return self._date(criterion)
            case HeaderHas(name, text):
                return self._header(name.strip().lower(), fold(text))
            case BodyHas(text):
                return self._body(fold(text))
            case TextHas(text):
                return self._text(fold(text))

    def _with(self, sql: str, *parameters: Any) -> str:
        """`sql` with a name in each place that is marked as %s."""
        names = [f"p{len(self.parameters) + place}" for place in range(len(parameters))]
        self.parameters.update(zip(names, parameters, strict=True))
        return "(" + sql % tuple(f"%({name})s" for name in names) + ")"

    def _joined(self, word: str, parts: tuple[Criterion, ...], empty: str) -> str:
        if not parts:
            return empty
        return "(" + word.join(self.condition(part) for part in parts) + ")"

    def _keyword(self, name: str, present: bool) -> str:
        found = self._with(
            "coalesce(m.keywords @> array[(select k.id from keywords k join mailboxes b"
            " on b.account_id = k.account_id where b.id = %s and k.name_key = %s)], false)",
            self.mailbox_id,
            fold_keyword(name),
        )
        return found if present else f"(not {found})"

    def _date(self, criterion: DateIs) -> str:
        sign, day = _COMPARISONS[criterion.comparison], criterion.day
        if criterion.which == "sent":
            self.contents = True
            return self._with(f"coalesce(c.sent_day {sign} %s::date, false)", day)
        when = _SAVED_DAY if criterion.which == "saved" else _INTERNAL_DAY
        return self._with(f"{when}::date {sign} %s::date", day)

    def _header(self, name: str, text: str) -> str:
        if not _storable(name) or not _storable(text) or not name or "\n" in text or ":" in name:
            return "false"
        self.texts = True
        column = _COLUMNS.get(name)
        if column is not None and text:
            return self._with(f"coalesce(strpos({column}, %s) > 0, false)", text)
        found = self._with("coalesce(header_has_v1(t.header, %s, %s), false)", name, text)
        if name not in _TRACED:
            return found
        traced = self._with(
            "m.trace is not null and header_has_v1(trace_lines_v1(m.trace), %s, %s)", name, text
        )
        return f"({found} or {traced})"

    def _body(self, text: str) -> str:
        if not text:
            return "true"
        if not _storable(text):
            return "false"
        self.texts = True
        return self._with("coalesce(strpos(t.body, %s) > 0, false)", text)

    def _text(self, text: str) -> str:
        if not text:
            return "true"
        if not _storable(text):
            return "false"
        self.texts = True
        if "\n" in text:  # no line of a header has one
            return self._with("coalesce(strpos(t.body, %s) > 0, false)", text)
        return self._with(
            "case when strpos(t.header, %s) > 0 then true when strpos(t.body, %s) > 0 then true"
            " when m.trace is null then false"
            " else strpos(trace_lines_v1(m.trace), %s) > 0 end",
            text,
            text,
            text,
        )


def _storable(text: str) -> bool:
    """Whether PostgreSQL can hold this text; if not, no stored text has it in it."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
