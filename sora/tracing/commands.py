"""The traces of one server, and of the command that a conversation has in hand."""

from typing import Any

from attrs import frozen

from sora.tracing.spans import Trace
from sora.tracing.tracer import Tracer


@frozen
class CommandTraces:
    """What the traces of a server have in common. `protocol` is a type of server, `server` what
    the configuration calls this one."""

    tracer: Tracer
    protocol: str
    server: str


class InHand:
    """The trace of the command that is being answered. Without `traces` nothing happens here.

    `session` is what the log calls the conversation, or the request. While a command is in hand,
    the coroutine that has begun it is in its trace.
    """

    __slots__ = ("_session", "_trace", "_traces", "seconds")

    def __init__(self, traces: CommandTraces | None, session: str = "") -> None:
        self._traces = traces
        self._session = session
        self._trace: Trace | None = None
        self.seconds = 0.0
        """what `took` was told since it has begun"""

    def begin(self) -> None:
        """A command has come. Which, is said at its end."""
        self.seconds = 0.0
        if self._traces is None:
            return
        self._trace = trace = self._traces.tracer.begin(self._traces.protocol, "")
        facts = trace.root.facts
        facts["sora.protocol"] = self._traces.protocol
        facts["sora.server"] = self._traces.server
        if self._session:
            facts["sora.session"] = self._session

    def keep(self) -> None:
        """It failed inside the server, or was told to be slow: its trace is told in any case."""
        if self._trace is not None:
            self._trace.keep()

    def say(self, name: str, fact: str | int | float) -> None:
        """Something that is worth to be known of it."""
        if self._trace is not None:
            self._trace.root.facts[name] = fact

    def took(self, seconds: float) -> None:
        """A part of it took so much of the server's own time."""
        self.seconds += seconds

    @property
    def names_users(self) -> bool:
        """Whether there is a trace that may say whose it is."""
        return (
            self._trace is not None
            and self._traces is not None
            and (self._traces.tracer.include_users)
        )

    @property
    def id(self) -> str:
        """What the trace is found by; empty for one that is not told, or not known to be yet."""
        return "" if self._trace is None or not self._trace.kept else self._trace.hex

    @property
    def fields(self) -> dict[str, Any]:
        """The same as a line of the log has it."""
        return {"trace": self.id} if self.id else {}

    def end(
        self,
        command: str,
        outcome: str,
        seconds: float,
        user: str = "",
        peer: object = "",
    ) -> dict[str, Any]:
        """It was answered, or will not be. `seconds` are the server's own, without those of the
        client (G66); `user` and `peer` are told only where traces
        may say whose they are. Gives what a line of the log has of it, as `fields` does."""
        trace, self._trace = self._trace, None
        if trace is None or self._traces is None:
            return {}
        trace.root.name = command.upper()
        facts = trace.root.facts
        facts["sora.command"] = command
        facts["sora.outcome"] = outcome
        if self._traces.tracer.include_users:
            facts["enduser.id"] = user
            facts["network.peer.address"] = str(peer)
        trace.end("" if outcome == "ok" else outcome, seconds)
        return {"trace": trace.hex} if trace.kept else {}
