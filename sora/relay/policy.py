"""When a message is tried again, and when it is given up.

A server that cannot be reached, or that serves nobody now, says nothing about a message: such an
attempt is not counted, and the message stays due (G5). What a server says about the message
itself, with a code of 4xx, is counted and leads to growing delays. Given up is a message that was
refused for now `max_attempts` times, or that is older than `max_age` when an attempt fails: an
MTA's usual five days (RFC 5321 §4.5.4.1). While the server is away nothing is attempted, and so
nothing given up.
"""

from random import Random
from typing import Final

from attrs import frozen

from sora.relay.entry import Answer, Attempt, Entry, Fate

EXPIRED: Final = "4.4.7"
"""Delivery time expired (RFC 3463 §3.5)."""


@frozen
class Policy:
    """Durations in seconds. `retry_backoff` are the delays between attempts, the last one is
    repeated; `max_age` ends all attempts; after `warn_after` the sender is told of the delay, if
    that was wanted (NOTIFY=DELAY)."""

    retry_backoff: tuple[float, ...] = (60, 300, 900, 3600, 21600, 86400)
    max_attempts: int = 10
    max_age: float = 5 * 86400.0
    warn_after: float = 4 * 3600.0

    def delay(self, attempts: int, random: Random) -> float:
        """The pause after so many attempts that were counted: up to a fifth longer or shorter
        than its bound, so that what failed together is not tried together."""
        if not self.retry_backoff:
            return 0.0
        bound = self.retry_backoff[min(max(attempts, 1), len(self.retry_backoff)) - 1]
        return bound * (0.8 + 0.4 * random.random())

    def unreachable(self, entry: Entry, now: float, error: str, random: Random) -> Attempt:
        """An attempt that did not get as far as the message."""
        return self._ended(entry, Attempt(now, now + self.delay(1, random), False, {}, error), now)

    def answered(
        self, entry: Entry, now: float, answers: dict[int, Answer], random: Random
    ) -> Attempt:
        """An attempt for which the server has answered, by the numbers of the recipients."""
        delay = self.delay(entry.attempts + 1, random)
        waiting = [answer for answer in answers.values() if not answer.is_final]
        error = waiting[0].text if waiting else ""
        return self._ended(entry, Attempt(now, now + delay, True, answers, error), now)

    def _ended(self, entry: Entry, attempt: Attempt, now: float) -> Attempt:
        after = entry.after(attempt)
        too_often = after.attempts >= self.max_attempts
        if not after.remaining or not (too_often or now - entry.since >= self.max_age):
            return attempt
        given_up = {
            number: expired(after.answers[number], attempt.error) for number in after.remaining
        }
        return Attempt(
            attempt.at, attempt.due, attempt.counted, {**attempt.answers, **given_up}, attempt.error
        )

    def is_to_be_warned(self, entry: Entry, now: float) -> bool:
        """Whether a sender is to be told now that it takes longer (RFC 3461 §4.1)."""
        return (
            not entry.warned
            and now - entry.queued >= self.warn_after
            and any(
                "DELAY" in (entry.outgoing.recipients[number].notify or ())
                for number in entry.remaining
            )
        )


def expired(last: Answer, error: str) -> Answer:
    """The final answer for a recipient for whom it took too long; `error` is what was in the way
    if the server had said nothing about him."""
    return Answer(Fate.EXPIRED, last.code, last.status or EXPIRED, last.text or error, last.remote)
