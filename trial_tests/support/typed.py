"""A transcript of a shell that is typed again: commands, what they print, how they end.

    $ twistd sora-admin accounts list       a command, as it is typed
    > y                                     what is answered to its question, at a terminal
    ann@example\\.com                        a pattern that a line of the output has to match
    [1]                                     the exit code, when it is not 0

Patterns are regular expressions (`re.search`), in any order. What a command has `> ` below it
gets a terminal as its standard input.
"""

import os
import pty
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from unittest import TestCase

from attrs import define, field

CALL_SECONDS = 120


@define
class Step:
    """A command with what is expected of it."""

    command: str
    answers: list[str] = field(factory=list)
    patterns: list[str] = field(factory=list)
    code: int = 0


def steps_of(transcript: str) -> Iterator[Step]:
    """The commands of a transcript."""
    step: Step | None = None
    for line in dedent(transcript).strip().splitlines():
        if line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(line[2:])
            continue
        assert step is not None, line
        if line.startswith("> "):
            step.answers.append(line[2:])
        elif re.fullmatch(r"\[\d+\]", line):
            step.code = int(line[1:-1])
        elif line:
            step.patterns.append(line)
    if step is not None:
        yield step


def type_again(
    test: TestCase, transcript: str, directory: Path, environment: Mapping[str, str]
) -> str:
    """Type all commands in a shell of `directory`; gives what the last one printed."""
    said = ""
    for step in steps_of(transcript):
        code, said = _typed(step, directory, environment)
        told = f"$ {step.command}\n{said}"
        test.assertEqual(code, step.code, told)
        for pattern in step.patterns:
            test.assertRegex(said, re.compile(pattern, re.MULTILINE), told)
    return said


def _typed(step: Step, directory: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    screen, keyboard = pty.openpty()
    try:
        os.write(screen, "".join(f"{answer}\n" for answer in step.answers).encode())
        done = subprocess.run(
            ["sh", "-c", step.command],
            cwd=directory,
            env={**os.environ, **environment},
            stdin=keyboard if step.answers else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=CALL_SECONDS,
        )
    finally:
        os.close(screen)
        os.close(keyboard)
    return done.returncode, done.stdout.decode("utf-8", "replace")
