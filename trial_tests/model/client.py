"""A client of the model: one connection, what it was told, and what it waits for."""

from collections.abc import Callable
from typing import Protocol

from attrs import Factory, define

from trial_tests.model.answers import Response, items, responses
from trial_tests.model.belief import Belief, Memory, uids_of
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
    highest: int = 0
    """the highest modseq in what was said"""
    bound: int | None = None
    """HIGHESTMODSEQ, where it was said: something older may not have been told"""


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
        self.enabled = b""
        """CONDSTORE or QRESYNC"""
        self.highest = 0
        """up to which modseq it knows everything of its mailbox"""
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

    def select(self, box: Box | None, read_only: bool, memory: Memory | None = None) -> None:
        """From now on it is told of this mailbox."""
        self.highest = 0 if memory is None else memory.modseq
        self.belief = Belief(box, read_only, self, self._recents, memory) if box else None

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
            self._note_modseq(pending, response)
            pending.then(response, pending.said)
            if self.belief is not None and not self.is_gone and self._is_exact(self):
                self.belief.has_everything(pending.may_expunge)

    def _note_modseq(self, pending: Pending, status: Response) -> None:
        """RFC 7162 §3.2.4 and §3.2.7: when a command is done, the client knows everything up to
        the highest modseq that it was told, unless a lower HIGHESTMODSEQ was said."""
        if status.code == b"HIGHESTMODSEQ":
            pending.bound = int(status.argument)
        known = max(self.highest, pending.highest)
        self.highest = known if pending.bound is None else pending.bound

    def _untagged(self, response: Response) -> None:
        belief = self.belief
        if response.code == b"HIGHESTMODSEQ" and self.pending is not None:
            self.pending.bound = int(response.argument)
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
                assert self.enabled != b"QRESYNC", response
                belief.expunge(response.number)
            case b"VANISHED":
                assert belief is not None and self.enabled == b"QRESYNC", response
                earlier, _, uids = response.rest.rpartition(b" ")
                assert self._may_expunge or earlier, response
                belief.vanished(uids_of(uids), bool(earlier))
            case b"FETCH":
                assert belief is not None
                told = items(response.rest)
                # G30: to those who have asked, and to them always.
                assert (b"MODSEQ" in told) <= bool(self.enabled), response
                assert b"MODSEQ" in told or not (self.enabled and b"FLAGS" in told), response
                if self.pending is not None and b"MODSEQ" in told:
                    modseq = int(told[b"MODSEQ"][0])
                    self.pending.highest = max(self.pending.highest, modseq)
                belief.fetch(response.number, told, self._is_exact(self))

    @property
    def _may_expunge(self) -> bool:
        return self.pending is not None and self.pending.may_expunge
