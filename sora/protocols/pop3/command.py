"""What a command of POP3 is: its word, when it is allowed, how it is read, what it does.

`parse` is given what stands behind the word. `run` does the work and gives the text behind +OK, or
None when it has answered itself, with several lines; it never writes -ERR, it raises an error of
`sora.errors`.
"""

from typing import TYPE_CHECKING, ClassVar, Final, Self

from sora.protocols.pop3.wire.arguments import nothing

if TYPE_CHECKING:
    from sora.protocols.pop3.session import Session


class State:
    """The states of RFC 1939 §3, as bits: a command names those it is allowed in. UPDATE is
    what QUIT does."""

    AUTHORIZATION: Final = 1
    TRANSACTION: Final = 2
    ANY: Final = AUTHORIZATION | TRANSACTION


class Command:
    """The root of all commands; `secret` ones are logged without their arguments."""

    word: ClassVar[bytes]
    states: ClassVar[int] = State.TRANSACTION
    secret: ClassVar[bool] = False

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        """Read the arguments. Raises BadSyntax."""
        nothing(rest, cls.word.decode("ascii"))
        return cls()

    async def run(self, session: "Session") -> str | None:
        """Do it."""
        raise NotImplementedError
