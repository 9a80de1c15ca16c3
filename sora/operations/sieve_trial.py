"""A script is tried on a message: what it would do, and why, line by line. Nothing is done, and no
database is asked."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen

from sora.errors import BadArgument
from sora.mail.mailbox_names import INBOX, name_key
from sora.mailbox.address_books import members_of
from sora.mailbox.scripts import Compiler, text_of
from sora.operations.circumstances import Circumstances
from sora.sieve.effects import (
    GetMetadata,
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
from sora.sieve.errors import ScriptError, ScriptErrors
from sora.sieve.message import Envelope, Message
from sora.sieve.run import Context, Outcome, TraceLine, describe, run


@frozen
class Tried:
    """What came of it: `actions` and `keep` as they are described, the `problem` that ended the
    script, and the trace."""

    actions: tuple[str, ...]
    keep: str | None
    problem: str | None
    trace: tuple[TraceLine, ...]
    instructions: int
    warnings: tuple[ScriptError, ...] = ()


@frozen
class SieveTrials:
    """Tries scripts, with the extensions and limits that delivery has. `settings` are what the
    operator has set for extensions; `clock` gives seconds since 1970."""

    compiler: Compiler
    clock: Callable[[], float]
    settings: Mapping[str, Any] = field(factory=dict)

    async def run(self, source: bytes, message: bytes, about: Circumstances) -> Tried:
        """Run a script over a message. Raises ScriptErrors; BadArgument for what is no message."""
        if not message.strip():
            raise BadArgument("The message is empty")
        script = await self.compiler.compile(text_of(source))
        now = about.now or datetime.fromtimestamp(self.clock(), UTC).astimezone()
        context = Context(
            now=now,
            addresses=(about.recipient,) if about.recipient else (),
            settings=self.settings,
            limits=self.compiler.limits,
            trace=True,
        )
        envelope = Envelope(about.sender, about.recipient)
        running = run(script, Message.of(message, envelope=envelope), context)
        answer: Any = None
        while True:
            try:
                question = running.send(answer)
            except StopIteration as done:
                return _tried(done.value, script.warnings)
            answer = await self._answer(question, message, about)

    async def _answer(self, question: Question, message: bytes, about: Circumstances) -> Any:
        known = {name_key(name) for name in (INBOX, *about.mailboxes)}
        match question:
            case ReadMessage(limit):
                return message[:limit]
            case MailboxExists(names):
                return all(name_key(name) in known for name in names)
            case SeenBefore():
                return about.seen
            case GetMetadata(_, entries):
                return (None,) * len(entries)
            case LoadScript(name):
                source = about.find(name)
                return None if source is None else await self._load(source)
            case SpecialUseExists() | MailboxIdExists():
                return False
            case ListExists(name):
                return members_of(name, None) is not None
            case ListMembers(name):
                return members_of(name, None)
            case _:
                return None

    async def _load(self, source: bytes) -> Any:
        try:
            return await self.compiler.compile(text_of(source))
        except ScriptErrors as errors:
            return errors


def _tried(outcome: Outcome, warnings: Sequence[ScriptError]) -> Tried:
    return Tried(
        tuple(describe(action) for action in outcome.actions),
        None if outcome.keep is None else describe(outcome.keep),
        None if outcome.error is None else str(outcome.error),
        outcome.trace,
        outcome.instructions,
        tuple(warnings),
    )
