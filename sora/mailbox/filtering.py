"""Runs the scripts of a recipient over a message, and tells what they want done.

The scripts are a chain: the server's before, the domain's before, the user's active one, the
domain's after, the server's after. The next one runs as long as a keep is still in effect, and what
it does takes the place of that keep; all else adds up (G45). `stop` ends its own script only. The
next script sees the message as the keep before it left it (edits included).

A script that fails keeps the message as it arrived, for INBOX, and ends the chain; what those
before it did stands. Nothing here acts: it is all in the `Wishes`.

`run` of `sora.sieve` is a generator that asks; `questions.py` answers. No script can stall the
reactor: its instructions are counted (G49), and one that may take long runs in a thread.
"""

from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import evolve, field, frozen

from sora.mail.headers import header_end
from sora.mailbox.chains import FilterRooms, Link
from sora.mailbox.folders import Folders
from sora.mailbox.questions import Answers, Text, seen_key
from sora.mailbox.wishes import Trouble, Version, Wishes, added, failed
from sora.retry import pause
from sora.sieve.effects import Question
from sora.sieve.errors import ScriptErrors
from sora.sieve.message import Envelope, Header, Message
from sora.sieve.run import Context, Outcome, run
from sora.sieve.script import Script
from sora.storage.rows import Recipient
from sora.tracing.spans import entered

HEAVY: Final = frozenset(
    ("body", "foreverypart", "mime", "extracttext", "regex", "replace", "enclose", "convert")
)
"""Extensions whose work grows with the message."""
LARGE: Final = 64 * 1024
"""Octets from which on such work is done in a thread."""
MUCH: Final = 32 * 1024 * 1024
"""Characters of a script, times octets of the header, from which on it runs in a thread."""
MAX_VERSIONS: Final = 8
"""Edited messages of one recipient: each of them is made, and stored, as a whole."""
TURN: Final = 0.01
"""Seconds of scripts after which the reactor has a turn."""


@frozen
class Filtered:
    """A message that scripts are run over. `header` is its block; `envelope` what was said.

    `flags` are those of a message that is stored, where something was done to it that scripts run
    for (RFC 6785); None at a delivery."""

    header: Header
    body_start: int
    size: int
    text: Text
    envelope: Envelope
    environment: dict[str, str] = field(factory=dict)
    flags: tuple[str, ...] | None = None


