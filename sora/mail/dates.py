"""The Date field (RFC 5322 §3.3 and §4.3), as it is and as it is often written."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from attrs import frozen

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}
# RFC 5322 §4.3; a zone that is not known is "-0000".
_ZONES: Final = {
    b"ut": 0, b"gmt": 0, b"utc": 0, b"z": 0,
    b"est": -300, b"edt": -240, b"cst": -360, b"cdt": -300,
    b"mst": -420, b"mdt": -360, b"pst": -480, b"pdt": -420,
    b"cet": 60, b"cest": 120, b"met": 60, b"mest": 120, b"bst": 60, b"jst": 540,
}  # fmt: skip
_COMMENT: Final = re.compile(rb"\([^()]*\)")
_TIME: Final = (
    rb"(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,]\d{1,9})?)?"
    rb"(?:\s{0,3}([ap]m))?"
)
_ZONE: Final = rb"(?:\s{0,3}([+-]\d{1,2}:?\d{2}|[a-z]{1,5}))?"
_DATE: Final = re.compile(
    rb"(?i)(?:[a-z]{2,9}\.?\s*,?\s*)?(\d{1,2})[\s-]{1,3}([a-z]{3})[a-z]{0,6}\.?[\s,-]{1,3}(\d{2,4})"
    rb"(?:[,\s]{1,3}" + _TIME + _ZONE + rb")?"
)
# asctime: "Mon Jan  1 00:00:00 2024", with a zone before or after the year.
_ASCTIME: Final = re.compile(
    rb"(?i)[a-z]{3,9},?\s{1,3}([a-z]{3})[a-z]{0,6}\s{1,3}(\d{1,2}),?\s{1,3}"
    + _TIME
    + rb"(?:\s([a-z]{2,5}|[+-]\d{4}))?\s{1,3}(\d{4})(?:\s([+-]\d{4}))?"
)
_ISO: Final = re.compile(rb"(?i)(\d{4})-(\d{2})-(\d{2})(?:[T ]" + _TIME + _ZONE + rb")?")
_MAX_LENGTH: Final = 200


@frozen
class Sent:
    """`at` is the moment (aware); `day` the day as it stands in the field."""

    at: datetime
    day: date


def parse(value: bytes) -> Sent | None:
    """A Date field's value, unfolded -> when it was sent, or None if it does not say."""
    text = value[:_MAX_LENGTH].strip()
    if b"(" in text:
        text = _COMMENT.sub(b" ", text).strip()
    found = _DATE.match(text)
    if found:
        day, name, year, *clock, zone = found.groups()
        return _sent(_year(year), _MONTHS.get(name.lower(), 0), int(day), clock, zone)
    found = _ASCTIME.match(text)
    if found:
        name, day, *clock, before, year, after = found.groups()
        return _sent(int(year), _MONTHS.get(name.lower(), 0), int(day), clock, after or before)
    found = _ISO.match(text)
    if found:
        year, month, day, *clock, zone = found.groups()
        return _sent(int(year), int(month), int(day), clock, zone)
    return None


def _sent(
    year: int, month: int, day: int, clock: list[bytes | None], zone: bytes | None
) -> Sent | None:
    # The bounds leave room for any zone: moments must stay dates of PostgreSQL and of Python.
    if not 1900 <= year <= 9998:
        return None
    hour, minute, second, half = clock
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half.lower() == b"pm" else 0)
    try:
        # A leap second is the second before it.
        moment = datetime(year, month, day, hours, int(minute or 0), min(int(second or 0), 59))
    except ValueError:
        return _sent(year, month, day, [None] * 4, zone) if hour else None
    return Sent(moment.replace(tzinfo=_zone(zone)), moment.date())


def _year(digits: bytes) -> int:
    """Years of two and three digits (RFC 5322 §4.3)."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone(zone: bytes | None) -> timezone:
    if not zone:
        return UTC
    if zone[:1] in b"+-":
        digits = zone[1:].replace(b":", b"").rjust(4, b"0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        if zone[:1] == b"-":
            minutes = -minutes
    else:
        minutes = _ZONES.get(zone.lower(), 0)
    # Beyond 15 hours it is a mistake (RFC 5322 §3.3 allows 99, no place on Earth uses 15).
    if not minutes or abs(minutes) > 15 * 60:
        return UTC
    return timezone(timedelta(minutes=minutes))
