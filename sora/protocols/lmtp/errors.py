"""Errors to replies: one row for every class of `sora.errors` (RFC 5321 §4.2.3, RFC 3463).

4xx asks the sender to try again, and keeps the mail in its queue; 5xx makes it return the
mail. When in doubt it is 4xx: nothing may be lost for a fault of ours.
"""

import re
from collections.abc import Mapping
from textwrap import wrap
from typing import Final

from attrs import frozen

from sora import errors
from sora.protocols.lmtp.wire.parameters import UnknownParameter

MAX_LINE: Final = 200
"""characters of a line of a reply, so that it has less than 512 octets (RFC 5321 §4.5.3.1.5)"""
MAX_LINES: Final = 30
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


@frozen
class Reply:
    """A reply code, an enhanced status code, and a text."""

    code: int
    status: str
    text: str

    def line(self) -> bytes:
        """The reply as it is sent; a text of several lines becomes one."""
        text = " ".join(self.text.split())
        return f"{self.code} {self.status} {text}\r\n".encode()

    def lines(self) -> bytes:
        """The reply with its text in lines of at most `MAX_LINE` characters, at most `MAX_LINES` of
        them (RFC 5321 §4.2.1, RFC 5429 §2.5)."""
        texts = [" ".join(_CONTROL.sub(" ", line).split()) for line in self.text.splitlines()]
        cut = [piece for text in texts if text for piece in wrap(text, MAX_LINE)][:MAX_LINES]
        last = len(cut) - 1
        return "".join(
            f"{self.code}{' ' if place == last else '-'}{self.status} {text}\r\n"
            for place, text in enumerate(cut)
        ).encode()


class TimeExpired(errors.SoraError):
    """The time in which the message was to be delivered is over."""


TABLE: Final[Mapping[type[errors.SoraError], tuple[int, str]]] = {
    errors.SoraError: (451, "4.3.0"),
    errors.BadSyntax: (501, "5.5.2"),
    errors.BadRights: (501, "5.5.4"),
    errors.BadArgument: (501, "5.5.4"),
    errors.KeywordRefused: (501, "5.5.4"),
    errors.NumbersRefused: (501, "5.5.4"),
    errors.StoredApart: (451, "4.3.0"),
    UnknownParameter: (555, "5.5.4"),
    errors.BadCharset: (501, "5.5.4"),
    errors.WrongState: (503, "5.5.1"),
    errors.AuthenticationFailed: (535, "5.7.8"),
    errors.AuthenticationRefused: (530, "5.7.0"),
    errors.NotPermitted: (550, "5.7.1"),
    errors.ReadOnly: (451, "4.2.1"),
    errors.NoSuchAccount: (550, "5.1.1"),
    # The account was there at RCPT and its INBOX is not: that is ours to mend.
    errors.NoSuchMailbox: (451, "4.2.0"),
    errors.NoSuchQuota: (451, "4.3.0"),
    errors.NoSuchScript: (451, "4.3.0"),
    errors.NoSuchMessage: (451, "4.3.0"),
    errors.NoSuchTask: (451, "4.3.0"),
    errors.AlreadyExists: (451, "4.3.0"),
    errors.InUse: (451, "4.2.1"),
    errors.TooSoon: (451, "4.2.1"),
    errors.Superseded: (451, "4.2.1"),
    errors.BadName: (553, "5.1.3"),
    errors.HasChildren: (451, "4.3.0"),
    errors.UseAttributeRefused: (451, "4.3.0"),
    errors.BadURL: (501, "5.5.4"),
    errors.EmptyMessage: (554, "5.6.0"),
    errors.UnknownEncoding: (554, "5.6.1"),
    errors.TooBig: (552, "5.3.4"),
    errors.TooMany: (452, "4.5.3"),
    errors.ValueTooBig: (552, "5.3.4"),
    errors.TooManyEntries: (452, "4.5.3"),
    # A full mailbox is emptied sooner or later; `[limits] over_quota` can say otherwise.
    errors.OverQuota: (452, "4.2.2"),
    errors.StorageFull: (452, "4.3.1"),
    errors.MailLoop: (554, "5.4.6"),
    # RFC 5429 §2.1.1
    errors.MessageRefused: (550, "5.7.1"),
    # RFC 2852 §4.1.3
    TimeExpired: (554, "5.4.7"),
    errors.ExpungeIssued: (451, "4.3.0"),
    errors.Unavailable: (451, "4.3.0"),
    errors.OutcomeUnknown: (451, "4.3.0"),
    errors.UnknownCommand: (500, "5.5.1"),
    errors.ShuttingDown: (421, "4.3.2"),
    errors.SessionEnded: (421, "4.3.2"),
    errors.AccountClosed: (421, "4.2.1"),
    errors.StoreRefused: (451, "4.3.0"),
    errors.ObjectMissing: (451, "4.3.0"),
    errors.ObjectDamaged: (451, "4.3.0"),
    errors.KeyMissing: (451, "4.3.0"),
}

OVER_QUOTA_FOR_GOOD: Final = (552, "5.2.2")
"""what `errors.OverQuota` is by the policy `reject`"""
INTERNAL: Final = Reply(451, "4.3.0", "Something went wrong here; try again later")


def reply_to(error: errors.SoraError, rejects_over_quota: bool = False) -> Reply:
    """The reply that says `error`. A class without a row has that of its nearest ancestor.
    `rejects_over_quota`: whether mail for somebody who is over quota goes back."""
    if rejects_over_quota and isinstance(error, errors.OverQuota):
        return Reply(*OVER_QUOTA_FOR_GOOD, error.told)
    for kind in type(error).__mro__:
        row = TABLE.get(kind)
        if row is not None:
            return Reply(*row, error.told)
    return INTERNAL
