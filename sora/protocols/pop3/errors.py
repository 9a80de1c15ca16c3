"""Errors of the domain to -ERR with response codes (RFC 2449 §8, RFC 3206, RFC 6856 §5).

SYS/TEMP says that it may work later, SYS/PERM that somebody has to mend it; AUTH that user and
password are to blame, and nothing else. Every class of `sora.errors` has a row.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from sora import errors


class NeedsUTF8(errors.SoraError):
    """The message cannot be shown without UTF8."""


@frozen
class Answer:
    """A response code, which may be empty, and whether the client is at fault, who has only so
    many faults."""

    code: str = ""
    is_bad: bool = False


PLAIN: Final = Answer()
BAD: Final = Answer(is_bad=True)
TEMPORARY: Final = Answer("SYS/TEMP")
PERMANENT: Final = Answer("SYS/PERM")

ANSWERS: Final[Mapping[type[errors.SoraError], Answer]] = {
    errors.SoraError: TEMPORARY,
    errors.BadSyntax: BAD,
    errors.BadRights: BAD,
    errors.BadArgument: BAD,
    errors.KeywordRefused: BAD,
    errors.NumbersRefused: BAD,
    errors.BadCharset: BAD,
    errors.UnknownCommand: BAD,
    errors.WrongState: BAD,
    errors.AuthenticationFailed: Answer("AUTH"),
    errors.AuthenticationRefused: PLAIN,
    errors.NotPermitted: PLAIN,
    errors.ReadOnly: PLAIN,
    errors.NoSuchAccount: PERMANENT,
    errors.NoSuchMailbox: PERMANENT,
    errors.NoSuchQuota: PLAIN,
    errors.NoSuchMessage: PLAIN,
    errors.NoSuchTask: PLAIN,
    errors.NoSuchScript: PLAIN,
    errors.AlreadyExists: PLAIN,
    errors.InUse: Answer("IN-USE"),
    errors.TooSoon: Answer("LOGIN-DELAY"),
    errors.Superseded: TEMPORARY,
    errors.BadName: PLAIN,
    errors.StoredApart: PLAIN,
    errors.HasChildren: PLAIN,
    errors.UseAttributeRefused: PLAIN,
    errors.BadURL: PLAIN,
    errors.EmptyMessage: PLAIN,
    errors.UnknownEncoding: PLAIN,
    errors.TooBig: PLAIN,
    errors.TooMany: TEMPORARY,
    errors.ValueTooBig: PLAIN,
    errors.TooManyEntries: PLAIN,
    errors.OverQuota: PLAIN,
    errors.StorageFull: TEMPORARY,
    errors.MailLoop: PLAIN,
    errors.MessageRefused: PLAIN,
    errors.ExpungeIssued: PLAIN,
    errors.Unavailable: TEMPORARY,
    errors.OutcomeUnknown: TEMPORARY,
    errors.ShuttingDown: TEMPORARY,
    errors.SessionEnded: TEMPORARY,
    errors.AccountClosed: PERMANENT,
    errors.StoreRefused: PERMANENT,
    errors.ObjectMissing: PERMANENT,
    errors.ObjectDamaged: TEMPORARY,
    errors.KeyMissing: TEMPORARY,
    NeedsUTF8: Answer("UTF8"),
}


def answer_to(error: errors.SoraError) -> Answer:
    """The row for an error, or that of its nearest ancestor."""
    return next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
