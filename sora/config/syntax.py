"""The text of a configuration becomes tables, in bounded time and memory, or one problem.

`tomllib` of the standard library reads; the package `toml`, which writes the configuration of the
embedded mode, is not used for it: it needs minutes, or gigabytes, for some texts that are short,
and passes over mistakes such as a list that never ends. `tomllib` is quick for all that is not
nested, but takes the square of the length for long dotted keys, and ends at Python's depth of
calls. So before it reads anything, one pass over the text looks for what no configuration has.
"""

import re
import tomllib
from typing import Any, Final, NoReturn

from sora.config.problems import ConfigError, Problem

MAX_DEPTH: Final = 20
"""lists and tables in each other; a configuration has three"""
MAX_BRACKETS: Final = 5_000
"""brackets and braces that are opened: two for each server, one for each table and list"""
MAX_STEPS: Final = 30
"""parts of a dotted key"""
MAX_DIGITS: Final = 100
"""digits of a number"""

_STEP: Final = r"""\.[ \t]*+(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+"""
_LOOK: Final = re.compile(
    # Texts and comments, whatever is in them; one that never ends goes to the end.
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+(?:"{3,5})?'
    r"|'''(?:[^']|'{1,2}(?!'))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    rf"|(?P<key>(?:{_STEP}){{{MAX_STEPS}}})"
    rf"|(?P<digits>(?<![\w-])[0-9][0-9a-fA-Fox_]{{{MAX_DIGITS}}})"
)


def parse(text: str, name: str) -> dict[str, Any]:
    """The tables of a configuration called `name`. Raises ConfigError."""
    _require_reasonable(text, name)
    try:
        return tomllib.loads(text)
    except ValueError as error:
        reason, _, position = str(error).rpartition(" (at ")
        line = len(text.splitlines())
        if position.startswith("line "):
            line = int(position.removeprefix("line ").partition(",")[0])
        reason = f"this is not valid TOML: {reason[:1].lower()}{reason[1:]}"
        raise ConfigError([Problem(_place(name, line), "", reason)]) from None


def _require_reasonable(text: str, name: str) -> None:
    """Raises ConfigError for what no configuration has, and a parser might take long for."""
    depth = opened = 0

    def refuse(found: "re.Match[str]", what: str) -> NoReturn:
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigError([Problem(_place(name, line), "", f"this is no configuration: {what}")])

    for found in _LOOK.finditer(text):
        kind = found.lastgroup
        if kind == "open":
            depth += 1
            opened += 1
            if depth > MAX_DEPTH:
                refuse(found, "lists or tables are nested too deeply")
            if opened > MAX_BRACKETS:
                refuse(found, f"it has more than {MAX_BRACKETS} lists and tables")
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "key":
            refuse(found, f"a key has more than {MAX_STEPS} parts")
        elif kind == "digits":
            refuse(found, f"a number has more than {MAX_DIGITS} digits")


def _place(name: str, line: int) -> str:
    return f"{name}:{line}" if name and line else name
