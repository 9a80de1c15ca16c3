"""Running scripts in tests: `ran` is one call from script and message to outcome."""

from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from sora.sieve.compile import compile_script
from sora.sieve.dialect import SIEVE
from sora.sieve.effects import (
    GetMetadata,
    InList,
    ListExists,
    ListMembers,
    LoadScript,
    MailboxExists,
    MailboxIdExists,
    Question,
    ReadMessage,
    SeenBefore,
    SpecialUseExists,
)
from sora.sieve.errors import ScriptErrors
from sora.sieve.limits import Limits
from sora.sieve.message import Envelope, Message
from sora.sieve.run import Context, Outcome, run
from sora.sieve.script import Script
from sora.sieve.vocabulary import Dialect

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)

MESSAGE = b"""\
From: Wile E. Coyote <coyote@desert.example.org>
To: roadrunner@acme.example.com
Cc: "Elmer" <elmer+duck@example.com>
Subject: I have a present for you
X-Caffeine: C8H10N4O2

Look, I'm sorry about the whole anvil thing.
""".replace(b"\n", b"\r\n")


@define
class World:
    """What scripts ask of: mailboxes with their annotations, scripts, what was seen, lists."""

    octets: bytes = MESSAGE
    mailboxes: Mapping[str, Mapping[str, str]] = field(factory=dict)
    server: Mapping[str, str] = field(factory=dict)
    uses: Mapping[str, tuple[str, ...]] = field(factory=dict)
    ids: tuple[str, ...] = ()
    personal: Mapping[str, str] = field(factory=dict)
    site: Mapping[str, str] = field(factory=dict)
    seen: tuple[tuple[str, str], ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(factory=dict)
    asked: list[Question] = field(factory=list)
    dialect: Dialect = SIEVE

    def answer(self, question: Question) -> Any:
        """The answer to a question; it is noted in `asked`."""
        self.asked.append(question)
        match question:
            case MailboxExists(names):
                return all(name in self.mailboxes for name in names)
            case SpecialUseExists(mailbox, uses):
                found = [self.uses.get(mailbox, ())] if mailbox else list(self.uses.values())
                return all(any(use in one for one in found) for use in uses)
            case MailboxIdExists(id):
                return id in self.ids
            case GetMetadata(mailbox, entries):
                values = self.server if mailbox is None else self.mailboxes.get(mailbox, {})
                return tuple(values.get(entry) for entry in entries)
            case LoadScript(name, location):
                return self._script((self.personal if location == "personal" else self.site), name)
            case SeenBefore(handle, id):
                return (handle, id) in self.seen
            case InList(name, values):
                return next((one for one in values if one in self.lists.get(name, ())), None)
            case ListMembers(name, limit):
                return self.lists[name][:limit] if name in self.lists else None
            case ListExists(name):
                return name in self.lists
            case ReadMessage(limit):
                return self.octets[:limit]
        raise AssertionError(question)

    def _script(self, scripts: Mapping[str, str], name: str) -> "Script | ScriptErrors | None":
        if name not in scripts:
            return None
        try:
            return compile_script(scripts[name], self.dialect)
        except ScriptErrors as errors:
            return errors


def drive(running: Generator[Question, Any, Outcome], answer: Callable[[Question], Any]) -> Outcome:
    """Answer the questions of a run until it is done."""
    try:
        question = next(running)
        while True:
            question = running.send(answer(question))
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome


def ran(
    script: "str | Script",
    octets: bytes = MESSAGE,
    world: World | None = None,
    envelope: Envelope | None = None,
    limits: Limits | None = None,
    dialect: Dialect = SIEVE,
    **context: Any,
) -> Outcome:
    """Run a script over a message."""
    limits = limits or Limits()
    if isinstance(script, str):
        script = compile_script(script, dialect, limits)
    world = world or World(octets)
    world.octets = octets
    message = Message.of(octets, envelope=envelope)
    context.setdefault("now", NOW)
    return drive(run(script, message, Context(limits=limits, **context)), world.answer)


def errors_of(
    script: str | bytes, dialect: Dialect = SIEVE, limits: Limits | None = None
) -> list[str]:
    """The errors of a script, each as `line:column: text`; none if it is valid."""
    try:
        compile_script(script, dialect, limits or Limits())
    except ScriptErrors as errors:
        return [f"{one.line}:{one.column}: {one.text}" for one in errors.errors]
    return []


def holds(test: str, octets: bytes = MESSAGE, requires: str = "", **more: Any) -> bool:
    """Whether a test is true; `requires` are names of extensions, separated by spaces."""
    names = ", ".join(f'"{name}"' for name in requires.split())
    script = f"require [{names}];\n" if names else ""
    outcome = ran(f"{script}if {test} {{ discard; }}", octets, **more)
    assert outcome.error is None, outcome.error
    return outcome.keep is None
