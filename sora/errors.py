"""Every failure a client may hear of, in the words of the domain.

Each protocol translates these classes once, in its own `errors.py`; nothing here knows a
reply code. An error's text is one sentence that names the thing and, where there is one,
the remedy; it never holds a secret. A client is told `told`: the text, but for errors of the
inside of the house, whose text names hosts and directories and is for operators and the log.
"""

from typing import ClassVar


class SoraError(Exception):
    """The root of all errors that a client may be told about."""

    inside: ClassVar[bool] = False
    """Whether the text speaks of what clients have no business with."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or type(self).__doc__ or type(self).__name__)

    @property
    def text(self) -> str:
        """One sentence for a person of the house."""
        return str(self.args[0])

    @property
    def told(self) -> str:
        """One sentence for a client."""
        return (type(self).__doc__ or "") if self.inside else self.text


class BadSyntax(SoraError):
    """The command does not follow the grammar."""


class BadRights(BadSyntax):
    """There is no such right."""


class BadArgument(SoraError):
    """The command is well formed, and asks for something that cannot be."""


class BadCharset(SoraError):
    """The charset is not known."""


class WrongState(SoraError):
    """The command is not allowed now."""


class AuthenticationFailed(SoraError):
    """The credentials are not right."""


class AuthenticationRefused(SoraError):
    """Authentication is not possible on this connection; use TLS."""


class NotPermitted(SoraError):
    """The rights do not allow it."""


class ReadOnly(SoraError):
    """The mailbox is open read-only."""


class NoSuchAccount(SoraError):
    """There is no such account."""


class NoSuchMailbox(SoraError):
    """There is no such mailbox."""


class NoSuchQuota(SoraError):
    """There is no such quota root."""


class NoSuchScript(SoraError):
    """There is no such script."""


class NoSuchMessage(SoraError):
    """There is no such message."""


class NoSuchTask(SoraError):
    """There is no such task."""


class AlreadyExists(SoraError):
    """It exists already."""


class InUse(SoraError):
    """Somebody else is using it now."""


class TooSoon(SoraError):
    """The last login was too short a time ago."""


class Superseded(SoraError):
    """Another session has it by now: nothing was changed."""


class MessageRefused(SoraError):
    """The recipient's mail filter has refused the message."""


class BadName(SoraError):
    """The name is not allowed."""


class KeywordRefused(BadArgument):
    """The keyword is well formed, and nothing can have it."""


class StoredApart(BadArgument):
    """The two mailboxes store their mail apart, and it is not in both places yet."""


class HasChildren(SoraError):
    """The mailbox has children and cannot be deleted."""


class UseAttributeRefused(SoraError):
    """The special use is not supported, or taken by another mailbox."""


class BadURL(SoraError):
    """The URL does not name a message, or a part of one, that can be read."""

    def __init__(self, url: bytes) -> None:
        """`url` as it may be repeated to the client."""
        super().__init__()
        self.url = url


class EmptyMessage(SoraError):
    """A message without an octet is not stored; nothing was."""


class UnknownEncoding(SoraError):
    """The transfer encoding is not known, so that the part cannot be decoded."""


class TooBig(SoraError):
    """It is larger than the limit."""


class TooMany(SoraError):
    """There are more of them than the limit allows."""


class ValueTooBig(TooBig):
    """The value is larger than the limit."""

    def __init__(self, limit: int = 0) -> None:
        """`limit` in octets."""
        super().__init__(f"A value may have {limit} octets")
        self.limit = limit


class TooManyEntries(TooMany):
    """There are more annotations than the limit allows."""


class OverQuota(SoraError):
    """The account is over its quota."""


class StorageFull(SoraError):
    """There is no room left to accept more; try again later."""

    inside = True


class MailLoop(SoraError):
    """The message has been here before."""


class NumbersRefused(BadArgument):
    """Message numbers are not allowed once UIDONLY is enabled."""


class ExpungeIssued(SoraError):
    """Some of the messages no longer exist."""


class Unavailable(SoraError):
    """A part of the server cannot be reached now; try again later."""

    inside = True


class OutcomeUnknown(Unavailable):
    """The connection to the database broke before its answer came; it may have happened."""


class UnknownCommand(SoraError):
    """There is no such command."""


class ShuttingDown(Unavailable):
    """The server is shutting down."""

    inside = False


class SessionEnded(SoraError):
    """An administrator ended this session."""


class AccountClosed(SoraError):
    """This account is closed."""


class StoreRefused(SoraError):
    """The object store refused the request; trying again will not help."""

    inside = True


class ObjectMissing(SoraError):
    """The object store says for certain that there is no such object."""

    inside = True


class ObjectDamaged(Unavailable):
    """The object is there, and is not what was stored."""


class KeyMissing(Unavailable):
    """The key that the object is encrypted with is not configured."""
