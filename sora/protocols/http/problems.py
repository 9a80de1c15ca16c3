"""Errors as problem details (RFC 9457): one table for all of `sora.errors` (pure).

A problem's `type` is a URI that names its kind, and is what programs look at; `title` says it for
people, `detail` what it was this time. An error that the table does not have is a bug: it is
logged, and the client is told no more than that.
"""

from collections.abc import Mapping
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
    MailLoop,
    MessageRefused,
    NoSuchAccount,
    NoSuchMailbox,
    NoSuchMessage,
    NoSuchQuota,
    NoSuchScript,
    NoSuchTask,
    NotPermitted,
    ObjectMissing,
    OutcomeUnknown,
    OverQuota,
    ReadOnly,
    SessionEnded,
    ShuttingDown,
    SoraError,
    StorageFull,
    StoreRefused,
    Superseded,
    TooBig,
    TooMany,
    TooSoon,
    Unavailable,
    UnknownCommand,
    UnknownEncoding,
    UseAttributeRefused,
    WrongState,
)
from sora.protocols.http.shaping import MAX_FLAWS, Flaw, Flawed
from sora.relay.interfaces import RelayOff
from sora.sieve.errors import ScriptErrors

TYPE: Final = "urn:sora:problem:"
MEDIA_TYPE: Final = "application/problem+json"


@frozen
class Kind:
    """A kind of problem: its name, the status, its title."""

    name: str
    status: int
    title: str


BAD_REQUEST: Final = Kind("bad-request", 400, "The request does not fit")
NO_KEY: Final = Kind("no-key", 401, "A key is needed")
WRONG_KEY: Final = Kind("wrong-key", 401, "The key is not known")
FOREIGN: Final = Kind("address-not-allowed", 403, "Your address may not call this server")
NOT_PERMITTED: Final = Kind("not-permitted", 403, "This is not permitted")
NOT_FOUND: Final = Kind("not-found", 404, "There is no such thing")
NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "The method is not for this resource")
NOT_ACCEPTABLE: Final = Kind("not-acceptable", 406, "There is nothing of the kind you accept")
TOO_SLOW: Final = Kind("too-slow", 408, "The request did not come in time")
CONFLICT: Final = Kind("conflict", 409, "It does not go with what is there")
EXISTS: Final = Kind("already-exists", 409, "It exists already")
UNDER_WAY: Final = Kind("request-under-way", 409, "The same request is under way")
IN_USE: Final = Kind("in-use", 409, "Somebody is using it")
CHANGED: Final = Kind("precondition-failed", 412, "It is not what you know it to be")
TOO_BIG: Final = Kind("too-big", 413, "It is larger than the limit")
NOT_JSON: Final = Kind("unsupported-media-type", 415, "The body must be application/json")
NOT_MESSAGE: Final = Kind("unsupported-media-type", 415, "The body must be message/rfc822")
NOT_TAR: Final = Kind("unsupported-media-type", 415, "The body must be application/x-tar")
UNPROCESSABLE: Final = Kind("cannot-be-done", 422, "What is asked for cannot be")
KEY_REUSED: Final = Kind(
    "idempotency-key-reused", 422, "The idempotency key was used for something else"
)
INVALID_SCRIPT: Final = Kind("invalid-script", 422, "The Sieve script is not valid")
TOO_OFTEN: Final = Kind("too-many-requests", 429, "There are too many requests")
INTERNAL: Final = Kind("internal", 500, "The server has failed")
UNKNOWN_OUTCOME: Final = Kind(
    "outcome-unknown", 503, "It may have happened: look before you repeat it"
)
UNAVAILABLE: Final = Kind("unavailable", 503, "A part of the server cannot be reached now")
FULL: Final = Kind("storage-full", 507, "There is no room left")

KINDS: Final[Mapping[type[SoraError], Kind]] = {
    AccountClosed: NOT_PERMITTED,
    AlreadyExists: EXISTS,
    AuthenticationFailed: WRONG_KEY,
    AuthenticationRefused: NOT_PERMITTED,
    BadArgument: UNPROCESSABLE,
    BadCharset: UNPROCESSABLE,
    BadName: UNPROCESSABLE,
    BadRights: UNPROCESSABLE,
    BadSyntax: UNPROCESSABLE,
    BadURL: UNPROCESSABLE,
    EmptyMessage: UNPROCESSABLE,
    ExpungeIssued: NOT_FOUND,
    HasChildren: CONFLICT,
    InUse: IN_USE,
    MailLoop: CONFLICT,
    MessageRefused: CONFLICT,
    NoSuchAccount: NOT_FOUND,
    NoSuchMailbox: NOT_FOUND,
    NoSuchMessage: NOT_FOUND,
    NoSuchQuota: NOT_FOUND,
    NoSuchScript: NOT_FOUND,
    NoSuchTask: NOT_FOUND,
    NotPermitted: NOT_PERMITTED,
    ObjectMissing: NOT_FOUND,
    OutcomeUnknown: UNKNOWN_OUTCOME,
    OverQuota: Kind("over-quota", 409, "The account is over its quota"),
    ReadOnly: CONFLICT,
    RelayOff: CONFLICT,
    ScriptErrors: INVALID_SCRIPT,
    SessionEnded: UNAVAILABLE,
    ShuttingDown: UNAVAILABLE,
    StorageFull: FULL,
    StoreRefused: Kind("store-refused", 502, "The object store refused it"),
    Superseded: CONFLICT,
    TooBig: TOO_BIG,
    TooMany: Kind("too-many", 409, "There are more than the limit allows"),
    TooSoon: TOO_OFTEN,
    Unavailable: UNAVAILABLE,
    UnknownCommand: NOT_FOUND,
    UnknownEncoding: UNPROCESSABLE,
    UseAttributeRefused: CONFLICT,
    WrongState: CONFLICT,
}


class Refused(Exception):
    """A request is answered with a problem."""

    def __init__(
        self, kind: Kind, detail: str = "", *, flaws: tuple[Flaw, ...] = (), wait: int | None = None
    ) -> None:
        """`wait` is after how many seconds to try again."""
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.flaws = flaws
        self.wait = wait

    def document(self, instance: str, trace: str = "") -> dict[str, Any]:
        """The problem as a JSON object; `instance` names this request, for the log, and `trace` is
        the id of its trace, if the collector gets it."""
        found: dict[str, Any] = {
            "type": TYPE + self.kind.name,
            "title": self.kind.title,
            "status": self.kind.status,
        }
        if self.detail:
            found["detail"] = self.detail
        found["instance"] = instance
        if trace:
            found["trace"] = trace
        if self.flaws:
            found["errors"] = [
                {"pointer": flaw.pointer, "detail": flaw.text} for flaw in self.flaws
            ]
        return found


def kind_of(error: type[SoraError]) -> Kind:
    """The kind of a class of errors: its own, or the nearest one it derives from."""
    for base in error.__mro__:
        kind = KINDS.get(base)
        if kind is not None:
            return kind
    raise KeyError(error)


def refused(error: SoraError | Flawed) -> Refused:
    """The problem that an error is."""
    if isinstance(error, Flawed):
        count = len(error.flaws)
        detail = error.flaws[0].text if count == 1 else f"There are {count} flaws"
        return Refused(BAD_REQUEST, detail, flaws=error.flaws)
    if isinstance(error, ScriptErrors):
        flaws = tuple(Flaw("/source", str(one)) for one in error.errors[:MAX_FLAWS])
        return Refused(INVALID_SCRIPT, flaws[0].text if len(flaws) == 1 else "", flaws=flaws)
    return Refused(kind_of(type(error)), error.told.rstrip())
