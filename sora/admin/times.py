"""Times on the command line."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

from sora.config.units import read_duration
from sora.times import in_utc, moment_of


def moment(text: str) -> datetime:
    """`2026-11-20`, `2026-11-20T10:00`, with or without a zone: without one it is this machine's.
    An argument's type."""
    try:
        found = moment_of(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not a time: write 2026-11-20, or 2026-11-20T10:00:00+01:00"
        ) from None
    return found if found.tzinfo is not None else in_utc(found)


def moment_or_age(text: str) -> datetime:
    """The same, or how long ago: `90d`, `12h`. An argument's type."""
    try:
        age = read_duration(text)
    except ValueError:
        return moment(text)
    try:
        return datetime.now(UTC) - timedelta(seconds=age)
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is longer ago than there are years") from None
