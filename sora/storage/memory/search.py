"""Search criteria evaluated on one message after the other."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

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
from sora.mail.encoded_words import decode
from sora.mail.facts import Facts, across_colon
from sora.mail.fuzzy import exact, grades
from sora.mail.headers import fields
from sora.mail.sort_keys import is_reply
from sora.mail.text import fold
from sora.storage.memory.records import MailboxRecord, MessageRecord
from sora.storage.memory.store import MemoryStore
from sora.storage.rows import SortBy, SortKey, ThreadRow

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
                return lambda message: _field_matches(name.strip(), fold(text), header(message))
            case BodyHas(text):
                return lambda message: fold(text) in facts(message).text_body
            case TextHas(text):
                folded = fold(text)
                return lambda message: (
                    folded in facts(message).text_body or _header_matches(folded, header(message))
                )
            case ModSeqIs(at_least):
                return lambda message: message.modseq >= at_least
            case AgeIs(comparison, seconds):
                bound = store.now().replace(microsecond=0) - timedelta(seconds=seconds)
                if comparison == "older":
                    return lambda message: _to_the_second(message) <= bound
                return lambda message: _to_the_second(message) >= bound
            case EmailIdIs(email_id):
                return lambda message: message.email_id == email_id
            case ThreadIdIs(thread_id):
                return lambda message: message.thread_id == thread_id
            case Fuzzy():
                return build(exact(criterion))

    return build(criterion)


def ordered(
    store: MemoryStore,
    mailbox: MailboxRecord,
    criterion: Criterion,
    messages: Sequence[MessageRecord],
    keys: Sequence[SortKey],
) -> list[MessageRecord]:
    """Messages in the order of the keys; the last key sorts first, and sorting is stable."""
    scores = relevance(store, mailbox, criterion, messages)

    def value(message: MessageRecord, by: SortBy) -> Any:
        facts = store.contents[message.content_id].facts
        assert facts is not None, "a live content has its facts"
        match by:
            case SortBy.ARRIVAL:
                return message.internal_date
            case SortBy.DATE:
                return facts.sent_at or message.internal_date
            case SortBy.SIZE:
                return message.size
            case SortBy.RELEVANCY:
                return -scores[message.uid]
            case SortBy.DISPLAYFROM:
                return facts.display_from
            case SortBy.DISPLAYTO:
                return facts.display_to
            case _:
                return getattr(facts, f"sort_{by.value}")

    found = list(messages)
    for key in reversed(keys):
        found.sort(key=lambda message: value(message, key.by), reverse=key.reverse)
    return found


def relevance(
    store: MemoryStore,
    mailbox: MailboxRecord,
    criterion: Criterion,
    messages: Sequence[MessageRecord],
) -> dict[int, int]:
    """Scores by UID, see `sora.mail.fuzzy.grades`."""
    graded = [(matcher(store, mailbox, part), points) for part, points in grades(criterion)]
    return {
        message.uid: max(1, sum(points for matches, points in graded if matches(message)))
        for message in messages
    }


def thread_row(store: MemoryStore, message: MessageRecord) -> ThreadRow:
    """What THREAD needs of a message."""
    facts = store.contents[message.content_id].facts
    assert facts is not None, "a live content has its facts"
    return ThreadRow(
        message.uid,
        facts.message_id,
        facts.in_reply_to,
        facts.references,
        facts.sort_subject,
        is_reply(facts.text_subject),
        facts.sent_at or message.internal_date,
    )


def _to_the_second(message: MessageRecord) -> datetime:
    return message.internal_date.replace(microsecond=0)


def _date_matches(criterion: DateIs, message: MessageRecord, facts: Facts) -> bool:
    day = {
        "internal": message.internal_date.date(),
        "sent": facts.sent_day,
        "saved": message.save_date.astimezone(UTC).date(),
    }[criterion.which]
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
    if any(text in line for line in header.split("\n")):
        return True
    across = across_colon(text)
    return across is not None and re.search(across, header) is not None
