"""date (RFC 5260): `date` and `currentdate`.

The moment of `currentdate` is that of the context, in all scripts of a delivery (§5); the local
zone is that of this moment.
"""

from datetime import datetime, tzinfo
from typing import Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking, nearest, shown
from sora.sieve.date_parts import PARTS, sent, shifted, zone
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Tag, Test
from sora.sieve.fields import chosen
from sora.sieve.run import Run

ZONE: Final = "time zone"


def _date(run: Run, call: Call) -> Asking[bool] | bool:
    fields = chosen(run, call, run.header, [call.string(run, "header")])
    at = sent(fields[0].octets) if fields else None
    return run.matches_any(call, [] if at is None else _part(run, call, at))


def _currentdate(run: Run, call: Call) -> Asking[bool] | bool:
    return run.matches_any(call, _part(run, call, run.context.now))


def _part(run: Run, call: Call, at: datetime) -> list[str]:
    part = call.string(run, "part")
    known = PARTS.get(part.lower())
    if known is None:
        raise run.problem(f"{shown(part)} is not a part of a date")
    if not call.has("originalzone"):
        moved = shifted(at, wanted_zone(run, call))
        if moved is None:
            return []
        at = moved
    return [known(at)]


def wanted_zone(run: Run, call: Call) -> tzinfo | None:
    """The zone that `:zone` names, else the local one."""
    if not call.has("zone"):
        return run.context.now.tzinfo
    text = call.string(run, "zone")
    found = zone(text)
    if found is None:
        raise run.problem(_no_zone(text))
    return found


def check_zone(checking: Checking, at: int, text: str) -> None:
    """`+hhmm` or `-hhmm` (RFC 5260 §4.1)."""
    if zone(text) is None:
        checking.error(at, _no_zone(text))


def check_part(checking: Checking, at: int, text: str) -> None:
    """A name of RFC 5260 §4.2."""
    if text.lower() not in PARTS:
        checking.error(at, f"{shown(text)} is not a part of a date{nearest(text, list(PARTS))}")


def _no_zone(text: str) -> str:
    return f'{shown(text)} is not a time zone: it has the form "+hhmm" or "-hhmm"'


ZONE_TAG: Final = Tag("zone", Kind.STRING, ZONE, check_text=check_zone)
_PART: Final = Parameter("part", Kind.STRING, check=check_part)
_KEYS: Final = Parameter("keys", Kind.STRINGS)

EXTENSION: Final = Extension(
    "date",
    words=(
        Test(
            "date",
            _date,
            (Parameter("header", Kind.STRING), _PART, _KEYS),
            (ZONE_TAG, Tag("originalzone", group=ZONE)),
            matching=True,
        ),
        Test("currentdate", _currentdate, (_PART, _KEYS), (ZONE_TAG,), matching=True),
    ),
)
