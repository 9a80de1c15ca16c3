"""Moments that others name, such as those of requests and command lines."""

from datetime import UTC, datetime


def moment_of(text: str) -> datetime:
    """ISO 8601, as RFC 3339 has it and shorter, in UTC: zones go further (23:59) than a database
    takes them. What thereby leaves the years 1 to 9999 is their end. Without a zone it stays
    without one. Raises ValueError for what is no time."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is None else in_utc(found)


def in_utc(moment: datetime) -> datetime:
    """This moment in UTC; one without a zone is this machine's. Never raises."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        end = datetime.min if moment.year <= 1 else datetime.max
        return end.replace(tzinfo=UTC)
