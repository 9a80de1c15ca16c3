"""Search, sort order, threads, and the index of words."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from sora.mail.word_index import WordRow


class SortBy(StrEnum):
    """What SORT can order by (RFC 5256 §3, RFC 5957 §3, RFC 6203 §6).

    Texts are compared folded, by code point. DATE is the Date field, or the internal date where
    there is none. RELEVANCY begins with the highest score.
    """

    ARRIVAL = "arrival"
    CC = "cc"
    DATE = "date"
    FROM = "from"
    SIZE = "size"
    SUBJECT = "subject"
    TO = "to"
    DISPLAYFROM = "displayfrom"
    DISPLAYTO = "displayto"
    RELEVANCY = "relevancy"


@frozen
class SortKey:
    """One key of SORT, `reverse` when it descends."""

    by: SortBy
    reverse: bool = False


@frozen
class ThreadRow:
    """What THREAD needs of a message (RFC 5256 §3).

    Message ids are without brackets, quoting normalised; an empty `message_id` is none.
    `in_reply_to` is the first id of In-Reply-To. `sort_subject` is the base subject, folded, and
    `is_reply` says that the subject is that of a reply or forward. `date` is the Date field, or
    the internal date where there is none; aware.
    """

    uid: int
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    sort_subject: str
    is_reply: bool
    date: datetime


@frozen
class Unindexed:
    """A mailbox that was claimed for indexing; the index goes up to `indexed_uid`."""

    account_id: int
    mailbox_id: int
    indexed_uid: int


@frozen
class SearchText:
    """What a search finds a message by: the header's lines with those of its trace, and the
    body, as in `Facts`."""

    uid: int
    header: str = field(repr=False)
    body: str = field(repr=False)


@frozen
class Segment:
    """Words of the messages of a mailbox above `after` and up to `last_uid`, of which `first_uid`
    is the first. `replies` are the UIDs of those whose subject is that of a reply or forward."""

    after: int
    first_uid: int
    last_uid: int
    replies: Sequence[int]
    rows: Sequence[WordRow]
