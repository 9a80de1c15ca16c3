"""variables (RFC 5229): `${name}` in strings, `set`, and the test `string`.

Variables belong to the script that sets them; those that it declares `global`, and the namespace
`global.`, are shared with included scripts (RFC 6609 §3.4). A value that is too long is cut, which
is no error (RFC 5229 §6); too many variables, or too much in all of them, is one."""

import re
from collections.abc import Callable
from typing import Final

from attrs import define, field, frozen

from sora.sieve.call import Call, Template
from sora.sieve.checking import Checking, shown
from sora.sieve.comparators import ascii_lower, ascii_upper
from sora.sieve.extension import Asking, Command, Extension, Kind, Parameter, Tag, Test
from sora.sieve.run import Run

MAX_NAME: Final = 64
"""Characters; RFC 5229 §6 wants 32."""
MAX_MATCH: Final = 999
"""The last match variable; RFC 5229 §6 wants 9."""

_IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_NAME: Final = rf"(?:{_IDENTIFIER}|[0-9]+)"
_REFERENCE: Final = re.compile(
    rf"\$\{{(?:({_IDENTIFIER})\.((?:{_NAME}\.)*{_NAME})|({_NAME}))\}}", re.ASCII
)
_PLAIN: Final = re.compile(rf"{_IDENTIFIER}\Z")
_SPACED: Final = re.compile(rf"({_IDENTIFIER})\.((?:{_NAME}\.)*{_NAME})\Z")
_WILDCARD: Final = re.compile(r"([*?\\])")

Read = Callable[[Run], str]


@define(eq=False)
class Variables:
    """The variables of one script: `run.frame.own(Variables)`. Names are in lower case; `shared`
    are those that it has declared global."""

    values: dict[str, str] = field(factory=dict)
    shared: set[str] = field(factory=set)


@define(eq=False)
class Shared:
    """The variables that all scripts of a run can share: `run.own(Shared)`."""

    values: dict[str, str] = field(factory=dict)


# ------------------------------------------------------------------ reading and storing


def get(run: Run, name: str) -> str:
    """The value of a variable, with a namespace or without; "" if it has none."""
    name = name.lower()
    spaced = _SPACED.match(name)
    if spaced is not None:
        space, extension = run.frame.script.dialect.namespaces.get(spaced[1], (None, ""))
        return space.get(run, spaced[2]) if space is not None and run.frame.has(extension) else ""
    mine = run.frame.own(Variables)
    values = run.own(Shared).values if name in mine.shared else mine.values
    return values.get(name, "")


def put(run: Run, name: str, value: str) -> None:
    """Store a value under a name, as `set` writes it: with a namespace or without."""
    name = name.lower()
    spaced = _SPACED.match(name)
    value = value[: run.limits.string]
    if spaced is None:
        mine = run.frame.own(Variables)
        store(run, run.own(Shared).values if name in mine.shared else mine.values, name, value)
    else:
        space = run.frame.script.dialect.namespaces[spaced[1]][0]
        assert space.put is not None
        space.put(run, spaced[2], value)


def store(run: Run, values: dict[str, str], name: str, value: str) -> None:
    """Store a value, and pay for it."""
    if name not in values and len(values) >= run.limits.variables:
        raise run.problem(f"The script has more than {run.limits.variables} variables")
    run.hold(len(value) - len(values.get(name, "")))
    values[name] = value


def check_name(checking: Checking, at: int, text: str) -> None:
    """A name that can be stored under."""
    spaced = _SPACED.match(text)
    if len(text) > MAX_NAME:
        checking.error(at, f"The name of a variable has more than {MAX_NAME} characters")
    elif spaced is not None:
        space, extension = checking.dialect.namespaces.get(spaced[1].lower(), (None, ""))
        if space is None or not checking.has(extension):
            checking.error(at, f"There is no namespace '{spaced[1]}' of variables here")
        elif space.put is None or not space.valid(spaced[2].lower()):
            checking.error(at, f"The variable {shown(text)} cannot be set")
    elif text.isdigit():
        checking.error(at, f"The match variable {shown(text)} cannot be set")
    elif not _PLAIN.match(text):
        checking.error(at, f"{shown(text)} is not a name of a variable: letters, digits and '_'")


# ------------------------------------------------------------------ strings


