"""imap4flags (RFC 5232): flags of messages as sets in variables, and `:flags`.

A set of flags is a string with spaces in it. The internal variable is `run.flags`: it applies to
all `keep` and `fileinto` without `:flags`, and to the implicit keep. What is no flag that can be
set is ignored (RFC 5232 §2)."""

from collections.abc import Iterable
from typing import Any, Final

from attrs import evolve

from sora.errors import BadArgument
from sora.mail.flags import MAX_KEYWORDS_PER_COMMAND, fold_keyword, parse_flags
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.extension import Asking, Command, Extension, Kind, Parameter, Tag, Test
from sora.sieve.extensions import variables
from sora.sieve.run import Run

MAX_FLAGS: Final = MAX_KEYWORDS_PER_COMMAND
"""Of one set; what is more is ignored."""


def flags_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The flags in strings: split at spaces, without what is no flag, each once."""
    found: dict[str, str] = {}
    for text in texts:
        for name in text.split():
            key = fold_keyword(name)
            if key not in found and _valid(name):
                found[key] = name
                if len(found) >= MAX_FLAGS:
                    return tuple(found.values())
    return tuple(found.values())


def _valid(name: str) -> bool:
    try:
        return bool(parse_flags([name]))
    except BadArgument:
        return False


def _present(run: Run, call: Call) -> tuple[str, ...]:
    """The set that an action works on."""
    if call.has("variable"):
        return flags_of([variables.get(run, call.string(run, "variable"))])
    return run.flags or ()


def _store(run: Run, call: Call, flags: tuple[str, ...]) -> None:
    if call.has("variable"):
        variables.put(run, call.string(run, "variable"), " ".join(flags))
    else:
        run.flags = flags
    run.note(f"flags: {' '.join(flags)}")


def _given(run: Run, call: Call) -> tuple[str, ...]:
    texts = call.strings(run, "flags")
    run.spend(sum(map(len, texts)) // 64)
    return flags_of(texts)


def _setflag(run: Run, call: Call) -> None:
    _store(run, call, _given(run, call))


def _addflag(run: Run, call: Call) -> None:
    _store(run, call, flags_of(_present(run, call) + _given(run, call)))


def _removeflag(run: Run, call: Call) -> None:
    gone = {fold_keyword(name) for name in _given(run, call)}
    _store(run, call, tuple(one for one in _present(run, call) if fold_keyword(one) not in gone))


def _hasflag(run: Run, call: Call) -> Asking[bool] | bool:
    if call.has("variables"):
        names = call.strings(run, "variables")
        sets = [flags_of([variables.get(run, name)]) for name in names]
        flags = [flag for one in sets for flag in one]
    else:
        flags = list(run.flags or ())
    return run.matches_any(call, flags)


def _split_keys(call: Call, texts: tuple[str, ...]) -> tuple[str, ...]:
    """A key that is a list of flags is as many keys (RFC 5232 §4)."""
    if call.counts or not any(" " in text for text in texts):
        return texts
    return tuple(name for text in texts for name in text.split())


def _apply(run: Run, call: Call, action: Any) -> Any:
    return evolve(action, flags=_given(run, call))


def _check_variable(checking: Checking, at: int, text: str) -> None:
    if not checking.has("variables"):
        checking.error(at, 'A set of flags in a variable needs: require "variables";')
    else:
        variables.check_name(checking, at, text)


def _check_flags(checking: Checking, at: int, text: str) -> None:
    for name in text.split():
        if not _valid(name):
            checking.warn(at, f"{shown(name)} is not a flag that can be set: it is ignored")


def _command(name: str, run: Any) -> Command:
    return Command(
        name,
        run,
        (
            Parameter("variable", Kind.STRING, optional=True, check=_check_variable),
            Parameter("flags", Kind.STRINGS, check=_check_flags),
        ),
    )


_FLAGS: Final = (Tag("flags", Kind.STRINGS, apply=_apply, check_text=_check_flags),)

EXTENSION: Final = Extension(
    "imap4flags",
    words=(
        _command("setflag", _setflag),
        _command("addflag", _addflag),
        _command("removeflag", _removeflag),
        Test(
            "hasflag",
            _hasflag,
            (
                Parameter("variables", Kind.STRINGS, optional=True, check=_check_variable),
                Parameter("keys", Kind.STRINGS),
            ),
            matching=True,
            keys=_split_keys,
        ),
    ),
    tags={"keep": _FLAGS, "fileinto": _FLAGS},
)
