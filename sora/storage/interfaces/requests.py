"""Requests that are to be done once, and work that takes long."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import (
    BegunRequest,
    KeptAnswer,
    NewTask,
    TaskNote,
    TaskRow,
    TaskState,
)


class IRequests(Interface):
    """What was asked for with an idempotency key, by caller and key, for all nodes together."""

    def begin(
        caller: str,
        key: str,
        digest: bytes,
        holder: UUID,
        *,
        lease: timedelta,
        keep: timedelta,
        most: int,
    ) -> "Deferred[BegunRequest]":
        """Begin a request, or learn what became of it. `digest` is that of all that is asked for,
        `holder` is new for each request that comes. One round trip.

        One that is under way is given to the next who comes when its `lease` is over. The answer
        is known for `keep`. Raises TooMany when the caller has more than `most` of them.
        """

    def end(caller: str, key: str, holder: UUID, answer: KeptAnswer) -> "Deferred[None]":
        """Keep the answer. One round trip."""

    def give_up(caller: str, key: str, holder: UUID) -> "Deferred[None]":
        """Nothing was done: the key may be used again. One round trip."""


class ITasks(Interface):
    """Work that runs in one process, and that all nodes can see."""

    def add(task: NewTask, keep: timedelta) -> "Deferred[TaskRow]":
        """A task has begun. It is known for `keep` after it was last heard of."""

    def beat(notes: Sequence[TaskNote], keep: timedelta) -> "Deferred[Sequence[UUID]]":
        """These tasks go on, and are so far. Gives those that somebody wants to end. One round
        trip."""

    def end(
        id: UUID,
        state: TaskState,
        note: TaskNote,
        result: Mapping[str, Any] | None,
        error: str,
        keep: timedelta,
    ) -> "Deferred[None]":
        """A task has ended. What has ended already stays as it is."""

    def cancel(id: UUID, lost: timedelta) -> "Deferred[TaskRow]":
        """Somebody wants a task to end; nothing happens to one that has. Raises NoSuchTask."""

    def show(id: UUID, lost: timedelta) -> "Deferred[TaskRow]":
        """A task; one that was not heard of for `lost` is lost. Raises NoSuchTask."""

    def list(
        before: int | None, limit: int, state: TaskState | None, lost: timedelta
    ) -> "Deferred[Sequence[TaskRow]]":
        """Tasks, the newest first, with numbers below `before`."""
