"""The most messages that one command works on (RFC 9738).

A command that names more works on those with the highest UIDs and says so; one that has to do
all or nothing is refused. The limit is generous: who does not know of it never meets it.
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from sora.errors import TooMany
from sora.mail.criteria import And, Criterion, UidIn
from sora.mail.numbers import NumberSet
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import message_limit


class OverLimit(TooMany):
    """More messages than one command may work on; nothing was done. `code` names the limit."""

    def __init__(self, code: bytes) -> None:
        super().__init__("These are too many messages for one command; name fewer.")
        self.code = code


@frozen
class Portion:
    """Those of some messages that a command works on; `code` is empty when they are all."""

    uids: Sequence[int]
    code: bytes = b""

    def completed(self, word: bytes) -> bytes | None:
        """The text of the tagged OK."""
        return self.code + b" " + word + b" completed for the last messages" if self.code else None

    def tell(self, session: Session) -> None:
        """Say it before a tagged line that has another code (RFC 9738 §3.1)."""
        if self.code:
            session.untagged(b"NO " + self.code + b" Only the last messages")


EVERYTHING: Final = Portion(())


def portion(uids: Sequence[int], session: Session) -> Portion:
    """What a command works on that names these ascending UIDs."""
    return _portion(uids, session.limits.messages)


def all_to_copy(uids: Sequence[int], session: Session) -> Sequence[int]:
    """The UIDs, for a command that copies all or none of them. Raises OverLimit."""
    refused = _portion(uids, session.limits.messages or session.limits.saved)
    if refused.code:
        raise OverLimit(refused.code)
    return uids


def _portion(uids: Sequence[int], limit: int) -> Portion:
    if not limit or len(uids) <= limit:
        return Portion(uids)
    last = uids[len(uids) - limit :]
    return Portion(last, message_limit(limit, last[0]))


def searched(criterion: Criterion, session: Session) -> tuple[Criterion, Portion]:
    """What is searched instead, if too many messages would be looked at: however few match."""
    view = session.mailbox.view
    if not session.limits.messages or view.exists <= session.limits.messages:
        return criterion, Portion(())
    scope = _scope(criterion)
    among = portion(view.uids if scope is None else scope.within(view.uids), session)
    if not among.code:
        return criterion, among
    last = UidIn(NumberSet(((among.uids[0], among.uids[-1]),)))
    return And((last, criterion)), among


def _scope(criterion: Criterion) -> NumberSet | None:
    """The UIDs outside of which nothing can match; None for no bounds."""
    match criterion:
        case UidIn(uids):
            return uids
        case And(parts):
            scopes = [scope for scope in map(_scope, parts) if scope is not None]
            found = scopes[0] if scopes else None
            for scope in scopes[1:]:
                found = scope if found is None else found & scope
            return found
        case _:
            return None
