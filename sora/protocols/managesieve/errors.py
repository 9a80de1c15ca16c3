"""Errors of the domain -> NO and BYE with response codes (RFC 5804 §1.3).

Every class of `sora.errors` has a row; what has none is a bug of ours.

Some codes are never sent. TRANSITION-NEEDED and AUTH-TOO-WEAK would tell a stranger that a user is
there (G51); REFERRAL would name a server, and every one of ours serves every user.
"""

from collections.abc import Mapping
from typing import Final

from sora import errors
from sora.errors import SoraError

TRYLATER: Final = b"TRYLATER"

CODES: Final[Mapping[type[SoraError], bytes]] = {
    errors.SoraError: b"",
    errors.BadSyntax: b"",
    errors.BadRights: b"",
    errors.BadArgument: b"",
    errors.KeywordRefused: b"",
    errors.NumbersRefused: b"",
    errors.BadCharset: b"",
    errors.WrongState: b"",
    errors.AuthenticationFailed: b"",
    errors.AuthenticationRefused: b"ENCRYPT-NEEDED",
    errors.NotPermitted: b"",
    errors.ReadOnly: b"",
    errors.NoSuchAccount: b"",
    errors.NoSuchMailbox: b"",
    errors.NoSuchQuota: b"",
    errors.NoSuchScript: b"NONEXISTENT",
    errors.NoSuchMessage: b"",
    errors.NoSuchTask: b"",
    errors.AlreadyExists: b"ALREADYEXISTS",
    errors.InUse: b"ACTIVE",
    errors.TooSoon: TRYLATER,
    errors.Superseded: b"",
    errors.BadName: b"",
    errors.StoredApart: b"",
    errors.HasChildren: b"",
    errors.UseAttributeRefused: b"",
    errors.BadURL: b"",
    errors.EmptyMessage: b"",
    errors.UnknownEncoding: b"",
    errors.TooBig: b"QUOTA/MAXSIZE",
    errors.TooMany: b"QUOTA/MAXSCRIPTS",
    errors.ValueTooBig: b"QUOTA/MAXSIZE",
    errors.TooManyEntries: b"QUOTA/MAXSCRIPTS",
    errors.OverQuota: b"QUOTA",
    errors.StorageFull: TRYLATER,
    errors.MailLoop: b"",
    errors.MessageRefused: b"",
    errors.ExpungeIssued: b"",
    errors.Unavailable: TRYLATER,
    errors.OutcomeUnknown: TRYLATER,
    errors.UnknownCommand: b"",
    errors.ShuttingDown: TRYLATER,
    errors.SessionEnded: b"",
    errors.AccountClosed: b"",
    errors.StoreRefused: TRYLATER,
    errors.ObjectMissing: TRYLATER,
    errors.ObjectDamaged: TRYLATER,
    errors.KeyMissing: TRYLATER,
}
"""the response code of each, empty where there is none"""

BAD: Final = (errors.BadSyntax, errors.UnknownCommand, errors.WrongState)
"""what is the client's fault, and counted: ManageSieve has no BAD"""


def code_of(error: SoraError, overrides: Mapping[type[SoraError], bytes]) -> bytes:
    """The response code for an error, or that of its nearest ancestor."""
    for kind in type(error).__mro__:
        for table in (overrides, CODES):
            if kind in table:
                return table[kind]
    return b""
