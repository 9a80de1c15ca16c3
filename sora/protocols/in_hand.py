"""How the commands of a conversation end, as operators hear of it: metrics, traces, the log.

A `Chronicle` is made once for a conversation: what all of its commands have in common. A
`CommandInHand` is the command that is being answered, one after the other.

    command.begin()
    ...
    command.waited += 2.5          the client's own seconds: they are not the server's (G66)
    ...
    command.answered("fetch", "ok")

Over LMTP a trace is of a whole message, from MAIL to its end, and metrics are of each command:
there is a chronicle, and no command in hand.
"""

from typing import Any, ClassVar, Protocol

from attrs import frozen
from twisted.logger import Logger

from sora.errors import SoraError
from sora.metrics.protocol import CommandMetrics
from sora.net.connection import Connection
from sora.tracing.commands import CommandTraces, InHand


class Speaker(Protocol):
    """Who answers commands: a session, or the part of it that does."""

    @property
    def log(self) -> Logger:
        """Where lines about them go."""

    @property
    def whose(self) -> str:
        """The address of who has logged in, or of who gets the message; empty before that."""


class Spoken(Protocol):
    """A class of commands, as far as it is told of."""

    word: ClassVar[bytes]
    secret: ClassVar[bool]
    """whether its arguments are nobody's business (G69)"""


@frozen(eq=False)
class Chronicle:
    """What the commands of one conversation have in common.

    `protocol` is what metrics call it, `session` is what the log calls the conversation: where
    that is empty, its peer stands for it. `slow` are the seconds from which on a command is told
    in the log (`[logging] slow_command`), 0 is never.
    """

    protocol: str
    session: str
    connection: Connection
    speaker: Speaker
    metrics: CommandMetrics
    slow: float

    def answered(self, command: str, outcome: str, seconds: float) -> None:
        """Count a command: it took so much of the server's own time."""
        self.metrics.answered(self.protocol, command, outcome, seconds)

    def failed(self, command: str, error: SoraError | None, is_bad: bool) -> None:
        """Count why a command was not done; `is_bad` is the client's fault. No error is a bug of
        ours."""
        self.metrics.failed(self.protocol, command, error, is_bad)

    def ended(self, trace: InHand, command: str, outcome: str, seconds: float) -> None:
        """End the trace of what was answered. If it was slow, the log says so, and the trace is
        kept."""
        is_slow = 0 < self.slow <= seconds
        if is_slow:
            trace.keep()
        whose = self.speaker.whose if is_slow or trace.names_users else ""
        peer = self.connection.peer
        fields = trace.end(command, outcome, seconds, whose, peer)
        if is_slow:
            self.speaker.log.warn(
                "session {session}: {command} took {duration} seconds",
                session=self.session or str(peer),
                command=command.upper(),
                duration=round(seconds, 1),
                user=whose,
                peer=str(peer),
                **fields,
            )

    def end(self, trace: InHand, command: str, outcome: str, seconds: float) -> None:
        """End the trace of what was answered, or will not be."""
        whose = self.speaker.whose if trace.names_users else ""
        trace.end(command, outcome, seconds, whose, self.connection.peer)


class CommandInHand:
    """The command of a conversation that is being answered: when it came, for how long its client
    was waited for, its trace."""

    __slots__ = ("_chronicle", "_clock", "_is_traced", "_started", "trace", "waited")

    def __init__(self, chronicle: Chronicle, traces: CommandTraces | None) -> None:
        self._chronicle = chronicle
        self._clock = chronicle.connection.clock
        self._started = 0.0
        self.waited = 0.0
        """seconds for which the client was waited for"""
        self.trace = InHand(traces, chronicle.session)
        self._is_traced = traces is not None

    def begin(self) -> None:
        """A command has come. Which, is said at its end."""
        self._started = self._clock.seconds()
        self.waited = 0.0
        self.trace.begin()

    @property
    def seconds(self) -> float:
        """What it has taken of the server's own time."""
        return self._clock.seconds() - self._started - self.waited

    def answered(self, command: str, outcome: str, seconds: float | None = None) -> None:
        """It has its answer: count it, and end its trace. `seconds` is what it took, if that is
        another time than what has passed."""
        if seconds is None:
            seconds = self.seconds
        chronicle = self._chronicle
        chronicle.answered(command, outcome, seconds)
        chronicle.ended(self.trace, command, outcome, seconds)

    def answered_at_once(self, command: str, seconds: float) -> None:
        """One that nobody had in hand has its answer already, the moment that it came."""
        chronicle = self._chronicle
        chronicle.answered(command, "ok", seconds)
        if self._is_traced:
            self.trace.begin()
            chronicle.end(self.trace, command, "ok", seconds)

    def gone(self, command: str) -> None:
        """The conversation is over: there will be no answer, if one is owed at all."""
        self._chronicle.end(self.trace, command, "gone", self.seconds)

    def failed(self, kind: type[Spoken] | None, error: SoraError | None, is_bad: bool) -> None:
        """Count why it was not done, as `Chronicle.failed` does."""
        self._chronicle.failed(name_of(kind), error, is_bad)

    def not_done(self, kind: type[Spoken] | None, text: bytes, error: SoraError) -> None:
        """Say in the log what it failed of, if that is inside of the house."""
        if error.inside:
            self.trace.keep()
            self._chronicle.speaker.log.info(
                "session {session}: {command} was not done: {error}",
                error=error.text,
                **self._fields(kind, text),
            )

    def has_bug(self, kind: type[Spoken] | None, text: bytes) -> None:
        """Say in the log what was raised: only a bug of ours can explain it."""
        self.trace.keep()
        self._chronicle.speaker.log.failure(
            "a bug in session {session}: {command}", **self._fields(kind, text)
        )

    def _fields(self, kind: type[Spoken] | None, text: bytes) -> dict[str, Any]:
        session = self._chronicle.session
        return {"session": session, "command": _loggable(kind, text), **self.trace.fields}


def name_of(kind: type[Spoken] | None) -> str:
    """What metrics call a command: never what a client has made up (G66)."""
    return kind.word.decode("ascii").lower() if kind else "unknown"


def _loggable(kind: type[Spoken] | None, text: bytes) -> str:
    """The command for the log: without its arguments where they are secret (G69)."""
    if kind is None or kind.secret:
        return kind.word.decode("ascii") if kind else "?"
    return text[:200].decode("utf-8", "backslashreplace")
