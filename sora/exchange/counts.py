"""What came of an import or an export: four numbers that add up, and what went wrong."""

from typing import Any, Final

from attrs import define, field

from sora.errors import SoraError
from sora.exchange.source import Problem

MAX_PROBLEMS: Final = 1000
"""problems that are kept to be named; all are counted"""


@define
class Counts:
    """Messages: those that were `seen` are the `done`, the `skipped` and the `failed` ones
    together, and those that were left when it was stopped. `octets` are those of what was done."""

    seen: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    gone: int = 0
    """those of `skipped` that went away while it ran"""
    changed: int = 0
    """those of `skipped` that got other flags"""
    octets: int = 0
    expected: int = 0
    folders: int = 0
    problems: list[Problem] = field(factory=list, repr=False)
    unnamed: int = 0
    """problems that are not among `problems`, because there are too many"""
    stopped: SoraError | None = None

    @property
    def left(self) -> int:
        """Messages that were seen, and nothing was done about."""
        return self.seen - self.done - self.skipped - self.failed

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not (self.failed or self.left or self.problems or self.stopped)

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        handled = self.done + self.skipped + self.failed
        return min(handled / max(self.expected, handled, 1), 1.0)

    def note(self, problem: Problem) -> None:
        """Something went wrong, which is not one of the messages that were seen."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        else:
            self.unnamed += 1

    def fail(self, problem: Problem) -> None:
        """Messages that were seen have failed."""
        self.failed += problem.count
        self.note(problem)

    def numbers(self) -> dict[str, int]:
        """How many of what."""
        return {
            "folders": self.folders,
            "seen": self.seen,
            "done": self.done,
            "skipped": self.skipped,
            "failed": self.failed,
            "left": self.left,
            "gone": self.gone,
            "changed": self.changed,
            "octets": self.octets,
        }

    def fields(self, most: int = MAX_PROBLEMS) -> dict[str, Any]:
        """For programs; at most so many problems are named."""
        named = self.problems[:most]
        return {
            **self.numbers(),
            "problems": [{"where": one.where, "text": one.text} for one in named],
            "unnamed": self.unnamed + len(self.problems) - len(named),
        }
