"""What a search asks for, as a tree of values (RFC 3501 §6.4.4).

Protocols build it, storage and the open mailbox evaluate it: storage never sees a wire
type. Texts are as the client meant them, decoded; whoever evaluates folds them with
`sora.mail.text.fold`.
"""

from datetime import date
from typing import Literal
from uuid import UUID

from attrs import frozen

from sora.mail.numbers import NumberSet


@frozen
class All:
    """Every message."""


@frozen
class And:
    """All of these; an empty one is every message."""

    parts: tuple["Criterion", ...]


@frozen
class Or:
    """At least one of these."""

    parts: tuple["Criterion", ...]


@frozen
class Not:
    """None of this."""

    part: "Criterion"


@frozen
class UidIn:
    """The UID is in the set. Sequence numbers become this in the session's view."""

    uids: NumberSet


@frozen
class FlagsAre:
    """All system flags of the mask are set (`present`), or none of them is."""

    mask: int
    present: bool = True


@frozen
class KeywordIs:
    """The keyword is set (`present`) or not. A keyword never used is set nowhere."""

    name: str
    present: bool = True


@frozen
class SizeIs:
    """RFC822.SIZE compared with `octets`; both comparisons are strict."""

    comparison: Literal["larger", "smaller"]
    octets: int


@frozen
class DateIs:
    """A date compared, disregarding time and zone.

    `which` is the internal date in the zone it was stored with, the Date header as it stands
    there, or the save date in UTC (RFC 8514 §4.3). `before` is earlier than the day, `since`
    the day or later.
    """

    which: Literal["internal", "sent", "saved"]
    comparison: Literal["before", "on", "since"]
    day: date


@frozen
class HeaderHas:
    """A header field of this name exists, whose decoded, unfolded value has `text` in it.

    An empty text matches each message that has the field.
    """

    name: str
    text: str


@frozen
class BodyHas:
    """The text of the body, decoded, has `text` in it."""

    text: str


@frozen
class TextHas:
    """The header (names and values) or the text of the body has `text` in it."""

    text: str


@frozen
class ModSeqIs:
    """The modification sequence is at least this (RFC 7162 §3.1.5)."""

    at_least: int


@frozen
class AgeIs:
    """The internal date is at least (`older`) or at most (`younger`) so many seconds before the
    moment of the search, both to the second and with the bound itself (RFC 5032 §2)."""

    comparison: Literal["older", "younger"]
    seconds: int


@frozen
class EmailIdIs:
    """The message has this EMAILID (RFC 8474 §5.1)."""

    email_id: UUID


@frozen
class ThreadIdIs:
    """The message has this THREADID (RFC 8474 §5.2)."""

    thread_id: UUID


@frozen
class Fuzzy:
    """Like `part`, loosely (RFC 6203): `sora.mail.fuzzy` says what that means."""

    part: "Criterion"


Criterion = (
    All
    | And
    | Or
    | Not
    | UidIn
    | FlagsAre
    | KeywordIs
    | SizeIs
    | DateIs
    | HeaderHas
    | BodyHas
    | TextHas
    | ModSeqIs
    | AgeIs
    | EmailIdIs
    | ThreadIdIs
    | Fuzzy
)


def needs_storage(criterion: Criterion) -> bool:
    """Whether the criterion can only be decided with what storage holds."""
    match criterion:
        case And(parts) | Or(parts):
            return any(needs_storage(part) for part in parts)
        case Not(part) | Fuzzy(part):
            return needs_storage(part)
        case All() | UidIn() | FlagsAre() | KeywordIs() | ModSeqIs():
            return False
        case _:
            return True
