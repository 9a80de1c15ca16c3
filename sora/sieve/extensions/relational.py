"""relational (RFC 5231): `:value` and `:count`."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.comparators import NUMERIC
from sora.sieve.extension import MATCH_TYPE, Extension, Kind, MatchType, Tag
from sora.sieve.run import Run

_RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _value(run: Run, call: Call, values: Sequence[str], keys: Sequence[str]) -> bool:
    return _related(run, call, "value", values, keys)


def _count(run: Run, call: Call, values: Sequence[str], keys: Sequence[str]) -> bool:
    return _related(run, call, "count", (str(len(values)),), keys)


def _related(run: Run, call: Call, tag: str, values: Sequence[str], keys: Sequence[str]) -> bool:
    """The value is the left side, the key the right one; any pair will do (RFC 5231 §4.1)."""
    relation = _RELATIONS[call.string(run, tag).lower()]
    order = call.comparator.order
    lefts = [order(value) for value in values]
    return any(relation(left, right) for right in map(order, keys) for left in lefts)


def _check_relation(checking: Checking, at: int, text: str) -> None:
    if text.lower() not in _RELATIONS:
        names = ", ".join(f'"{name}"' for name in _RELATIONS)
        checking.error(at, f"{shown(text)} is not a relation; those are {names}")


def _check_count(checking: Checking, call: Call) -> None:
    if call.comparator is not NUMERIC and (call.constant("count") or "").lower() not in (
        "eq",
        "ne",
    ):
        checking.warn(
            call.at,
            f"':count' compares numbers as texts without :comparator {shown(NUMERIC.name)}",
        )


EXTENSION: Final = Extension(
    "relational",
    match_types=(
        MatchType(
            Tag("value", Kind.STRING, MATCH_TYPE, constant=True, check_text=_check_relation), _value
        ),
        MatchType(
            Tag(
                "count",
                Kind.STRING,
                MATCH_TYPE,
                constant=True,
                check=_check_count,
                check_text=_check_relation,
            ),
            _count,
            counts=True,
        ),
    ),
)
