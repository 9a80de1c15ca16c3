"""What an operator can do with mail that is to be sent."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from sora.errors import NoSuchMessage
from sora.relay.directory import State
from sora.relay.inspecting import Count, Queued, Verb, count, do, find, queued


@frozen
class RelayOperations:
    """The relay queue in `path`. `in_thread` runs what blocks; `seconds` tells the time. Errors
    are those of `sora.errors`: Unavailable when the directory cannot be read or written."""

    path: str
    in_thread: Callable[..., "Deferred[Any]"]
    seconds: Callable[[], float]

    async def list(
        self,
        states: Sequence[State] = (),
        limit: int | None = None,
        after: tuple[int, State, str] | None = None,
    ) -> list[Queued]:
        """Messages in some states (none: in all), at most `limit`; those behind `after`: a
        lane, a state, a name."""

        def work() -> list[Queued]:
            return list(islice(queued(self.path, tuple(states) or tuple(State), after), limit))

        found: list[Queued] = await self.in_thread(work)
        return found

    async def show(self, name: str) -> Queued:
        """One message, by its id or by a beginning of it that no other one has. Raises
        NoSuchMessage."""
        found: Queued | None = await self.in_thread(find, self.path, name)
        if found is None:
            raise NoSuchMessage(f"There is no message {name} in the relay queue")
        return found

    async def stats(self) -> Sequence[Count]:
        """How much is in each state."""
        counts: Sequence[Count] = await self.in_thread(count, self.path)
        return counts

    async def do(self, verb: Verb, messages: Sequence[Queued]) -> int:
        """Retry or delete; gives how many a running Sora will do within seconds."""

        def work() -> int:
            now = self.seconds()
            return sum(not do(verb, message, now) for message in messages)

        left: int = await self.in_thread(work)
        return left