@frozen
class _Expanding:
    """A string with variables in it: texts, and functions that read a variable."""

    source: str
    parts: tuple["str | Read", ...]

    def expand(self, run: Run) -> str:
        """The string, cut where it gets too long."""
        found: list[str] = []
        rest = run.limits.string
        for part in self.parts:
            text = part if isinstance(part, str) else part(run)
            found.append(text[:rest])
            rest -= len(text)
            if rest <= 0:
                break
        run.spend(len(self.parts) // 8)
        return "".join(found)


def _text(checking: Checking, at: int, value: "str | Template") -> "str | Template":
    if not isinstance(value, str) or "${" not in value:
        return value
    parts: list[str | Read] = []
    end = 0
    for found in _REFERENCE.finditer(value):
        if found.start() > end:
            parts.append(value[end : found.start()])
        parts.append(_reader(checking, at, *found.groups()))
        end = found.end()
    if not parts:
        return value
    if end < len(value):
        parts.append(value[end:])
    return _Expanding(value, tuple(parts))


def _reader(
    checking: Checking, at: int, namespace: str | None, rest: str | None, name: str | None
) -> Read:
    if namespace is not None and rest is not None:
        space, extension = checking.dialect.namespaces.get(namespace.lower(), (None, ""))
        if space is None or not checking.has(extension) or not space.valid(rest.lower()):
            checking.error(at, f"There is no variable {shown(f'{namespace}.{rest}')} here")
            return lambda run: ""
        read, inner = space.get, rest.lower()
        return lambda run: read(run, inner)
    assert name is not None
    if name.isdigit():
        return _match_reader(checking, at, name)
    plain = name.lower()

    def read_plain(run: Run) -> str:
        mine = run.frame.own(Variables)
        values = run.own(Shared).values if plain in mine.shared else mine.values
        return values.get(plain, "")

    return read_plain


def _match_reader(checking: Checking, at: int, digits: str) -> Read:
    number = int(digits) if len(digits.lstrip("0")) <= 3 else MAX_MATCH + 1
    if number > MAX_MATCH:
        checking.error(at, f"There are no match variables after ${{{MAX_MATCH}}}")
        number = 0

    def read(run: Run) -> str:
        return run.frame.matches[number] if number < len(run.frame.matches) else ""

    return read


# ------------------------------------------------------------------ words


def _set(run: Run, call: Call) -> None:
    value = call.string(run, "value")
    for tag in call.tags:
        assert tag.apply is not None
        value = tag.apply(run, call, value)
    name = call.string(run, "name")
    put(run, name, value)
    if run.context.trace:
        run.note(f"set {shown(name)} to {shown(value)}")


def _string(run: Run, call: Call) -> Asking[bool] | bool:
    sources = call.strings(run, "sources")
    # The count of an empty string is 0 (RFC 5229 §5).
    return run.matches_any(call, [one for one in sources if one or not call.counts])


def _lower_first(run: Run, call: Call, text: str) -> str:
    return ascii_lower(text[:1]) + text[1:]


def _upper_first(run: Run, call: Call, text: str) -> str:
    return ascii_upper(text[:1]) + text[1:]


def _modifier(name: str, order: int, apply: Callable[[Run, Call, str], str]) -> Tag:
    """Of one precedence there can be one (RFC 5229 §4.1)."""
    return Tag(name, group=f"precedence {order}", order=order, apply=apply)


MODIFIERS: Final = (
    _modifier("lower", 40, lambda run, call, text: ascii_lower(text)),
    _modifier("upper", 40, lambda run, call, text: ascii_upper(text)),
    _modifier("lowerfirst", 30, _lower_first),
    _modifier("upperfirst", 30, _upper_first),
    _modifier("quotewildcard", 20, lambda run, call, text: _WILDCARD.sub(r"\\\1", text)),
    _modifier("length", 10, lambda run, call, text: str(len(text))),
)

EXTENSION: Final = Extension(
    "variables",
    words=(
        Command(
            "set",
            _set,
            (
                Parameter("name", Kind.STRING, constant=True, check=check_name),
                Parameter("value", Kind.STRING),
            ),
            MODIFIERS,
        ),
        Test(
            "string",
            _string,
            (Parameter("sources", Kind.STRINGS), Parameter("keys", Kind.STRINGS)),
            matching=True,
        ),
    ),
    text=_text,
)
