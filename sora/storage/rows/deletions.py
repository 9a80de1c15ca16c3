"""Runs of deletions that are not an account's habit."""

from datetime import datetime

from attrs import frozen


@frozen
class Unusual:
    """What is no habit: in a day and the one before it (UTC) an account deleted `messages`, or
    this `share` of what it had (of 0 to 1; and `LEAST_SHARE` at least) where that is less; and that
    is more than `factor` times the most that it deleted in one day of the weeks before."""

    messages: int = 500
    share: float = 0.5
    factor: int = 5


LEAST_SHARE = 50
"""messages that are few enough to be no run, whatever the account has"""
HABIT_DAYS = (34, 7)
"""The habit is that of the days from so many before up to so many before the one that is looked
at: what goes on for less than a week is none yet."""


@frozen(kw_only=True)
class DeletionRun:
    """An unusual run. `habit` is the most that the account had deleted in a day before, `remaining`
    the messages that it had left. Messages that were deleted from `began_at` to `last_at` are kept
    longer; `extended` is False while that is being done."""

    account_id: int
    address: str
    began_at: datetime
    last_at: datetime
    messages: int
    habit: int
    remaining: int
    noticed_at: datetime
    extended: bool


@frozen
class LookedAt:
    """How many deletions were looked at; and the runs that were noticed by it."""

    looked: int
    begun: tuple[DeletionRun, ...] = ()
