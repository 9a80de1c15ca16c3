"""What a command of ManageSieve is: its word, when it is allowed, how it is read, what it does.

`parse` is given a scanner over the complete command and is plain sequential code. `run` does the
work and gives what stands behind OK; it never writes NO, it raises an error of `sora.errors`.
State, time, metrics and errors are the session's, for all commands alike.
"""

from collections.abc import Mapping
from enum import Flag
from typing import TYPE_CHECKING, ClassVar, Self

from attrs import frozen

from sora.errors import BadSyntax, SoraError, TooBig
from sora.protocols.managesieve.services import Limits
from sora.protocols.managesieve.wire.scanner import Scanner

if TYPE_CHECKING:
    from sora.protocols.managesieve.session import Session

MAX_STRINGS = 2
"""strings that any command takes"""


class State(Flag):
    """The states of RFC 5804 §2, as bits: a command names those it is allowed in."""

    GREETED = 1
    LOGGED_IN = 2
    ANY = GREETED | LOGGED_IN


@frozen
class Done:
    """What stands behind OK: a response code with its arguments, and words for a person."""

    code: bytes = b""
    text: str = ""


class Command:
    """The root of all commands.

    `codes` overrides rows of the table of errors; `secret` commands are logged without their
    arguments.
    """

    word: ClassVar[bytes]
    states: ClassVar[State] = State.LOGGED_IN
    secret: ClassVar[bool] = False
    codes: ClassVar[Mapping[type[SoraError], bytes]] = {}

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        """Read the arguments; the scanner stands behind the word. Raises BadSyntax."""
        return cls()

    @classmethod
    def require_room(cls, number: int, size: int, limits: Limits) -> None:
        """Whether the literal may be taken that is the command's `number`th and has `size`
        octets. Raises what the command is refused with."""
        if number > MAX_STRINGS:
            raise BadSyntax("There are more strings than the command takes")
        if size > limits.literal:
            raise BadSyntax(f"A string that is no script has at most {limits.literal} octets")

    async def run(self, session: "Session") -> Done:
        """Do it."""
        raise NotImplementedError


def script_too_big(limits: Limits) -> TooBig:
    """A script is larger than it may be (QUOTA/MAXSIZE)."""
    return TooBig(f"A script has at most {limits.script} octets")
