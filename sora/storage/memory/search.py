"""Search criteria evaluated on one message after the other."""

from collections.abc import Callable

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
from sora.mail.encoded_words import decode
from sora.mail.facts import Facts
from sora.mail.headers import fields
from sora.mail.text import fold
from sora.storage.memory.store import MailboxRecord, MemoryStore, MessageRecord

Matches = Callable[[MessageRecord], bool]


def matcher(store: MemoryStore, mailbox: MailboxRecord, criterion: Criterion) -> Matches:
    """A predicate for the messages of one mailbox."""
    keywords = store.accounts[mailbox.account_id].keywords

    def facts(message: MessageRecord) -> Facts:
        found = store.contents[message.content_id].facts
        assert found is not None, "a live content has its facts"
        return found

    def header(message: MessageRecord) -> str:
        return _trace_text(message.trace) + facts(message).text_header

    def build(criterion: Criterion) -> Matches:
        match criterion:
            case All():
                return lambda message: True
            case And(parts):
                every = [build(part) for part in parts]
                return lambda message: all(matches(message) for matches in every)
            case Or(parts):
                some = [build(part) for part in parts]
                return lambda message: any(matches(message) for matches in some)
            case Not(part):
                inner = build(part)
                return lambda message: not inner(message)
            case UidIn(uids):
                return lambda message: message.uid in uids
            case FlagsAre(mask, present):
                wanted = mask if present else 0
                return lambda message: message.mask & mask == wanted
            case KeywordIs(name, present):
                bit = keywords.bit(name)
                return lambda message: bool(message.mask & bit) == present
            case SizeIs(comparison, octets):
                if comparison == "larger":
                    return lambda message: message.size > octets
                return lambda message: message.size < octets
            case DateIs():
                return lambda message: _date_matches(criterion, message, facts(message))
            case HeaderHas(name, text):
                return lambda message: _field_matches(name, fold(text), header(message))
            case BodyHas(text):
                return lambda message: fold(text) in facts(message).text_body
            case TextHas(text):
                folded = fold(text)
                return lambda message: (
                    folded in facts(message).text_body or _header_matches(folded, header(message))
                )
            case ModSeqIs(at_least):
                return lambda message: message.modseq >= at_least

    return build(criterion)


def _date_matches(criterion: DateIs, message: MessageRecord, facts: Facts) -> bool:
    day = message.internal_date.date() if criterion.which == "internal" else facts.sent_day
    if day is None:
        return False
    return {
        "before": day < criterion.day,
        "on": day == criterion.day,
        "since": day >= criterion.day,
    }[criterion.comparison]


def _trace_text(trace: bytes) -> str:
    """The lines that a delivery added, in the form of `Facts.text_header` without its end."""
    return "".join(f"\n{name.decode()}:{fold(decode(value))}" for name, value in fields(trace))


def _field_matches(name: str, text: str, header: str) -> bool:
    start = f"{name.lower()}:"
    return any(line.startswith(start) and text in line[len(start) :] for line in header.split("\n"))


def _header_matches(text: str, header: str) -> bool:
    return any(text in line for line in header.split("\n"))
