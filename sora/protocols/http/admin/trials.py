"""Sieve scripts are checked and tried, and run over messages that are there."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import asdict, frozen

from sora.errors import (
    BadArgument,
    BadName,
    NoSuchAccount,
    NoSuchMailbox,
    NoSuchScript,
)
from sora.operations.circumstances import Circumstances
from sora.operations.sieve_filter import Counts, Done
from sora.protocols.http.admin.scripts import Compiled, ScriptNote, notes_of
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.relay.interfaces import RelayOff
from sora.sieve.errors import ScriptErrors
from sora.workers.tasks import Told

NAMED: Final = 200
"""messages whose fate a trial tells one by one"""


@frozen
class Source:
    """A script that is looked at."""

    source: str = said("The text.", example="keep;")


@frozen
class Trial:
    """A script, and a message that it is tried on."""

    source: str = said("The text of the script.", example='fileinto "Work";')
    message: str = said("The message.", example="From: carl@example.net\r\n\r\nHello\r\n")
    sender: str = said("The envelope's sender.", default="", max_length=320)
    recipient: str = said("Its recipient.", default="", max_length=320)
    mailboxes: tuple[str, ...] = said(
        "Mailboxes that exist besides INBOX.", default=(), max_length=1000
    )
    duplicate: bool = said("Whether the message was seen before.", default=False)
    at: datetime | None = said("The moment of delivery; without it, now.", default=None)
    scripts: dict[str, str] | None = said(
        "The texts of scripts that it may include, by name.", default=None
    )


@frozen
class Filtering:
    """A script that is to run over messages that are there."""

    source: str | None = said(
        "The text of the script; without it, the account's active one.", default=None
    )
    dry_run: bool = said("Do nothing, and say what would be done.", default=True)
    discard: bool = said("Delete what the script discards; else it stays.", default=False)
    send: bool = said("Send what the script redirects; else it stays.", default=False)


@frozen
class TraceNote:
    """A test or an action of a script."""

    line: int = said("The line, from 1.", minimum=1)
    column: int = said("The character in it, from 1.", minimum=1)
    text: str = said("What happened there.")
    script: str = said("The name of the script that is included; empty for the script itself.")


@frozen
class Tried:
    """What would come of it."""

    actions: tuple[str, ...] = said("What would be done.")
    keep: str | None = said("How it would be kept; null when nothing keeps it.")
    problem: str | None = said("What ended the script; the message is kept then.")
    instructions: int = said("How many instructions have run.", minimum=0)
    warnings: tuple[ScriptNote, ...] = said("What the script's author should know.")
    trace: tuple[TraceNote, ...] = said("What happened, line by line.")


async def _check(nouns: Nouns, call: Call) -> Compiled:
    return Compiled(warnings=notes_of(await nouns.sieve.check(call.body.source.encode())))


async def _test(nouns: Nouns, call: Call) -> Tried:
    trial: Trial = call.body
    found = {name: text.encode() for name, text in (trial.scripts or {}).items()}
    about = Circumstances(
        sender=trial.sender,
        recipient=trial.recipient,
        mailboxes=trial.mailboxes,
        seen=trial.duplicate,
        now=trial.at,
        find=found.get,
    )
    tried = await nouns.trials.run(trial.source.encode(), trial.message.encode(), about)
    trace = [
        TraceNote(line=one.line, column=one.column, text=one.text, script=one.script)
        for one in tried.trace
    ]
    return Tried(
        actions=tried.actions,
        keep=tried.keep,
        problem=tried.problem,
        instructions=tried.instructions,
        warnings=notes_of(tried.warnings),
        trace=tuple(trace),
    )


async def _filter(nouns: Nouns, call: Call) -> Task:
    asked: Filtering = call.body
    email, mailbox = call.path["email"], call.path["mailbox"]
    filtering = nouns.filtering(asked.send)
    source = None if asked.source is None else asked.source.encode()
    await filtering.require(email, mailbox, source)

    async def job(told: Told) -> Mapping[str, Any]:
        counted = Counts()
        named: list[dict[str, Any]] = []

        def tell(done: Done) -> None:
            counted.messages += 1
            if asked.dry_run and len(named) < NAMED:
                named.append(asdict(done))
            told(None, messages=counted.messages)

        counts = await filtering.run(
            email, mailbox, source, dry_run=asked.dry_run, discard=asked.discard, told=tell
        )
        return {**asdict(counts), "dry_run": asked.dry_run, "named": named}

    about = f"run a script over {mailbox} of {email}" + (", as a trial" if asked.dry_run else "")
    return await begun(nouns, call, "filter", about, job)


_endpoint = partial(Endpoint, group="sieve", method="POST", errors=(BadArgument, ScriptErrors))


ENDPOINTS: Final = (
    task_endpoint(
        path="/accounts/{email}/mailboxes/{mailbox}/filter",
        name="filterMailbox",
        summary="Run a Sieve script over the messages of a mailbox; a task",
        group="sieve",
        body=Filtering,
        errors=(
            NoSuchAccount,
            NoSuchMailbox,
            NoSuchScript,
            ScriptErrors,
            RelayOff,
            BadArgument,
            BadName,
        ),
        run=_filter,
    ),
    _endpoint(
        path="/sieve/check",
        name="checkScript",
        summary="Compile a Sieve script; it is not kept",
        body=Source,
        answer=Compiled,
        run=_check,
    ),
    _endpoint(
        path="/sieve/test",
        name="testScript",
        summary="Show what a Sieve script would do with a message, line by line; nothing is done",
        body=Trial,
        answer=Tried,
        run=_test,
    ),
)
