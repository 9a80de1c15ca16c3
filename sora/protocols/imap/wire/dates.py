"""Dates as IMAP writes them (RFC 3501 §9: date, date-time). Years have four digits."""

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

from sora.errors import BadSyntax

MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_NUMBERS: Final = {name.lower().encode(): number for number, name in enumerate(MONTHS, 1)}

_DATE = re.compile(rb"(\d{1,2})-([A-Za-z]{3})-(\d{4})\Z")
_DATE_TIME = re.compile(
    rb"([ \d]?\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z"
)


def read_date(text: bytes) -> date:
    """`1-Feb-1994` -> date. Raises BadSyntax."""
    found = _DATE.match(text)
    if found is None:
        raise BadSyntax("A date has to look like 1-Feb-1994")
    try:
        return date(int(found[3]), _month(found[2]), int(found[1]))
    except ValueError:
        raise BadSyntax("There is no such date") from None


def read_date_time(text: bytes) -> datetime:
    """`17-Jul-1996 02:44:25 -0700` -> aware datetime in that zone. Raises BadSyntax."""
    found = _DATE_TIME.match(text)
    if found is None:
        raise BadSyntax('A date-time has to look like "17-Jul-1996 02:44:25 -0700"')
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        return datetime(
            int(year),
            _month(month),
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),  # a leap second
            tzinfo=timezone(-offset if sign == b"-" else offset),
        )
    except (ValueError, OverflowError):
        raise BadSyntax("There is no such date and time") from None


def _month(name: bytes) -> int:
    try:
        return _NUMBERS[name.lower()]
    except KeyError:
        raise BadSyntax("A month is one of Jan, Feb, ... Dec") from None


def write_date_time(moment: datetime) -> bytes:
    """An aware datetime -> `"17-Jul-1996 02:44:25 -0700"` with its quotes, in its own zone."""
    offset = moment.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return (
        f'"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment.year:04d} '
        f'{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {sign}{hours:02d}{minutes:02d}"'
    ).encode("ascii")
