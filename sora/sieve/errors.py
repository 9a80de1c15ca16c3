"""What is wrong with a script: before it runs, and while it runs."""

from collections.abc import Sequence

from attrs import frozen

from sora.errors import BadArgument


@frozen(order=True)
class ScriptError:
    """An error or a warning: `line` and `column` begin with 1, `text` is a sentence for the author
    of the script."""

    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


class ScriptErrors(BadArgument):
    """The script is not valid."""

    def __init__(self, errors: Sequence[ScriptError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\r\n".join(str(error) for error in self.errors))


@frozen
class RuntimeProblem:
    """What ended a script before its end. `script` is the name of an included script, "" in the
    script itself."""

    line: int
    column: int
    text: str
    script: str = ""

    def __str__(self) -> str:
        where = f"{self.script}: " if self.script else ""
        return f"{where}line {self.line}, column {self.column}: {self.text}"
