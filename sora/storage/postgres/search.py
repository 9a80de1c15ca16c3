"""A search as one statement: `sora.mail.criteria` compiled to SQL with parameters.

Exact: a text matches when it is a substring of the folded text (RFC 3501 §6.4.4), looked for
with `strpos`, so `%` and `_` mean nothing (G20). Every piece of the condition is true or false
and never null: under NOT, null would silently drop messages. Tables are joined only when the
criterion needs them.

The trace lines that a delivery added belong to the message's header: fields that a trace can
have, and TEXT, look in both.
"""

from typing import Any, Final

from attrs import define, field

from sora.mail.criteria import (
    All,
    And,
    BodyHas,
    Criterion,
    DateIs,
    FlagsAre,
    HeaderHas,
    KeywordIs,
    ModSeqIs,
    Not,
    Or,
    SizeIs,
    TextHas,
    UidIn,
)
from sora.mail.flags import fold_keyword
from sora.mail.text import fold

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
_COMPARISONS: Final = {"before": "<", "on": "=", "since": ">="}


def compiled(mailbox_id: int, criterion: Criterion) -> tuple[str, tuple[Any, ...]]:
    """The statement and its parameters; its one value is the UIDs with commas between."""
    builder = _Builder(mailbox_id)
    condition = builder.condition(criterion)
    joins = ""
    if builder.contents:
        joins += " join contents c on c.id = m.content_id"
    if builder.texts:
        joins += " left join content_texts t on t.content_id = m.content_id"
    sql = (
        f"select string_agg(f.uid::text, ',') from (select m.uid from messages m{joins}"
        f" where m.mailbox_id = %s and {condition} order by m.uid) f"
    )
    return sql, (mailbox_id, *builder.parameters)


@define
class _Builder:
    """Collects parameters in the order in which their places are written."""

    mailbox_id: int
    parameters: list[Any] = field(factory=list)
    contents: bool = False
    texts: bool = False

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
        self.parameters.extend(parameters)
        return f"({sql})"

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
        return self._with(f"{_INTERNAL_DAY}::date {sign} %s::date", day)

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
