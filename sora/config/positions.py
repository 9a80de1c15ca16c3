"""The lines of a TOML file on which its keys stand.

The parser gives no positions, so the file is scanned once more, for headings and keys
only. What the scan does not understand has no line of its own, and the error then names
the line of the table around it.
"""

import re
from collections.abc import Mapping
from typing import Final

from sora.config.problems import Path

# Possessive throughout: a long line is gone through once.
_HEADING = re.compile(r"\s*+(\[\[?)([^\]#]++)\]\]?\s*+(?:#.*)?$")
_KEY = re.compile(
    r"""\s*+((?:[\w-]++|"[^"]*+"|'[^']*+')(?:\s*+\.\s*+(?:[\w-]++|"[^"]*+"|'[^']*+'))*+)\s*+="""
)
_STEP = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_QUOTES: Final = ('"""', "'''")


def positions(text: str) -> dict[Path, int]:
    """The line, from 1, of each heading and key, by its path."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            if line.count(inside) % 2:
                inside = ""
            continue
        if heading := _HEADING.match(line):
            table = _resolve(_steps(heading[2]), counts, is_array=heading[1] == "[[")
            lines.setdefault(table, number)
        elif found := _KEY.match(line):
            lines.setdefault(table + _steps(found[1]), number)
        inside = next((quote for quote in _QUOTES if line.count(quote) % 2), "")
    return lines


def line_of(path: Path, lines: Mapping[Path, int]) -> int | None:
    """The line of a key, or of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def misplaced_server_table(text: str) -> tuple[int, str] | None:
    """The first `[servers.…]` that stands above every `[[servers]]`: its line and name."""
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.match(line):
            steps = _steps(heading[2])
            if steps == ("servers",) and heading[1] == "[[":
                return None
            if steps[:1] == ("servers",):
                return number, ".".join(map(str, steps))
    return None


def _steps(text: str) -> Path:
    return tuple(step.strip("\"'") for step in _STEP.findall(text))


def _resolve(steps: Path, counts: dict[Path, int], is_array: bool) -> Path:
    """The path of a heading: below an array of tables it means the array's last entry."""
    path: Path = ()
    for step in steps[:-1]:
        path = (*path, step)
        if path in counts:
            path = (*path, counts[path])
    path = (*path, *steps[-1:])
    if is_array:
        counts[path] = counts.get(path, -1) + 1
        return (*path, counts[path])
    return path