class Filters:
    """Runs chains of scripts."""

    def __init__(self, rooms: FilterRooms) -> None:
        self.rooms = rooms
        self._busy = 0.0

    async def run(
        self,
        chain: Sequence[Link],
        message: Filtered,
        recipient: Recipient,
        folders: Folders,
        *,
        seen: "set[bytes] | None" = None,
        trace: bool = False,
    ) -> Wishes:
        """What these scripts want done with a message. `seen` are keys of duplicates of the
        account that the same delivery has met already; new ones are added.

        Raises Unavailable when storage could not be read: the delivery is to be tried again.
        """
        meter = _Meter(self.rooms.cpu)
        with entered("sieve", "run") as span:
            wishes = await self._run(chain, message, recipient, folders, seen, trace, meter)
            if span is not None:
                span.facts["sora.scripts"] = " ".join(link.where for link in chain)
                span.facts["sora.cpu_seconds"] = round(meter.used, 6)
                if wishes.trouble is not None:
                    span.error = f"{wishes.trouble.where} script failed"
        self._count(wishes, meter.used, message.flags is not None)
        await self._turn(meter.used)
        return wishes

    async def _run(
        self,
        chain: Sequence[Link],
        message: Filtered,
        recipient: Recipient,
        folders: Folders,
        seen: "set[bytes] | None",
        trace: bool,
        meter: "_Meter",
    ) -> Wishes:
        wishes = Wishes()
        answers = Answers(self.rooms, recipient, folders, message.text, seen)
        for link in chain:
            if wishes.keep is None:
                break
            try:
                script = await self.rooms.compiler.compile(link.source)
            except ScriptErrors as errors:
                self._ran(link, message, "invalid")
                return failed(wishes, Trouble(link.where, link.name, str(errors.errors[0])), ())
            answers.version = wishes.kept
            shown = _shown(message, wishes.kept)
            context = self._context(message, recipient, meter, trace)
            if message.flags is not None and wishes.keep.flags is not None:
                context = evolve(context, flags=wishes.keep.flags)
            is_heavy = _is_heavy(script, len(link.source), shown)
            outcome = await self._drive(run(script, shown, context), answers, meter, is_heavy)
            self._ran(link, message, "ok" if outcome.error is None else "failed")
            if outcome.error is not None:
                trouble = Trouble(link.where, link.name, str(outcome.error))
                return failed(wishes, trouble, outcome.trace)
            more = added(wishes, outcome)
            if len(more.versions) > MAX_VERSIONS:
                text = f"The script wants more than {MAX_VERSIONS} different edits of the message"
                return failed(wishes, Trouble(link.where, link.name, text), outcome.trace)
            wishes = more
        if seen is not None:
            seen.update(seen_key(one.handle, one.id) for one in wishes.seen)
        return wishes

    def _ran(self, link: Link, message: Filtered, result: str) -> None:
        metrics = self.rooms.metrics
        if metrics is not None:
            occasion = "delivery" if message.flags is None else "event"
            metrics.scripts.labels(occasion, link.where, result).inc()

    def _count(self, wishes: Wishes, seconds: float, is_event: bool) -> None:
        metrics = self.rooms.metrics
        if metrics is None:
            return
        occasion = "event" if is_event else "delivery"
        metrics.seconds.labels(occasion).observe(seconds)
        wanted = [type(wish.action).__name__.lower() for wish in wishes.actions]
        wanted += ["remember"] * len(wishes.seen) + ["keep"] * (wishes.keep is not None)
        for action in wanted:
            metrics.actions.labels(occasion, action).inc()

    def _context(
        self, message: Filtered, recipient: Recipient, meter: "_Meter", trace: bool
    ) -> Context:
        rooms = self.rooms
        return Context(
            now=datetime.fromtimestamp(rooms.clock.seconds(), UTC).astimezone(),
            environment={**rooms.environment, **message.environment},
            addresses=recipient.addresses or (recipient.address,),
            separator=rooms.separator,
            settings=rooms.settings,
            limits=rooms.limits,
            trace=trace,
            clock=meter.seconds,
            is_event=message.flags is not None,
            flags=message.flags,
        )

    async def _drive(
        self,
        running: "Generator[Question, Any, Outcome]",
        answers: "Answers",
        meter: "_Meter",
        is_heavy: bool,
    ) -> Outcome:
        """Answer what a running script asks, until its end."""

        def step(answer: Any) -> Question | Outcome:
            with meter:
                try:
                    return running.send(answer)
                except StopIteration as done:
                    outcome: Outcome = done.value
                    return outcome

        answer: Any = None
        while True:
            if is_heavy:
                asked = await self.rooms.threads.run(step, answer)
            else:
                asked = step(answer)
            if isinstance(asked, Outcome):
                return asked
            answer = await answers.answer(asked)

    async def _turn(self, seconds: float) -> None:
        """Give the reactor a turn when scripts have kept it for some time."""
        self._busy += seconds
        if self._busy > TURN:
            self._busy = 0.0
            await pause(self.rooms.clock, 0)


class _Meter:
    """How long a chain has computed, in whichever threads."""

    def __init__(self, cpu: Callable[[], float]) -> None:
        self._cpu = cpu
        self.used = 0.0
        self._since: float | None = None

    def seconds(self) -> float:
        """Seconds up to now; what runs asks."""
        return self.used + (0.0 if self._since is None else self._cpu() - self._since)

    def __enter__(self) -> None:
        self._since = self._cpu()

    def __exit__(self, *ignored: object) -> None:
        self.used, self._since = self.seconds(), None


def _shown(message: Filtered, version: Version) -> Message:
    """The message as the next script sees it."""
    if not version.edits:
        return Message(message.header, message.size, message.envelope, message.body_start)
    header, size = version.edits[-1].header, message.size
    for edit in version.edits:
        size = edit.size(size)
    return Message(Header.of(header), size, message.envelope, header_end(header))


def _is_heavy(script: Script, size: int, message: Message) -> bool:
    """Whether running a script of so many characters may take long enough to be worth a thread.
    Those that include others are taken for large ones."""
    if message.size > LARGE and HEAVY & script.requires:
        return True
    if "include" in script.requires:
        size += LARGE
    return size * message.body_start > MUCH
