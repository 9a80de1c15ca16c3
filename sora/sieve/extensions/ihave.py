"""ihave (RFC 5463): what an extension brings can be used where an `ihave` has found it.

Which extensions there are is known when a script is compiled. `check.py` notes for each call what
an `ihave` must have found before; here is what finds it."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking
from sora.sieve.extension import Command, Extension, Kind, Parameter, Test
from sora.sieve.run import Run
from sora.sieve.vocabulary import Dialect


def _available(dialect: Dialect, name: str, required: bool) -> bool:
    """What changes the meaning of strings is never made available by `ihave` (RFC 5463 §4)."""
    extension = dialect.by_name.get(name) if name else None
    return extension is not None and (required or extension.text is None)


def _ihave(run: Run, call: Call) -> bool:
    script = run.frame.script
    names = call.strings(run, "capabilities")
    found = all(_available(script.dialect, name, name in script.requires) for name in names)
    if found:
        run.frame.enabled.update(name for one in names for name in script.dialect.with_implied(one))
    return found


def _check(checking: Checking, call: Call) -> None:
    for name in call.constants("capabilities"):
        if _available(checking.dialect, name, name in checking.requires):
            checking.maybe.update(checking.dialect.with_implied(name))


def _error(run: Run, call: Call) -> None:
    raise run.problem(call.string(run, "message").strip() or "The script ends itself: 'error'")


EXTENSION: Final = Extension(
    "ihave",
    words=(
        Test(
            "ihave",
            _ihave,
            (Parameter("capabilities", Kind.STRINGS, constant=True),),
            check=_check,
        ),
        Command("error", _error, (Parameter("message", Kind.STRING),), ends=True),
    ),
)
