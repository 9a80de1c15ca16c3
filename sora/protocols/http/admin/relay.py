"""Mail that is to be sent."""

from datetime import UTC, datetime
from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, NoSuchMessage
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import key_of, next_of, next_page, page_begin, page_length
from sora.protocols.http.values import said
from sora.relay.directory import State
from sora.relay.entry import Answer, Fate
from sora.relay.inspecting import Queued, Verb


@frozen
class RelayRecipient:
    """One recipient, and what was said about it last."""

    address: str = said("The address.", example="bob@example.net")
    fate: Fate = said("What became of it.")
    answer: str = said("What the server said.", example="450 4.2.0 Try again later")
    remote: str = said("The name of that server.", example="mx.example.net")


@frozen
class RelayMessage:
    """A message in the queue. Of a damaged file only its name and its place are known."""

    id: str = said("Its name.")
    state: State = said("Where it is.")
    damaged: bool = said("Whether its file cannot be read.")
    kind: str | None = said("What made it: `redirect`, `vacation`, `notify`, `report` …")
    sender: str | None = said("The envelope's sender; empty for the null sender.")
    recipients: tuple[RelayRecipient, ...] = said("To whom it is to be sent.")
    size: int = said("Octets of the message.", minimum=0)
    queued: datetime | None = said("Since when it waits.")
    due: datetime | None = said("When it is tried next; null when nothing is to be tried.")
    attempts: int = said("How often it was tried.", minimum=0)
    error: str = said("What was wrong with the last attempt as a whole.")


@frozen
class RelayMessages:
    """Some messages of the queue: oldest first within a state of a process."""

    items: tuple[RelayMessage, ...] = said("The messages.")
    next: str | None = next_page()


@frozen
class RelayQuery:
    """Which messages."""

    state: State | None = said("Only those in this state.", default=None)
    cursor: str = page_begin()
    limit: int = page_length("Messages of a page.")


@frozen
class RelayCount:
    """What is in a state."""

    state: State = said("The state.")
    messages: int = said("How many messages.", minimum=0)
    octets: int = said("Their octets.", minimum=0)
    oldest: datetime | None = said("When the oldest was queued.")


@frozen
class RelayStats:
    """What is in each state."""

    items: tuple[RelayCount, ...] = said("One for each state.")


@frozen
class RelayOrder:
    """What came of it."""

    done: bool = said(
        "Whether it is done; else the process that has the message does it within seconds."
    )


@frozen
class ManyMessages:
    """Which messages."""

    state: State = said("All in this state.", example="failed")


@frozen
class RelayOrders:
    """What came of it."""

    messages: int = said("How many messages there are.", minimum=0)
    ordered: int = said(
        "How many of them are left to the processes that have them: they do it within seconds.",
        minimum=0,
    )


def _message(one: Queued) -> RelayMessage:
    entry = one.entry
    if entry is None:
        return RelayMessage(
            id=one.name,
            state=one.state,
            damaged=True,
            kind=None,
            sender=None,
            recipients=(),
            size=0,
            queued=None,
            due=None,
            attempts=0,
            error="The file is damaged",
        )
    outgoing = entry.outgoing
    recipients = [
        RelayRecipient(
            address=recipient.address, fate=answer.fate, answer=_said(answer), remote=answer.remote
        )
        for recipient, answer in zip(outgoing.recipients, entry.answers, strict=True)
    ]
    return RelayMessage(
        id=one.name,
        state=one.state,
        damaged=False,
        kind=outgoing.kind,
        sender=outgoing.sender,
        recipients=tuple(recipients),
        size=entry.size,
        queued=_moment(entry.queued),
        due=_moment(entry.due) if entry.remaining else None,
        attempts=entry.tries,
        error=entry.error,
    )


def _said(answer: Answer) -> str:
    return " ".join(filter(None, (str(answer.code or ""), answer.status, answer.text)))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _key(one: Queued) -> str:
    return f"{one.lane} {one.state} {one.name}"


