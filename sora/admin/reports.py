"""How results are printed: a table for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, TextIO

from sora.admin.output import Octets, printable, size_text, time_text
from sora.admin.progress import Progress


class _Report:
    """Results go to `stdout`; whoever waits for them looks at `stderr`."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr

    def note(self, text: str) -> None:
        """A line beside the results."""
        self._stderr.write(f"sora-admin: {printable(text)}\n")

    def progress(self) -> Progress:
        """How far the work is that begins now."""
        return Progress(self._stderr, monotonic)


class TextReport(_Report):
    """Sentences and tables."""

    def say(self, text: str, **fields: Any) -> None:
        """One sentence."""
        self._stdout.write(printable(text) + "\n")

    def text(self, text: str, **fields: Any) -> None:
        """As it is."""
        self._stdout.write(text if text.endswith("\n") else text + "\n")

    def table(self, headings: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Columns of their own width; numbers to the right."""
        cells = [[_cell(name, row.get(name)) for name in headings] for row in rows]
        widths = [
            max(len(heading), *(len(row[place]) for row in cells), 0)
            for place, heading in enumerate(headings)
        ]
        right = [any(isinstance(row.get(name), int) for row in rows) for name in headings]
        right = [
            to_right and not any(isinstance(row.get(name), bool) for row in rows)
            for to_right, name in zip(right, headings, strict=True)
        ]
        for row in [[heading.upper() for heading in headings], *cells]:
            padded = [
                cell.rjust(width) if to_right else cell.ljust(width)
                for cell, width, to_right in zip(row, widths, right, strict=True)
            ]
            self._stdout.write("  ".join(padded).rstrip() + "\n")


class JSONReport(_Report):
    """One JSON document for each command: an object, or a list of objects."""

    def say(self, text: str, **fields: Any) -> None:
        """The fields of the sentence."""
        self._print({"done": text, **fields} if text else fields)

    def text(self, text: str, **fields: Any) -> None:
        """The fields."""
        self._print(fields)

    def table(self, headings: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """All fields of all rows."""
        self._print([dict(row) for row in rows])

    def _print(self, value: Any) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
        self._stdout.write(text + "\n")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, list):
        return printable(", ".join(map(str, value))).replace("\n", "\\n")
    is_size = isinstance(value, Octets) or (name == "size" and isinstance(value, int))
    # A row is a line, whatever is in it.
    return size_text(value) if is_size else printable(str(value)).replace("\n", "\\n")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
