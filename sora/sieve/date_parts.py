"""The parts of a moment, as RFC 5260 §4.2 writes them, and its time zones (§4.1)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from sora.mail.dates import parse

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_ZONE: Final = re.compile(r"([+-])(\d\d)([0-5]\d)", re.ASCII)
_ISO8601: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d{0,9})?"
    r"(?:([+-])(\d\d):?([0-5]\d)|[Zz])",
    re.ASCII,
)
_CLOCK: Final = re.compile(rb"(?<![\d:])(\d{1,2}):(\d\d)(?::(\d\d))?")
_MODIFIED_JULIAN_EPOCH: Final = datetime(1858, 11, 17).toordinal()


def zone(text: str) -> timezone | None:
    """`+hhmm` or `-hhmm` -> an offset, None if it is not one, or as large as a day."""
    found = _ZONE.fullmatch(text)
    return None if found is None else _offset(*found.groups())


def moment(text: str) -> datetime | None:
    """A date and time of RFC 3339 §5.6, None if it is not one.

    The zone may lack its colon: RFC 6009 §7.2 shows one without.
    """
    found = _ISO8601.fullmatch(text)
    if found is None:
        return None
    *numbers, fraction, sign, hours, minutes = found.groups()
    offset = _offset(sign, hours, minutes) if sign else UTC
    if offset is None:
        return None
    try:
        year, month, day, hour, minute, second = map(int, numbers)
        whole = datetime(year, month, day, hour, minute, second, tzinfo=offset)
    except ValueError:
        return None
    return whole.replace(microsecond=int((fraction or "0").ljust(6, "0")))


def sent(value: bytes) -> datetime | None:
    """The moment that a field's value is, or ends with after a semicolon (RFC 5260 §4)."""
    text = value.rpartition(b";")[2]
    clock = _CLOCK.search(text)
    # A day alone, or with a time that there is not, is no date-time of RFC 5322 §3.3.
    if clock is None or int(clock[1]) > 23 or int(clock[2]) > 59 or int(clock[3] or 0) > 60:
        return None
    found = parse(text)
    return None if found is None else found.at


def shifted(at: datetime, to: tzinfo | None) -> datetime | None:
    """`at` in another time zone, None beyond the years that there are."""
    try:
        return at.astimezone(to)
    except OverflowError:
        return None


def _offset(sign: str, hours: str, minutes: str) -> timezone | None:
    if int(hours) > 23:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)


def _zone_of(at: datetime, colon: str = "") -> str:
    minutes = round((at.utcoffset() or timedelta()).total_seconds() / 60)
    hours, minutes_beside = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}{colon}{minutes_beside:02}"


def iso8601(at: datetime) -> str:
    """The restricted form of RFC 3339's date-time: "Z" for no offset."""
    offset = _zone_of(at, ":")
    suffix = "Z" if offset == "+00:00" else offset
    return f"{_date(at)}T{_time(at)}{suffix}"


def std11(at: datetime) -> str:
    """The form of the Date field (RFC 5322 §3.3)."""
    day = f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
    return f"{day} {_time(at)} {_zone_of(at)}"


def _date(at: datetime) -> str:
    return f"{at.year:04}-{at.month:02}-{at.day:02}"


def _time(at: datetime) -> str:
    return f"{at.hour:02}:{at.minute:02}:{at.second:02}"


PARTS: Final[dict[str, Callable[[datetime], str]]] = {
    "year": lambda at: f"{at.year:04}",
    "month": lambda at: f"{at.month:02}",
    "day": lambda at: f"{at.day:02}",
    "date": _date,
    "julian": lambda at: str(at.toordinal() - _MODIFIED_JULIAN_EPOCH),
    "hour": lambda at: f"{at.hour:02}",
    "minute": lambda at: f"{at.minute:02}",
    "second": lambda at: f"{at.second:02}",
    "time": _time,
    "iso8601": iso8601,
    "std11": std11,
    "zone": _zone_of,
    "weekday": lambda at: str((at.weekday() + 1) % 7),
}
"""Names of date parts, in lower case, and what they are of a moment."""
