"""A client of the model: one connection, what it was told, and what it waits for."""

from collections.abc import Callable
from typing import Protocol

from attrs import Factory, define

from trial_tests.model.answers import Response, items, responses
from trial_tests.model.belief import Belief, uids_of
from trial_tests.model.truth import Box

Then = Callable[[Response, list[Response]], None]
"""what follows from the tagged line, and from all untagged ones before it"""


class Wire(Protocol):
    """A connection."""

    def send(self, data: bytes) -> None: ...

    def take(self, until: bytes) -> bytes:
        """What was said; a wire that has to wait for it does so up to a line that begins with
        `until`, or takes what is there when that is empty."""

    def hang_up(self) -> None: ...


@define
class Pending:
    """A command that is not answered yet."""

    tag: bytes
    may_expunge: bool
    then: Then
    is_idle: bool = False
    said: list[Response] = Factory(list)


def nothing(status: Response, said: list[Response]) -> None:
    """Nothing follows."""


class Client:
    """A client that believes what it is told, and complains of what it may not be told."""

    def __init__(
        self,
        wire: Wire,
        process: int,
        is_exact: Callable[["Client"], bool],
        recents: dict[tuple[Box, int], object],
    ) -> None:
        self.process = process
        self.belief: Belief | None = None
        self.pending: Pending | None = None
        self.is_gone = False
        self.log: list[bytes] = []
        self._wire = wire
        self._is_exact = is_exact
        self._recents = recents
        self._tag = 0

    @property
    def is_idle(self) -> bool:
        """Whether it waits in IDLE."""
        return self.pending is not None and self.pending.is_idle

    @property
    def is_busy(self) -> bool:
        """Whether it waits for an answer."""
        return self.pending is not None and not self.pending.is_idle

    # ---------------------------------------------------------- saying

    def select(self, box: Box | None, read_only: bool) -> None:
        """From now on it is told of this mailbox."""
        self.belief = Belief(box, read_only, self, self._recents) if box else None

    def say(self, command: bytes, then: Then = nothing, keeps_numbers: bool = False) -> None:
        """Send a command, and hear what is said at once. `keeps_numbers`: FETCH, STORE and
        SEARCH without UID, during which no EXPUNGE may be sent."""
        assert self.pending is None, "one command at a time"
        self._tag += 1
        tag = b"t%d" % self._tag
        self.pending = Pending(tag, not keeps_numbers, then)
        self._send(tag + b" " + command + b"\r\n")
        self.hear()

    def idle(self) -> None:
        """Begin to wait for news."""
        self._tag += 1
        tag = b"t%d" % self._tag
        self.pending = Pending(tag, True, nothing, is_idle=True)
        self._send(tag + b" IDLE\r\n")
        self.hear(until=b"+")

    def done(self) -> None:
        """End IDLE."""
        assert self.is_idle
        self._send(b"DONE\r\n")
        self.hear(until=self.pending.tag if self.pending else b"")

    def hang_up(self) -> None:
        """The connection is lost."""
        self.is_gone, self.pending = True, None
        self._wire.hang_up()

    def _send(self, data: bytes) -> None:
        self.log.append(data)
        self._wire.send(data)

    # ---------------------------------------------------------- hearing

    def hear(self, until: bytes | None = None) -> None:
        """Take in what was said."""
        if self.is_gone:
            return
        if until is None:
            until = b"" if self.pending is None or self.is_idle else self.pending.tag
        said = self._wire.take(until)
        if said:
            self.log.append(said)
        for response in responses(said):
            self._heard(response)

    def _heard(self, response: Response) -> None:
        if response.tag == b"*":
            if self.pending is not None:
                self.pending.said.append(response)
            self._untagged(response)
        elif response.tag != b"+":
            pending, self.pending = self.pending, None
            assert pending is not None and pending.tag == response.tag, response
            assert response.code != b"SERVERBUG", response
            pending.then(response, pending.said)
            if self.belief is not None and not self.is_gone and self._is_exact(self):
                self.belief.has_everything(pending.may_expunge)

    def _untagged(self, response: Response) -> None:
        belief = self.belief
        match response.word:
            case b"BYE":
                assert belief is not None and belief.box.is_deleted, response
                self.is_gone = True
            case b"EXISTS":
                assert belief is not None
                belief.exists(response.number)
            case b"RECENT":
                assert belief is not None and response.number <= len(belief.entries)
            case b"EXPUNGE":
                assert belief is not None and self._may_expunge, response
                belief.expunge(response.number)
            case b"VANISHED":
                assert belief is not None
                earlier, _, uids = response.rest.rpartition(b" ")
                assert self._may_expunge or earlier, response
                belief.vanished(uids_of(uids), bool(earlier))
            case b"FETCH":
                assert belief is not None
                belief.fetch(response.number, items(response.rest), self._is_exact(self))

    @property
    def _may_expunge(self) -> bool:
        return self.pending is not None and self.pending.may_expunge
