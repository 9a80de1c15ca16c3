"""What an error of PostgreSQL means to us: try again, or a class of `sora.errors`.

An error whose severity is ERROR is definite: PostgreSQL rolled the transaction back. FATAL
and PANIC end the connection, and so does anything that psycopg2 raises without a SQLSTATE
after the statement was sent: then nobody knows whether a commit happened (G14), and that is
`Lost`, not an answer.

Our own functions raise SQLSTATEs of class `SR`; the text of such an error is written for a
client and is used as it is.
"""

from enum import Enum

import psycopg2

from sora.errors import (
    AlreadyExists,
    BadArgument,
    ExpungeIssued,
    HasChildren,
    InUse,
    NoSuchAccount,
    NoSuchMailbox,
    NoSuchScript,
    NotPermitted,
    OutcomeUnknown,
    OverQuota,
    SoraError,
    StorageFull,
    StoredApart,
    Superseded,
    TooBig,
    TooMany,
    TooManyEntries,
    TooSoon,
    Unavailable,
    UseAttributeRefused,
)


class Lost(Exception):
    """The connection ended. `sent` says whether the statement may have reached the server,
    `late` whether it ended because no answer came in time."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.late = False
        self.reason = reason
        self.sent = sent


class StatementFailed(Exception):
    """PostgreSQL refused a statement in a way that only a bug of ours can explain."""

    def __init__(self, operation: str, sqlstate: str, message: str) -> None:
        super().__init__(f"{operation}: {sqlstate} {message}")
        self.operation = operation
        self.sqlstate = sqlstate
        self.message = message


class Remedy(Enum):
    """What to do about a definite error."""

    REPEAT = "repeat"
    """Another transaction was in the way; the same statement may succeed now."""
    LEAVE = "leave"
    """The server no longer accepts writes: leave it for the new primary, then repeat (G21)."""
    RAISE = "raise"


OURS: dict[str, type[SoraError]] = {
    "SR001": NoSuchMailbox,
    "SR002": AlreadyExists,
    "SR003": HasChildren,
    "SR004": UseAttributeRefused,
    "SR005": NoSuchAccount,
    "SR006": OverQuota,
    "SR007": ExpungeIssued,
    "SR008": BadArgument,
    "SR009": InUse,
    "SR010": TooMany,
    "SR011": StoredApart,
    "SR012": NotPermitted,
    "SR013": TooManyEntries,
    "SR014": NoSuchScript,
    "SR015": TooBig,
    "SR020": TooSoon,
    "SR021": Superseded,
}
"""What our PL/pgSQL functions raise."""

BEHIND = "SR030"
"""Raised by `require_modseq_v1` on a replica that has not applied what is known (G21)."""

_REMEDIES: dict[str, Remedy] = {
    "40001": Remedy.REPEAT,  # serialization_failure
    "40P01": Remedy.REPEAT,  # deadlock_detected
    "25006": Remedy.LEAVE,  # read_only_sql_transaction
}

_EXACT: dict[str, tuple[type[SoraError], str]] = {
    "22021": (BadArgument, "The text holds a character that cannot be stored"),
    "22P05": (BadArgument, "The text holds a character that cannot be stored"),
    "23505": (AlreadyExists, ""),
    "25006": (Unavailable, "The database is read-only now; try again later"),
    "40001": (Unavailable, "The database is busy with conflicting changes; try again later"),
    "40P01": (Unavailable, "The database is busy with conflicting changes; try again later"),
    "40003": (OutcomeUnknown, ""),
    "53100": (StorageFull, "The database has no room left; try again later"),
    "55006": (Unavailable, "The database is busy; try again later"),
    "55P03": (Unavailable, "Another change holds what this one needs; try again later"),
    "57014": (Unavailable, "The database took too long to answer; try again later"),
}

_CLASSES: dict[str, tuple[type[SoraError], str]] = {
    "08": (Unavailable, "The database cannot be reached now; try again later"),
    "53": (Unavailable, "The database has no resources left; try again later"),
    "57": (Unavailable, "The database is being restarted; try again later"),
    "58": (Unavailable, "The database has a system error; try again later"),
}


def sqlstate(error: psycopg2.Error) -> str:
    """The SQLSTATE of an error, or an empty string when the server sent none."""
    return error.pgcode or ""


def ends_connection(error: psycopg2.Error) -> bool:
    """Whether the error is the end of its connection rather than an answer."""
    state = sqlstate(error)
    if not state or state.startswith(("08", "57P")):
        return True
    severity = error.diag.severity_nonlocalized or error.diag.severity
    return severity in ("FATAL", "PANIC")


def remedy(error: psycopg2.Error) -> Remedy:
    """What to do about a definite error."""
    return _REMEDIES.get(sqlstate(error), Remedy.RAISE)


def is_trouble(error: psycopg2.Error) -> bool:
    """Whether the server itself is in trouble: an operator has to hear of it.

    No resources or no room, or an error of its files.
    """
    return sqlstate(error).startswith(("53", "58"))


def translate(operation: str, error: psycopg2.Error) -> Exception:
    """The exception to raise for a definite error."""
    state = sqlstate(error)
    message = (error.diag.message_primary or str(error)).strip()
    if state in OURS:
        return OURS[state](message)
    known = _EXACT.get(state) or _CLASSES.get(state[:2])
    if known is None:
        return StatementFailed(operation, state or "no SQLSTATE", message)
    kind, text = known
    return kind(text)
