"""What is wrong with a configuration, said so that it can be mended."""

from collections.abc import Sequence

from attrs import frozen

Path = tuple[str | int, ...]


@frozen
class Problem:
    """One thing that is wrong: where, which key, what, and what to do.

    `where` is `file:line`, or the name of an environment variable or option; `mend` a command
    of the shell, if one mends it.
    """

    where: str
    key: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.text, self.mend) if part)


class ConfigError(Exception):
    """The configuration cannot be used; all its problems at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: Path) -> str:
    """A path as people write it: `servers[1].addr`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
