"""include (RFC 6609): scripts in scripts, `return`, and variables that are shared.

A script that is missing, that includes itself, or that does not compile is a runtime error, never
one when the script is stored: that would force an order on uploads (RFC 6609 §3.1)."""

import re
from typing import Final, Literal

from attrs import define, field

from sora.sieve.body import Body, at
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import LoadScript
from sora.sieve.errors import ScriptErrors
from sora.sieve.extension import Asking, Command, Extension, Kind, Namespace, Parameter, Tag
from sora.sieve.extensions.variables import Shared, Variables, store
from sora.sieve.presenting import present, restore
from sora.sieve.problems import Return
from sora.sieve.run import Frame, Run
from sora.sieve.script import Script

MAX_NAME: Final = 512
"""Octets of a script's name (RFC 5804 §1.6 wants 512)."""
# RFC 5804 §1.6, and what would be a place in a file system (RFC 6609 §4).
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/]")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LOCATION: Final = "location"


@define(eq=False)
class _Included:
    """The scripts that a run has included, by where they are kept and their names."""

    scripts: set[tuple[str, str]] = field(factory=set)
    count: int = 0


def _include(run: Run, call: Call) -> Asking[None]:
    name = call.string(run, "name")
    location: Literal["personal", "global"] = "global" if call.has("global") else "personal"
    included = run.own(_Included)
    recursive = any((frame.location, frame.name) == (location, name) for frame in run.frames)
    if call.has("once") and (recursive or (location, name) in included.scripts):
        return
    if recursive:
        raise run.problem(f"The script {shown(name)} includes itself")
    included.count += 1
    if len(run.frames) > run.limits.include_depth:
        raise run.problem(f"Scripts are included deeper than {run.limits.include_depth} levels")
    if included.count > run.limits.includes:
        raise run.problem(f"More than {run.limits.includes} scripts are included")
    answer: Script | ScriptErrors | None = yield LoadScript(name, location)
    if answer is None:
        if not call.has("optional"):
            raise run.problem(f"There is no script {shown(name)} to include")
        return
    if isinstance(answer, ScriptErrors):
        raise run.problem(f"The script {shown(name)} has an error: {answer.errors[0]}")
    included.scripts.add((location, name))
    run.note(f"include {shown(name)}")
    yield from _shown_part(run, Frame(answer, name, location))


def _shown_part(run: Run, frame: Frame) -> Asking[None]:
    """Run a script, which sees the part that a `foreverypart` is at as the message, and nothing of
    the loop (RFC 6609 §3.5)."""
    body = run.own(Body)
    loops, body.loops = body.loops, []
    if not loops:
        yield from run.script(frame)
        return
    try:
        part = at(body.tree(run), loops[-1].path)
        if part is None or part is body.tree(run):
            yield from run.script(frame)
        else:
            around = present(run, body, part)
            yield from run.script(frame)
            # Not when the run ends in it: then this is what its end is made from.
            restore(run, around)
    finally:
        body.loops = loops


def _return(run: Run, call: Call) -> None:
    run.note("return")
    raise Return


def _global(run: Run, call: Call) -> None:
    mine = run.frame.own(Variables)
    for name in call.strings(run, "names"):
        name = name.lower()
        if name in mine.values:
            raise run.problem(f"The variable {shown(name)} was set before it was declared global")
        if len(mine.shared) >= run.limits.variables:
            raise run.problem(f"The script has more than {run.limits.variables} variables")
        mine.shared.add(name)


def _check_script(checking: Checking, at: int, text: str) -> None:
    if not text or len(text.encode("utf-8", "replace")) > MAX_NAME or _FORBIDDEN.search(text):
        checking.error(at, f"{shown(text)} cannot be the name of a script")


def _check_name(checking: Checking, at: int, text: str) -> None:
    if not _PLAIN.match(text):
        checking.error(at, f"{shown(text)} is not a name of a variable: letters, digits and '_'")


def _check_global(checking: Checking, call: Call) -> None:
    if not checking.has("variables"):
        checking.error(call.at, "'global' needs: require \"variables\";")


def _get(run: Run, name: str) -> str:
    return run.own(Shared).values.get(name, "")


def _put(run: Run, name: str, value: str) -> None:
    store(run, run.own(Shared).values, name, value)


EXTENSION: Final = Extension(
    "include",
    words=(
        Command(
            "include",
            _include,
            (Parameter("name", Kind.STRING, constant=True, check=_check_script),),
            (
                Tag("personal", group=_LOCATION),
                Tag("global", group=_LOCATION),
                Tag("once"),
                Tag("optional"),
            ),
        ),
        Command("return", _return, ends=True),
        Command(
            "global",
            _global,
            (Parameter("names", Kind.STRINGS, constant=True, check=_check_name),),
            check=_check_global,
        ),
    ),
    namespaces=(Namespace("global", _get, _put, lambda name: _PLAIN.match(name) is not None),),
)
