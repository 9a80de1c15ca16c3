"""What matches a search, in SQL: `sora.mail.criteria` with its parameters.

Exact: a text matches when it is a substring of the folded text (RFC 3501 §6.4.4), looked for
with `strpos`, so `%` and `_` mean nothing (G20). Every piece of the condition is true or false
and never null: under NOT, null would silently drop messages. Tables are joined only when the
criterion needs them.

The trace lines that a delivery added belong to the message's header: fields that a trace can
have, and TEXT, look in both.

A mailbox is searched in two halves (`statements_of_search.py`). In the one that is indexed, a text
is a set of UIDs that its words give (`0012_search_index.sql`, `sora.mail.words`): exactly the
messages that have it, or a few more, whose texts are then looked at like any other. In the other
half, which is the newest messages, each text is looked at.
"""

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
from sora.mail.facts import across_colon
from sora.mail.flags import fold_keyword
from sora.mail.fuzzy import exact
from sora.mail.text import fold
from sora.mail.word_index import BODY, HEADER, NAMES, OF_FIELD, WIDE
from sora.mail.words import grams, signature, wanted

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
_SAVED_DAY: Final = "(m.save_date at time zone 'UTC')"
_COMPARISONS: Final = {"before": "<", "on": "=", "since": ">="}

FEW_UIDS: Final = 1000
"""UIDs of a set that are looked up one by one."""

CONTENTS: Final = " cross join lateral (select * from contents where id = m.content_id offset 0) c"
TEXTS: Final = (
    " left join lateral (select * from content_texts where content_id = m.content_id offset 0) t"
    " on true"
)
"""Each is found by its key, whatever the planner thinks of sizes."""


