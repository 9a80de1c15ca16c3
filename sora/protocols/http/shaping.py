"""JSON to values and back; every flaw of a request is found in one pass (pure).

JSON has few types, and a request that gives another one is not guessed at: "5" is no number here,
1 no boolean. In a query string, where all is text, numbers and booleans are read from it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, Final, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields, frozen, has

from sora.protocols.http.values import Facet, facet_of
from sora.times import moment_of

T = TypeVar("T")
MAX_DEPTH: Final = 32
"""levels of a JSON document"""
MAX_FLAWS: Final = 50
_NONE: Final = type(None)
_UNTEXT: Final = re.compile("[\\x00\\ud800-\\udfff]")
_ANY: Final = Facet("")


@frozen
class Flaw:
    """Something that does not fit; `pointer` says where (RFC 6901), or names a parameter."""

    pointer: str
    text: str


class Flawed(Exception):
    """A request does not fit; `flaws` are all that is wrong with it."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(f"{flaw.pointer}: {flaw.text}" for flaw in flaws))
        self.flaws = tuple(flaws[:MAX_FLAWS])


def from_json(kind: type[T], octets: bytes) -> T:
    """The value that a JSON document is. Raises Flawed."""
    try:
        document = json.loads(octets.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Flawed([Flaw("", f"This is not a JSON document: {_plainly(error)}")]) from None
    flaws: list[Flaw] = []
    value = _read(kind, document, "", flaws, None, 0)
    if flaws:
        raise Flawed(flaws)
    return value


def from_query(kind: type[T], arguments: Mapping[str, Sequence[str]]) -> T:
    """The value that the parameters of a URL are. Raises Flawed."""
    hints = get_type_hints(kind)
    flaws = [
        Flaw(name, "There is no such parameter") for name in sorted(set(arguments) - set(hints))
    ]
    given: dict[str, Any] = {}
    for attribute in fields(kind):  # type: ignore[arg-type]
        found = arguments.get(attribute.name)
        if found is None:
            continue
        inner, _ = optional(hints[attribute.name])
        if get_origin(inner) is tuple:
            given[attribute.name] = [_from_text(get_args(inner)[0], text) for text in found]
        elif len(found) > 1:
            flaws.append(Flaw(attribute.name, "This parameter may be given once"))
        else:
            given[attribute.name] = _from_text(inner, found[0])
    value = _read_class(kind, given, "", flaws, 0, named=True)
    if flaws:
        raise Flawed(flaws)
    return value


def to_json(value: Any) -> Any:
    """What `json.dumps` takes, for a value."""
    if has(type(value)):
        return {one.name: to_json(getattr(value, one.name)) for one in fields(type(value))}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: to_json(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(one) for one in value]
    return value


def written(value: Any) -> bytes:
    """A value as a JSON document, with an end of line for those who read it on a terminal."""
    return json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def optional(hint: Any) -> tuple[Any, bool]:
    """A type without its None, and whether it had one."""
    if get_origin(hint) in (Union, UnionType):
        rest = [one for one in get_args(hint) if one is not _NONE]
        assert len(rest) == 1, "a value has one type, with or without None"
        return rest[0], True
    return hint, False


# ---------------------------------------------------------------- reading


def _read(
    hint: Any, given: Any, at: str, flaws: list[Flaw], facet: Facet | None, depth: int
) -> Any:
    inner, may_be_none = optional(hint)
    if given is None:
        return None if may_be_none else _flawed(flaws, at, "This must not be null")
    if depth > MAX_DEPTH:
        return _flawed(flaws, at, "This is nested too deeply")
    if has(inner):
        return _read_class(inner, given, at, flaws, depth)
    origin = get_origin(inner)
    if origin is tuple:
        return _read_array(get_args(inner)[0], given, at, flaws, facet, depth)
    if origin is not None:
        return _read_mapping(get_args(inner)[1], given, at, flaws, depth)
    return _read_plain(inner, given, at, flaws, facet)


def _read_class(
    kind: type[Any], given: Any, at: str, flaws: list[Flaw], depth: int, named: bool = False
) -> Any:
    """`named`: the flaws are those of parameters, which are named and not pointed at."""
    if not isinstance(given, Mapping):
        return _flawed(flaws, at, "This must be an object")
    hints = get_type_hints(kind)
    known = [attribute.name for attribute in fields(kind)]
    before = len(flaws)
    for name in sorted(set(given) - set(known)):
        _flawed(flaws, _below(at, name), f"There is no such field; known are {', '.join(known)}")
    values = {}
    for attribute in fields(kind):
        where = attribute.name if named else _below(at, attribute.name)
        if attribute.name in given:
            hint, facet = hints[attribute.name], facet_of(attribute)
            values[attribute.name] = _read(
                hint, given[attribute.name], where, flaws, facet, depth + 1
            )
        elif attribute.default is NOTHING:
            _flawed(flaws, where, "This must be given")
    return kind(**values) if len(flaws) == before else None


def _read_array(
    hint: Any, given: Any, at: str, flaws: list[Flaw], facet: Facet | None, depth: int
) -> Any:
    if not isinstance(given, list):
        return _flawed(flaws, at, "This must be an array")
    if facet is not None and facet.max_length is not None and len(given) > facet.max_length:
        return _flawed(flaws, at, f"There may be {facet.max_length} of these")
    return tuple(
        [
            _read(hint, one, _below(at, str(number)), flaws, None, depth + 1)
            for number, one in enumerate(given)
        ]
    )


def _read_mapping(hint: Any, given: Any, at: str, flaws: list[Flaw], depth: int) -> Any:
    if not isinstance(given, Mapping):
        return _flawed(flaws, at, "This must be an object")
    return {
        name: _read(hint, one, _below(at, name), flaws, None, depth + 1)
        for name, one in given.items()
    }


def _read_plain(kind: Any, given: Any, at: str, flaws: list[Flaw], facet: Facet | None) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        allowed = [one.value for one in kind]
        if given not in allowed:
            return _flawed(flaws, at, f"This must be one of: {', '.join(map(str, allowed))}")
        return kind(given)
    if kind is datetime:
        return _read_time(given, at, flaws)
    if kind is int and isinstance(given, float) and given.is_integer():
        given = int(given)  # JSON Schema takes 1.0 for a whole number, too
    words = {str: "a string", int: "a whole number", bool: "true or false"}
    if type(given) is not kind:
        return _flawed(flaws, at, f"This must be {words[kind]}")
    wrong = _outside(given, facet or _ANY)
    return _flawed(flaws, at, wrong) if wrong else given


def _read_time(given: Any, at: str, flaws: list[Flaw]) -> Any:
    try:
        time = moment_of(given)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        text = "This must be a time with its zone (RFC 3339), such as 2026-01-31T12:00:00Z"
        return _flawed(flaws, at, text)
    return time


def flaw_of_text(given: str, facet: Facet) -> str:
    """What is wrong with a text; nothing if it is what was said of it."""
    if _UNTEXT.search(given):
        return "This must be text: without NUL, and without halves of surrogate pairs"
    if facet.min_length is not None and len(given) < facet.min_length:
        return f"This must have at least {facet.min_length} characters"
    if facet.max_length is not None and len(given) > facet.max_length:
        return f"This may have {facet.max_length} characters"
    if facet.pattern is not None and not re.search(facet.pattern, given):
        return f"This must match {facet.pattern}"
    return ""


def _outside(given: Any, facet: Facet) -> str:
    """What is wrong with a value of the right type; nothing if it is in its bounds."""
    if isinstance(given, str):
        return flaw_of_text(given, facet)
    if not -(1 << 63) <= given < 1 << 63:
        return "This number is too large"
    if facet.minimum is not None and given < facet.minimum:
        return f"This must be at least {facet.minimum}"
    if facet.maximum is not None and given > facet.maximum:
        return f"This may be at most {facet.maximum}"
    return ""


def _from_text(hint: Any, text: str) -> Any:
    """What a parameter is; text that is no such thing stays what it is, and is found later."""
    if hint is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if hint is int and re.fullmatch(r"-?[0-9]{1,40}", text):
        return int(text)
    return text


def _flawed(flaws: list[Flaw], at: str, text: str) -> None:
    if len(flaws) < MAX_FLAWS:
        flaws.append(Flaw(at, text))


def _below(at: str, name: str) -> str:
    return f"{at}/{name.replace('~', '~0').replace('/', '~1')}"


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _plainly(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error)
