"""Actions that exclude each other. What is executed is what counts, not what stands in a script."""

from collections.abc import Iterable
from typing import Final

from sora.sieve.effects import Action, FileInto, Keep, Redirect, Reject, Vacation

ONLY_AT_DELIVERY: Final = frozenset(("reject", "ereject", "vacation", "vacation-seconds"))
"""Extensions that cannot be used where a script runs over a stored message (RFC 6785 §3.11)."""
_DELIVER: Final = (FileInto, Keep, Redirect)


def conflict_of(taken: Iterable[Action], keep: Keep | None, new: Action | Keep) -> str | None:
    """Why an action cannot be taken after those that were, as a sentence; None if it can.

    `keep` is an explicit one. A message is rejected once, and then neither delivered nor answered
    by `vacation` (RFC 5429 §2.4); `vacation` answers once (RFC 5230 §4.7).
    """
    if isinstance(new, Reject):
        if any(isinstance(one, Reject) for one in taken):
            return "A message can be rejected only once"
        if keep is not None or any(isinstance(one, _DELIVER) for one in taken):
            return "A message that is kept, filed or redirected cannot be rejected, too"
        if any(isinstance(one, Vacation) for one in taken):
            return "A message that 'vacation' answers cannot be rejected, too"
    elif isinstance(new, _DELIVER):
        if any(isinstance(one, Reject) for one in taken):
            return "A message that is rejected cannot be kept, filed or redirected, too"
    elif isinstance(new, Vacation):
        if any(isinstance(one, Vacation) for one in taken):
            return "'vacation' can be executed only once"
        if any(isinstance(one, Reject) for one in taken):
            return "'vacation' cannot answer a message that is rejected"
    return None
