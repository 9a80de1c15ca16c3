"""What happened to accounts, mailboxes and messages; mailboxes as they were, and their counters."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from attrs import asdict, frozen

from sora.errors import BadArgument, BadName, NoSuchAccount, NoSuchMailbox, TooMany
from sora.operations.history import Step
from sora.operations.past import Entry
from sora.protocols.http.admin.messages import email_id, flag_names
from sora.protocols.http.admin.owners import BOTH, Owner, whose
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import LONGEST
from sora.protocols.http.values import said
from sora.workers.tasks import Told

_NAME: Final = 1024
SHOWN: Final = 10_000
"""messages of a mailbox that one answer shows"""


@frozen
class HistoryEvent:
    """Something that happened."""

    time: datetime = said("When.")
    mailbox: str = said("The mailbox, by the name that it has now.", example="INBOX")
    uids: str = said("The UIDs of the messages; empty where it is about none.", example="3:5,9")
    kind: str = said("What kind of change it was.", example="expunged")
    what: str = said("What happened, in words.", example="moved to Trash")
    who: str = said("The user or the worker; empty where nobody is known.")
    protocol: str = said("The protocol.", example="imap")
    address: str = said("The address that he came from.")
    session: str = said("His session, as the log calls it.")
    modseq: int = said("The mailbox's modseq after it.", minimum=0)


@frozen
class Events:
    """What happened, in the order of time."""

    items: tuple[HistoryEvent, ...] = said("The events.")


@frozen
class HistoryQuery:
    """Which events."""

    mailbox: str | None = said(
        "Only of this mailbox, which may have been deleted.", default=None, max_length=_NAME
    )
    uid: int | None = said(
        "Only of the message with this UID in `mailbox`.", default=None, minimum=1
    )
    email_id: str | None = said("Only of this message, wherever it was.", default=None)
    since: datetime | None = said("Only what happened then or later.", default=None)
    limit: int = said("The latest so many.", default=100, minimum=1, maximum=LONGEST)


@frozen
class PastMessage:
    """A message that was there."""

    uid: int = said("The UID that it had.", minimum=1)
    now: str = said("`there`, `other flags`, `restored`, `gone` (restorable), or `removed`.")
    uid_now: int | None = said("The UID that it has now; null when it is not there.")
    flags: tuple[str, ...] | None = said("The flags that it had; null when they are not known.")
    email_id: str | None = said("EMAILID; null, as what follows, for what was removed.")
    date: datetime | None = said("INTERNALDATE.")
    size: int | None = said("Octets.")
    sender: str | None = said("From: a name, or an address.")
    subject: str | None = said("Its subject.")


@frozen
class PastMailbox:
    """A mailbox as it was."""

    mailbox: str = said("Its name.")
    messages: int = said("How many messages were there.", minimum=0)
    came_later: int = said("How many are there now that came later.", minimum=0)
    items: tuple[PastMessage, ...] = said("The first of them, by UID.")


@frozen
class PastQuery:
    """When, and how much of it."""

    time: datetime = said("The time.")
    limit: int = said("The first so many messages.", default=100, minimum=1, maximum=SHOWN)


@frozen
class Moment:
    """Which time is to be brought back."""

    time: datetime = said("The time.")
    dry_run: bool = said("Only count.", default=False)


@frozen
class RecountOrder:
    """What to do with counters that are wrong."""

    mend: bool = said("Make them right.", default=True)


@frozen
class WrongCounter:
    """A counter that was not what the messages say."""

    counter: str = said("Which one.", example="unseen")
    was: int = said("What it was.")
    counted: int = said("What was counted.")


@frozen
class Recounted:
    """A mailbox that was counted anew."""

    mailbox: str = said("The mailbox.")
    wrong: tuple[WrongCounter, ...] = said("Counters that were wrong.")


def _event(step: Step) -> HistoryEvent:
    event = step.event
    return HistoryEvent(
        time=event.at,
        mailbox=event.mailbox,
        uids=str(step.uids),
        kind=event.kind.name.lower(),
        what=step.what,
        who=event.actor,
        protocol=event.protocol,
        address=event.address,
        session=event.session,
        modseq=event.modseq,
    )


def _message(entry: Entry) -> PastMessage:
    message = entry.message
    return PastMessage(
        uid=entry.uid,
        now=entry.state,
        uid_now=entry.uid_now,
        flags=None if entry.flags is None else flag_names(entry.flags),
        email_id=None if message is None else f"M{message.email_id.hex}",
        date=None if message is None else message.internal_date,
        size=None if message is None else message.size,
        sender=None if message is None else message.sender,
        subject=None if message is None else message.subject,
    )


async def _history(nouns: Nouns, call: Call) -> Events:
    asked: HistoryQuery = call.query
    which: UUID | tuple[str, int] | None = None
    if asked.email_id is not None:
        which = email_id(asked.email_id)
    elif asked.uid is not None:
        if asked.mailbox is None:
            raise BadArgument("A UID is of a mailbox: say which")
        which = asked.mailbox, asked.uid
    if which is None:
        steps = await nouns.history.of_account(whose(call), asked.mailbox, asked.since, asked.limit)
    else:
        steps = await nouns.history.of_message(whose(call), which, asked.since, asked.limit)
    return Events(items=tuple(map(_event, steps)))


async def _past(nouns: Nouns, call: Call) -> PastMailbox:
    asked: PastQuery = call.query
    was = await nouns.past.at(whose(call), call.path["mailbox"], asked.time, asked.limit)
    return PastMailbox(
        mailbox=was.mailbox,
        messages=was.messages,
        came_later=was.came,
        items=tuple(map(_message, was.entries)),
    )


async def _restore(nouns: Nouns, call: Call) -> Task:
    asked: Moment = call.body
    owner, mailbox = whose(call), call.path["mailbox"]
    await nouns.past.require(owner, mailbox, asked.time)

    async def job(told: Told) -> Mapping[str, Any]:
        handled = 0

        def step(count: int) -> None:
            nonlocal handled
            handled += count
            told(None, handled=handled)

        back = await nouns.past.restore(owner, mailbox, asked.time, asked.dry_run, step)
        return asdict(back)

    about = f"restore {mailbox} of {owner} as of {asked.time.isoformat(timespec='seconds')}"
    about += ", as a trial" if asked.dry_run else ""
    return await begun(nouns, call, "past-restore", about, job)


async def _recount(nouns: Nouns, call: Call) -> Recounted:
    [found] = await nouns.history.recount(whose(call), call.path["mailbox"], call.body.mend)
    was, counted = asdict(found.was), asdict(found.counted)
    return Recounted(
        mailbox=found.mailbox,
        wrong=tuple(
            WrongCounter(counter=name, was=was[name], counted=counted[name])
            for name in was
            if was[name] != counted[name]
        ),
    )


_endpoint = partial(Endpoint, group="history")


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = f"of {owner.logged}"
    one = f"{owner.path}/mailboxes/{{mailbox}}"
    return (
        _endpoint(
            method="GET",
            path=f"{owner.path}/history",
            name=owner.name("show", "History"),
            summary=f"Tell what happened to mailboxes and messages of {owner.text}, and who did it",
            query=HistoryQuery,
            answer=Events,
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_history,
        ),
        _endpoint(
            method="GET",
            path=f"{one}/past",
            name=owner.name("show", "PastMailbox"),
            summary=f"Show a mailbox of {owner.text} as it was at a time",
            query=PastQuery,
            answer=PastMailbox,
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName, TooMany),
            run=_past,
        ),
        task_endpoint(
            path=f"{one}/past/restore",
            name=owner.name("restore", "PastMailbox"),
            summary=f"Bring back what a mailbox of {owner.text} had at a time, with its flags;"
            " a task",
            group="history",
            body=Moment,
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_restore,
        ),
        _endpoint(
            method="POST",
            path=f"{one}/recount",
            name=owner.name("recount", "Mailbox"),
            summary=f"Count the messages in a mailbox of {owner.text} anew, and mend its counters",
            scope=Scope.WRITE,
            body=RecountOrder,
            answer=Recounted,
            changes=f"counted the mailbox {{mailbox}} {of} anew",
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_recount,
        ),
    )


ENDPOINTS: Final = tuple(endpoint for owner in BOTH for endpoint in _of(owner))