@define
class Asked:
    """What the conditions of one statement share: parameters by name, and the sets of UIDs that
    the index gives, by name. `gone_since` is the modseq after which messages went that are looked
    at, too. With `is_past` it is what was expunged that is looked at, and nothing else."""

    mailbox_id: int
    gone_since: int | None = None
    is_past: bool = field(default=False, kw_only=True)
    parameters: dict[str, Any] = field(factory=dict)
    found: dict[str, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.parameters["mailbox"] = self.mailbox_id

    def with_(self, sql: str, *parameters: Any) -> str:
        """`sql` with a name in each place that is marked as %s."""
        names = [f"p{len(self.parameters) + place}" for place in range(len(parameters))]
        self.parameters.update(zip(names, parameters, strict=True))
        return "(" + sql % tuple(f"%({name})s" for name in names) + ")"

    def is_in(self, set_of_uids: str) -> str:
        """A condition: the UID is in this set, which is computed once."""
        for name, known in self.found.items():
            if known == set_of_uids:
                return _in_set(name)
        name = f"f{len(self.found)}"
        self.found[name] = set_of_uids
        return _in_set(name)

    def set_of(self, condition: str) -> str | None:
        """The name of the set that is all that a condition asks for."""
        return next((name for name in self.found if condition == _in_set(name)), None)


def _in_set(name: str) -> str:
    return f"m.uid in (select uid from {name})"


@define
class Conditions:
    """Conditions on messages `m`, in the half that is `indexed` or in the other; afterwards
    `joins` is what they need."""

    _asked: Asked
    _indexed: bool
    _contents: bool = False
    _texts: bool = False

    def set_of(self, condition: str) -> str | None:
        """The name of the set of UIDs that is all that a condition asks for."""
        return self._asked.set_of(condition)

    @property
    def joins(self) -> str:
        """Tables beside messages."""
        return (CONTENTS if self._contents else "") + (TEXTS if self._texts else "")

    def of(self, criterion: Criterion) -> str:
        """SQL that is true or false."""
        match criterion:
            case All():
                return "true"
            case And(parts):
                return self._joined("and", parts, "true", "intersect")
            case Or(parts):
                return self._joined("or", parts, "false", "union all")
            case Not(part):
                return f"not {self.of(part)}"
            case UidIn(uids):
                if self._indexed and len(uids) <= FEW_UIDS:
                    # Each is looked up, whatever else is in the mailbox.
                    found = self._asked.with_("unnest(%s::bigint[])", list(uids))[1:-1]
                    return self._asked.is_in(f"select uid from {found} as u (uid)")
                return self._asked.with_("m.uid <@ %s::int8multirange", uids.multirange())
            case FlagsAre(mask, present):
                wanted = mask if present else 0
                return self._asked.with_("(m.flags & %s) = %s", mask, wanted)
            case KeywordIs(name, present):
                return self._keyword(name, present)
            case ModSeqIs(at_least):
                return self._asked.with_("m.modseq >= %s", at_least)
            case AgeIs(comparison, seconds):
                return self._asked.with_(
                    "date_trunc('second', m.internal_date)"
                    f" {'<=' if comparison == 'older' else '>='}"
                    " date_trunc('second', now()) - %s * interval '1 second'",
                    seconds,
                )
            case EmailIdIs(email_id):
                return self._asked.with_("m.email_id = %s::uuid", str(email_id))
            case ThreadIdIs(thread_id):
                return self._asked.with_("coalesce(m.thread_id = %s::uuid, false)", str(thread_id))
            case Fuzzy():
                return self.of(exact(criterion))
            case SizeIs(comparison, octets):
                return self._asked.with_(
                    f"m.size {'>' if comparison == 'larger' else '<'} %s", octets
                )
            case DateIs():
                return self._date(criterion)
            case HeaderHas(name, text):
                return self._header(name.strip().lower(), fold(text))
            case BodyHas(text):
                return self._body(fold(text))
            case TextHas(text):
                return self._text(fold(text))

    def _joined(self, word: str, parts: tuple[Criterion, ...], empty: str, of_sets: str) -> str:
        each = [self.of(part) for part in parts]
        if len(each) < 2:
            return each[0] if each else empty
        names = [self.set_of(one) for one in each]
        if all(names):
            return self._asked.is_in(f" {of_sets} ".join(f"select uid from {one}" for one in names))
        return "(" + f" {word} ".join(each) + ")"

    def _keyword(self, name: str, present: bool) -> str:
        found = self._asked.with_(
            "coalesce(m.keywords @> array[(select k.id from keywords k join mailboxes b"
            " on b.account_id = k.account_id where b.id = %s and k.name_key = %s)], false)",
            self._asked.mailbox_id,
            fold_keyword(name),
        )
        return found if present else f"(not {found})"

    def _date(self, criterion: DateIs) -> str:
        sign, day = _COMPARISONS[criterion.comparison], criterion.day
        with_ = self._asked.with_
        if criterion.which == "sent":
            if self._indexed:
                return self._asked.is_in(
                    "select u.uid from search_segments s"
                    " cross join lateral unnest(s.uids, s.sent_day) as u (uid, day)"
                    f" where s.mailbox_id = %(mailbox)s and {with_(f'u.day {sign} %s::date', day)}"
                )
            self._contents = True
            return with_(f"coalesce(c.sent_day {sign} %s::date, false)", day)
        when = _SAVED_DAY if criterion.which == "saved" else _INTERNAL_DAY
        return with_(f"{when}::date {sign} %s::date", day)

    # ------------------------------------------------------------------ texts

    def _header(self, name: str, text: str) -> str:
        if not _storable(name) or not _storable(text) or not name or "\n" in text or ":" in name:
            return "false"
        condition = self._field_has(name, text)
        if not self._indexed:
            return self._looked_at(condition)
        if not text:
            return self._asked.is_in(self._found(NAMES, f"\n{name}\n"))
        of_field = OF_FIELD.get(name)
        if of_field is not None:
            return self._in_sets(condition, self._by_words(of_field, text, condition))
        # All of the header has the words; which field it was is looked at.
        patterns = wanted(text, wide=True).patterns
        found = " intersect ".join(self._found(HEADER, pattern) for pattern in patterns)
        return self._asked.is_in(
            self._verified(found or self._found(NAMES, f"\n{name}\n"), condition)
        )

    def _field_has(self, name: str, text: str) -> str:
        with_ = self._asked.with_
        found = with_("coalesce(header_has_v1(t.header, %s, %s), false)", name, text)
        column = _COLUMNS.get(name)
        if column is not None and text:
            # A field that stands there twice has its second value in the header only.
            first = with_(f"coalesce(strpos({column}, %s) > 0, false)", text)
            found = f"({first} or {found})"
        if name in _TRACED:
            traced = with_("header_has_v1(trace_lines_v1(m.trace), %s, %s)", name, text)
            found = f"({found} or m.trace is not null and {traced})"
        return found

    def _body(self, text: str) -> str:
        if not text:
            return "true"
        if not _storable(text):
            return "false"
        condition = self._asked.with_("coalesce(strpos(t.body, %s) > 0, false)", text)
        if not self._indexed:
            return self._looked_at(condition)
        return self._in_sets(condition, self._by_words(BODY, text, condition))

    def _text(self, text: str) -> str:
        if not text or not _storable(text) or "\n" in text:  # no line of a header has one
            return self._body(text)
        in_body = self._asked.with_("coalesce(strpos(t.body, %s) > 0, false)", text)
        in_header = self._in_lines(text)
        condition = f"({in_header} or {in_body})"
        if not self._indexed:
            return self._looked_at(condition)
        return self._in_sets(
            condition,
            self._by_words(HEADER, text, in_header),
            self._by_words(BODY, text, in_body),
        )

    def _in_lines(self, text: str) -> str:
        """The text is in a line of the header, the trace's lines included."""
        across = across_colon(text)

        def has(lines: str) -> str:
            if across is None:
                return self._asked.with_(f"strpos({lines}, %s) > 0", text)
            return self._asked.with_(f"strpos({lines}, %s) > 0 or {lines} ~ %s", text, across)

        return (
            f"case when {has('t.header')} then true when m.trace is null then false"
            f" else {has('trace_lines_v1(m.trace)')} end"
        )

    # ------------------------------------------------------------------ sets of UIDs

    def _in_sets(self, condition: str, *sets: str | None) -> str:
        """The message is in one of the sets; where there is none, its texts are looked at."""
        if None in sets:
            return self._looked_at(condition)
        return self._asked.is_in(" union all ".join(f"({one})" for one in sets))

    def _by_words(self, of_field: str, text: str, condition: str) -> str | None:
        """The messages that have a text in one field, of which `condition` is the proof; None
        when words do not help."""
        asks = wanted(text, of_field in WIDE)
        if not asks.patterns:
            return None
        found = " intersect ".join(self._found(of_field, pattern) for pattern in asks.patterns)
        return found if asks.exact else self._verified(found, condition)

    def _found(self, of_field: str, pattern: str) -> str:
        """The messages that have a word of this pattern."""
        found = self._asked.with_(
            "found_v1(%%(mailbox)s, array[%s], %s, %s::bit(4096))",
            of_field,
            pattern,
            signature(grams(pattern.strip("\n"))),
        )
        return f"select uid from {found[1:-1]} as r (uid)"

    def _verified(self, found: str, condition: str) -> str:
        """Those of the messages whose texts are as the condition says."""
        return (
            f"select k.uid from ({found}) k cross join lateral (select from messages m{TEXTS}"
            f" where m.mailbox_id = %(mailbox)s and m.uid = k.uid and {condition} offset 0) v"
        )

    def _looked_at(self, condition: str) -> str:
        self._texts = True
        return condition


def _storable(text: str) -> bool:
    """Whether PostgreSQL can hold this text; if not, no stored text has it in it."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
