"""What operators ask for over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from attrs import field, frozen


class RequestState(StrEnum):
    """What is known of a request that is to be done once."""

    NEW = "new"
    """it is the caller's to do"""
    BUSY = "busy"
    """it is under way"""
    DONE = "done"
    OTHER = "other"
    """its key was used for something else"""


@frozen
class KeptAnswer:
    """What a request was answered; `place` is its Location."""

    status: int
    place: str
    body: bytes = field(repr=False)


@frozen
class BegunRequest:
    """What is known of a request, with its answer if it is done."""

    state: RequestState
    answer: KeptAnswer | None = None


class TaskState(StrEnum):
    """How it is with a task. `LOST`: its process said nothing for long, and is gone."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@frozen(kw_only=True)
class NewTask:
    """Work that begins now. `kind` is a word, `about` a sentence; `caller` has asked for it, and it
    runs on `node`."""

    id: UUID
    kind: str
    about: str
    caller: str
    node: str


@frozen
class TaskNote:
    """How far a task is: `part` of it (0 to 1, None where that is not known), and what it has
    counted."""

    id: UUID
    part: float | None
    facts: Mapping[str, Any]


@frozen(kw_only=True)
class TaskRow:
    """A task. `number` ascends with time; `seen_at` is when its process was last heard of."""

    id: UUID
    number: int
    kind: str
    about: str
    caller: str
    node: str
    state: TaskState
    cancelling: bool
    began_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    part: float | None
    facts: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: str
