"""Errors of the domain -> NO and BAD with response codes (RFC 3501 §7.1, RFC 5530).

Every class of `sora.errors` has a row; what has none is a bug of ours.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from sora.errors import (
    AccountClosed,
    AlreadyExists,
    AuthenticationFailed,
    AuthenticationRefused,
    BadArgument,
    BadCharset,
    BadName,
    BadRights,
    BadSyntax,
    BadURL,
    EmptyMessage,
    ExpungeIssued,
    HasChildren,
    InUse,
    KeyMissing,
    KeywordRefused,
    MailLoop,
    MessageRefused,
    NoSuchAccount,
    NoSuchMailbox,
    NoSuchMessage,
    NoSuchQuota,
    NoSuchScript,
    NoSuchTask,
    NotPermitted,
    NumbersRefused,
    ObjectDamaged,
    ObjectMissing,
    OutcomeUnknown,
    OverQuota,
    ReadOnly,
    SessionEnded,
    ShuttingDown,
    SoraError,
    StorageFull,
    StoredApart,
    StoreRefused,
    Superseded,
    TooBig,
    TooMany,
    TooManyEntries,
    TooSoon,
    Unavailable,
    UnknownCommand,
    UnknownEncoding,
    UseAttributeRefused,
    ValueTooBig,
    WrongState,
)
from sora.mail.charsets import SEARCH_CHARSETS
from sora.protocols.imap.wire.codes import bad_charset, bad_url
from sora.protocols.imap.wire.write import text as sentence


@frozen
class Answer:
    """A condition, and a response code with its brackets; one with arguments is made from the
    error."""

    condition: bytes
    code: bytes | Callable[[Any], bytes] = b""

    def code_of(self, error: SoraError) -> bytes:
        """The response code for this very error, empty if there is none."""
        return self.code if isinstance(self.code, bytes) else self.code(error)


BAD: Final = b"BAD"
NO: Final = b"NO"

ANSWERS: Final[Mapping[type[SoraError], Answer]] = {
    SoraError: Answer(NO),
    BadSyntax: Answer(BAD),
    BadRights: Answer(BAD),
    BadArgument: Answer(NO, b"[CANNOT]"),
    KeywordRefused: Answer(NO, b"[CANNOT]"),
    NumbersRefused: Answer(BAD, b"[UIDREQUIRED]"),
    BadCharset: Answer(NO, bad_charset(SEARCH_CHARSETS)),
    WrongState: Answer(BAD, b"[CLIENTBUG]"),
    AuthenticationFailed: Answer(NO, b"[AUTHENTICATIONFAILED]"),
    AuthenticationRefused: Answer(NO, b"[PRIVACYREQUIRED]"),
    NotPermitted: Answer(NO, b"[NOPERM]"),
    ReadOnly: Answer(NO, b"[READ-ONLY]"),
    NoSuchAccount: Answer(NO, b"[NONEXISTENT]"),
    NoSuchMailbox: Answer(NO, b"[NONEXISTENT]"),
    NoSuchQuota: Answer(NO, b"[NONEXISTENT]"),
    NoSuchMessage: Answer(NO, b"[NONEXISTENT]"),
    NoSuchTask: Answer(NO, b"[NONEXISTENT]"),
    NoSuchScript: Answer(NO, b"[NONEXISTENT]"),
    AlreadyExists: Answer(NO, b"[ALREADYEXISTS]"),
    InUse: Answer(NO, b"[INUSE]"),
    TooSoon: Answer(NO, b"[LIMIT]"),
    Superseded: Answer(NO, b"[INUSE]"),
    BadName: Answer(NO, b"[CANNOT]"),
    StoredApart: Answer(NO, b"[CANNOT]"),
    HasChildren: Answer(NO, b"[HASCHILDREN]"),
    UseAttributeRefused: Answer(NO, b"[USEATTR]"),
    BadURL: Answer(NO, lambda error: bad_url(error.url)),
    EmptyMessage: Answer(NO),
    UnknownEncoding: Answer(NO, b"[UNKNOWN-CTE]"),
    TooBig: Answer(NO, b"[TOOBIG]"),
    TooMany: Answer(NO, b"[LIMIT]"),
    ValueTooBig: Answer(NO, lambda error: b"[METADATA MAXSIZE %d]" % error.limit),
    TooManyEntries: Answer(NO, b"[METADATA TOOMANY]"),
    OverQuota: Answer(NO, b"[OVERQUOTA]"),
    StorageFull: Answer(NO, b"[UNAVAILABLE]"),
    MailLoop: Answer(NO, b"[CANNOT]"),
    MessageRefused: Answer(NO, b"[CANNOT]"),
    ExpungeIssued: Answer(NO, b"[EXPUNGEISSUED]"),
    Unavailable: Answer(NO, b"[UNAVAILABLE]"),
    OutcomeUnknown: Answer(NO, b"[UNAVAILABLE]"),
    UnknownCommand: Answer(BAD),
    ShuttingDown: Answer(NO, b"[UNAVAILABLE]"),
    SessionEnded: Answer(NO),
    AccountClosed: Answer(NO, b"[CONTACTADMIN]"),
    StoreRefused: Answer(NO, b"[SERVERBUG]"),
    ObjectMissing: Answer(NO, b"[CORRUPTION]"),
    ObjectDamaged: Answer(NO, b"[UNAVAILABLE]"),
    KeyMissing: Answer(NO, b"[UNAVAILABLE]"),
}

SERVER_BUG: Final = Answer(NO, b"[SERVERBUG]")


def answer_to(error: SoraError, overrides: Mapping[type[SoraError], Answer]) -> Answer:
    """The row for an error, or that of its nearest ancestor."""
    for kind in type(error).__mro__:
        found = overrides.get(kind) or ANSWERS.get(kind)
        if found is not None:
            return found
    return SERVER_BUG


def goodbye(why: SoraError) -> bytes:
    """What BYE says of why a conversation ends (RFC 9051 §7.1.5): a code, if there is one, and a
    text."""
    code = answer_to(why, {}).code_of(why)
    return (code + b" " if code else b"") + sentence(why.told.rstrip("."))