def _behind(cursor: str) -> tuple[int, State, str] | None:
    key = key_of(cursor)
    if not key:
        return None
    lane, _, rest = key.partition(" ")
    state, _, name = rest.partition(" ")
    if not (lane.isdecimal() and lane.isascii() and len(lane) < 10 and state in list(State)):
        raise BadArgument("The cursor is none that this server has given")
    return int(lane), State(state), name


async def _list(nouns: Nouns, call: Call) -> RelayMessages:
    asked: RelayQuery = call.query
    states = [] if asked.state is None else [asked.state]
    rows = await nouns.relay.list(states, asked.limit, _behind(asked.cursor))
    following = next_of(rows, asked.limit, _key)
    return RelayMessages(items=tuple(map(_message, rows)), next=following)


async def _show(nouns: Nouns, call: Call) -> RelayMessage:
    return _message(await nouns.relay.show(call.path["id"]))


async def _one(nouns: Nouns, call: Call, verb: Verb) -> RelayOrder:
    found = await nouns.relay.show(call.path["id"])
    return RelayOrder(done=not await nouns.relay.do(verb, [found]))


async def _retry(nouns: Nouns, call: Call) -> RelayOrder:
    return await _one(nouns, call, Verb.RETRY)


async def _delete(nouns: Nouns, call: Call) -> RelayOrder:
    return await _one(nouns, call, Verb.DELETE)


async def _retry_all(nouns: Nouns, call: Call) -> RelayOrders:
    found = await nouns.relay.list([call.body.state])
    left = await nouns.relay.do(Verb.RETRY, found)
    return RelayOrders(messages=len(found), ordered=left)


async def _stats(nouns: Nouns, call: Call) -> RelayStats:
    return RelayStats(
        items=tuple(
            [
                RelayCount(
                    state=one.state,
                    messages=one.messages,
                    octets=one.octets,
                    oldest=None if one.oldest is None else _moment(one.oldest),
                )
                for one in await nouns.relay.stats()
            ]
        )
    )


_endpoint = partial(Endpoint, group="relay")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/relay/messages",
        name="listRelayMessages",
        summary="List mail that is to be sent, and what has failed",
        query=RelayQuery,
        answer=RelayMessages,
        errors=(BadArgument,),
        run=_list,
    ),
    _endpoint(
        method="GET",
        path="/relay/messages/{id}",
        name="showRelayMessage",
        summary="Show a message: its envelope, and what was said about each recipient",
        answer=RelayMessage,
        errors=(NoSuchMessage,),
        run=_show,
    ),
    _endpoint(
        method="POST",
        path="/relay/messages/{id}/retry",
        name="retryRelayMessage",
        summary="Try a message again now, as if it were new; also one that has failed",
        scope=Scope.WRITE,
        answer=RelayOrder,
        changes="let the message {id} be sent again",
        errors=(NoSuchMessage,),
        run=_retry,
    ),
    _endpoint(
        method="DELETE",
        path="/relay/messages/{id}",
        name="deleteRelayMessage",
        summary="Delete a message that is to be sent; its sender is not told",
        scope=Scope.WRITE,
        answer=RelayOrder,
        changes="deleted the message {id} that was to be sent",
        errors=(NoSuchMessage,),
        run=_delete,
    ),
    _endpoint(
        method="POST",
        path="/relay/retry",
        name="retryRelayMessages",
        summary="Try all messages in a state again now, as if they were new",
        scope=Scope.WRITE,
        body=ManyMessages,
        answer=RelayOrders,
        changes="let all messages in a state be sent again",
        about=("state",),
        run=_retry_all,
    ),
    _endpoint(
        method="GET",
        path="/relay/stats",
        name="countRelayMessages",
        summary="Count mail that is to be sent by state, with the age of the oldest",
        answer=RelayStats,
        run=_stats,
    ),
)
