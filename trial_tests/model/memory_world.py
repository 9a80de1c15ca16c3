"""Processes of Sora over one memory storage, with answers of storage that can be held back."""

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred

from sora.addresses import parse_address
from sora.mailbox.change_poll import BEATS, INTERVAL
from sora.mailbox.envelope import Addressee
from sora.mailbox.open_mailbox import PATIENCE
from sora.mailbox.spool import Spool
from sora.storage.rows import NewMailbox, Operation, Restored
from trial_tests.mailbox.world import envelope
from trial_tests.support.transcript import PASSWORD, Client, Server

ADDRESS: Final = "fred@example.com"
HELD: Final = frozenset(
    f"{family}.{name}"
    for family, names in {
        "messages": ("place", "store", "expunge", "copy", "move", "read", "columns", "search"),
        "mailboxes": ("open", "changes", "poll", "take_turns", "end_turns"),
    }.items()
    for name in names
)
"""operations whose answers may be late; what they do is done when they are asked"""


class MemoryWire:
    """A connection without a network: what is said is there at once."""

    def __init__(self, server: Server) -> None:
        self._client = Client(server)
        self._client.take()
        said = self._client.ask(f"login LOGIN fred {PASSWORD}".encode())
        assert said.startswith(b"login OK"), said

    def send(self, data: bytes) -> None:
        """Send octets."""
        self._client.send(data)

    def take(self, until: bytes) -> bytes:
        """What was said since."""
        return self._client.take()

    def hang_up(self) -> None:
        """The connection is lost."""
        self._client.hang_up()


class MemoryWorld:
    """`World` over memory."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.is_prompt = True
        self._servers = [Server()]
        self._servers += [Server(beside=self._servers[0]) for _ in range(processes - 1)]
        first = self._servers[0]
        self.clock = first.clock
        self._tables = first.storage.tables
        made = first.storage.accounts.create(parse_address(ADDRESS), (), (NewMailbox("INBOX"),))
        assert made.called
        self.is_held = False
        """whether answers of storage are late"""
        self._held: list[Deferred[None]] = []
        self._tables.pause = self._pause
        if processes > 1:
            for server in self._servers:
                server.poll.startService()
            # With the second heartbeat each of them has heard of the other.
            for _ in range(2 * BEATS):
                self.pass_time(INTERVAL)
            assert not any(server.open.alone for server in self._servers)

    def connect(self, process: int) -> MemoryWire:
        """A connection that has logged in."""
        return MemoryWire(self._servers[process])

    def deliver(self, process: int, message: bytes) -> None:
        """A message comes for the account's INBOX."""
        delivery = self._servers[process].delivery
        spool = Spool()
        spool.write(message)
        address = parse_address(ADDRESS)

        async def work() -> None:
            recipient = await delivery.resolve(address)
            assert recipient is not None
            outcome = await delivery.deliver(envelope([Addressee(address, recipient)]), spool)
            assert list(outcome) == [None], outcome

        failures: list[object] = []
        Deferred.fromCoroutine(work()).addErrback(failures.append)
        assert not failures, failures

    def restore(self, process: int, uids: Sequence[int]) -> list[int]:
        """Messages that were expunged from the INBOX come back; gives their new UIDs."""
        server, found = self._servers[process], list[Restored]()
        (inbox,) = (box.id for box in self._tables.mailboxes.values() if box.name == "INBOX")
        operation = Operation(self._tables.new_uuid(), "operator")
        server.storage.restoring.restore(inbox, uids, inbox, operation).addCallback(found.append)
        server.open.announce.copied(found[0].copied)
        return list(found[0].copied.uids)

    def pass_time(self, seconds: float) -> None:
        """Time passes: polls are made, patience ends."""
        self.clock.advance(seconds)

    # ---------------------------------------------------------- late answers

    def hold(self) -> None:
        """From now on answers of storage wait."""
        self.is_held = True

    def let_go(self, which: int) -> None:
        """One answer comes, in any order."""
        if self._held:
            self._held.pop(which % len(self._held)).callback(None)

    def let_all_go(self) -> None:
        """All answers come, the oldest first; also those of what is asked then."""
        while self._held:
            self.let_go(0)
            self.pass_time(PATIENCE)

    def answer_at_once(self) -> None:
        """Nothing is late any more, once everybody has heard what came of it."""
        assert not self._held
        self.is_held = False

    def _pause(self, name: str) -> "Deferred[None]":
        answer: Deferred[None] = Deferred()
        if self.is_held and name in HELD:
            self._held.append(answer)
        else:
            answer.callback(None)
        return answer

    def close(self) -> None:
        """Nothing is left behind."""
        self.let_all_go()
        if self.processes > 1:
            for server in self._servers:
                server.poll.stopService()
