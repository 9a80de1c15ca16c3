"""Lists of accounts that are to be made: CSV with a first line of names, or a JSON object a line.

Nothing is made here: each line becomes a wish, or a problem that says what is wrong with it.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from attrs import field, frozen

from sora.config.units import read_size
from sora.errors import BadArgument

FIELDS: Final = (
    "email",
    "password",
    "password_hash",
    "aliases",
    "quota_storage",
    "quota_messages",
)
MAX_LINE: Final = 65_536
"""characters of a line"""
MAX_ALIASES: Final = 1000
"""aliases of one account"""


@frozen
class WantedAccount:
    """An account that is to be made. One of `password` and `password_hash` is not empty."""

    email: str
    password: str = field(default="", repr=False)
    password_hash: str = field(default="", repr=False)
    aliases: tuple[str, ...] = ()
    quota_storage: int | None = None
    quota_messages: int | None = None


@frozen
class BadLine:
    """A line that is none, and why."""

    reason: str


def read_list(lines: Iterable[str]) -> Iterator[tuple[int, WantedAccount | BadLine]]:
    """What stands in each line, with its number. Empty lines are no lines.

    Raises:
        BadArgument: the first line is none of the two forms, or a line never ends.
    """
    numbered = ((number, _bounded(line)) for number, line in enumerate(lines, 1))
    first = next(((number, line) for number, line in numbered if line.strip()), None)
    if first is None:
        return
    if first[1].lstrip().startswith("{"):
        yield from _json_lines(chain([first], numbered))
    else:
        yield from _csv_lines(first, numbered)


def _bounded(line: str) -> str:
    if len(line) > MAX_LINE:
        raise BadArgument(f"A line has more than {MAX_LINE} characters")
    return line.removeprefix("\ufeff")


def _json_lines(
    numbered: Iterable[tuple[int, str]],
) -> Iterator[tuple[int, WantedAccount | BadLine]]:
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            yield number, BadLine("this is not a JSON object in one line")
            continue
        yield number, _wanted(document)


def _csv_lines(
    first: tuple[int, str], numbered: Iterable[tuple[int, str]]
) -> Iterator[tuple[int, WantedAccount | BadLine]]:
    names = [name.strip().lower() for name in next(csv.reader([first[1]]))]
    unknown = [name for name in names if name not in FIELDS]
    if unknown or "email" not in names or len(set(names)) < len(names):
        raise BadArgument(
            f"The first line names the columns: email and others of {', '.join(FIELDS)}, each once;"
            " or each line is a JSON object"
        )
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            [values] = csv.reader([line])
        except csv.Error as error:
            yield number, BadLine(f"this is no CSV: {error}")
            continue
        if len(values) != len(names):
            yield number, BadLine(f"there are {len(values)} values for {len(names)} columns")
            continue
        given: dict[str, Any] = dict(zip(names, values, strict=True))
        given["aliases"] = given.get("aliases", "").split()
        yield number, _wanted({name: value for name, value in given.items() if value})


def _wanted(document: Any) -> WantedAccount | BadLine:
    if not isinstance(document, dict):
        return BadLine("this is not a JSON object in one line")
    unknown = [name for name in document if name not in FIELDS]
    if unknown:
        return BadLine(f"there is no {unknown[0]!r}: known are {', '.join(FIELDS)}")
    texts = {name: _text(document, name) for name in ("email", "password", "password_hash")}
    if None in texts.values() or not texts["email"]:
        return BadLine("email, password and password_hash are texts, and there must be an email")
    if bool(texts["password"]) == bool(texts["password_hash"]):
        return BadLine("there must be a password or a password_hash, one of the two")
    aliases = document.get("aliases") or []
    if not isinstance(aliases, list) or not all(isinstance(one, str) for one in aliases):
        return BadLine("aliases are addresses")
    if len(aliases) > MAX_ALIASES:
        return BadLine(f"there are more than {MAX_ALIASES} aliases")
    try:
        storage, messages = _number(document, "quota_storage"), _number(document, "quota_messages")
    except ValueError as error:
        return BadLine(str(error))
    return WantedAccount(
        texts["email"] or "",
        texts["password"] or "",
        texts["password_hash"] or "",
        tuple(aliases),
        storage,
        messages,
    )


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name, "")
    return value if isinstance(value, str) else None


def _number(document: Mapping[str, Any], name: str) -> int | None:
    """A number, or a size as `10gb`. Raises ValueError."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        if isinstance(value, str):
            return int(value) if value.isascii() and value.isdigit() else read_size(value)
    except ValueError:
        pass
    raise ValueError(f"{name} is a number, or a size such as 10gb")
