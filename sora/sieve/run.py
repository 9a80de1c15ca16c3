"""The interpreter: a script and a message go in, questions come out, then what is to be done.

How it works ------------ `run` is a generator. It goes through the commands of a script; each one
calls the function of its word with the `Run` (all that changes) and the `Call` (what the script
wrote). A function that needs the world is itself a generator; its questions are passed up through
`yield from`, and whoever drives `run` sends the answers:

    running = run(script, message, Context(now=clock.now()))
    try:
        question = next(running)
        while True:
            question = running.send(answer(question))
    except StopIteration as done:
        outcome = done.value

No action is done while the script runs. They are collected, so that a script that fails half-way
has done nothing at all: a runtime error gives up its actions, and the mail is kept (RFC 5228
§2.10.6 allows all or nothing; G45). What does not ask anything never makes a generator: tests are
plain calls unless one below them asks (`Call.asks`).

Control flow is exceptions of `problems.py`: `Stop` and `Return` end scripts, `Problem` ends the
run. They never leave it. Every loop pays with `spend`: commands, tests, and texts that are
compared, by their length. Paying too much is a `Problem`, too. So the time of a run is bounded by
its limits, whatever the script and the message are (G49).

State of extensions is theirs: `run.own(Kind)` is one object of that kind for the run,
`run.frame.own` one for each included script (variables are not shared, RFC 6609 §3.4)."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from attrs import define, evolve, field, frozen

from sora.sieve.call import Call, Template
from sora.sieve.conflicts import ONLY_AT_DELIVERY, conflict_of
from sora.sieve.effects import (
    Action,
    Edited,
    FileInto,
    Keep,
    Question,
    Redirect,
    Reject,
    Vacation,
)
from sora.sieve.errors import RuntimeProblem
from sora.sieve.extension import Asking, Test
from sora.sieve.limits import Limits
from sora.sieve.message import Header, Message
from sora.sieve.problems import Problem, Return, Stop
from sora.sieve.script import Script
from sora.sieve.trace import TraceLine, describe, listed

if TYPE_CHECKING:
    from sora.sieve.presenting import Around

T = TypeVar("T")
_NO_LIMITS: Final = Limits()
_COMPARED: Final = 512
"""Characters of text that are compared for one instruction."""
_EXPANDED: Final = 64
"""Characters of strings with variables that are made for one instruction: they can all be there at
once, in a list of strings."""
_BODIES: Final = 4
"""How often as much as `limits.body` is held of changed messages, for actions."""
_CLOCK_EVERY: Final = 256
"""Instructions between two looks at the clock."""
MAX_DEPTH: Final = 100
"""Levels of blocks, those of scripts that include others added up: each is two generators."""
MAX_TRACE: Final = 10_000
"""Lines; a trace that is longer ends there."""


@frozen
class Context:
    """What a run knows of the world without asking.

    now: the moment of delivery (aware), in the zone that is the local one of `date`.
    environment: items of `environment` (RFC 5183): `domain`, `host`, `location`, `remote-ip`...
    addresses: the account's own, as they are written; the first is the main one.
    separator: what begins the detail of an address (RFC 5233); "" for none.
    settings: for extensions, what the operator has set, by name (`spamtest`...).
    is_event: no delivery, but something that a client did to a stored message (RFC 6785): there is
        no envelope, and nobody to answer. flags: those that it has then, None at a delivery.
    clock: seconds, for `limits.cpu`; None for no such limit.
    """

    now: datetime
    environment: Mapping[str, str] = {}
    addresses: tuple[str, ...] = ()
    separator: str = "+"
    settings: Mapping[str, Any] = {}
    limits: Limits = _NO_LIMITS
    trace: bool = False
    clock: Callable[[], float] | None = None
    is_event: bool = False
    flags: tuple[str, ...] | None = None


@frozen
class Outcome:
    """What a run has come to.

    `actions` are all to be done, in this order (G45). `keep` is the keep that is in effect: an
    explicit one, or the implicit one; None if it was cancelled. After an `error` there are no
    actions, and the message is kept as it arrived."""

    actions: tuple[Action, ...] = ()
    keep: Keep | None = None
    error: RuntimeProblem | None = None
    trace: tuple[TraceLine, ...] = ()
    instructions: int = 0


def run(script: Script, message: Message, context: Context) -> Generator[Question, Any, Outcome]:
    """Run a script over a message. Yields questions and is sent the answers (`effects.py` has the
    type of each). Never raises for anything that a script or a message can do."""
    running = Run(script, message, context)
    error: RuntimeProblem | None = None
    try:
        yield from running.script(running.frame)
    except Stop:
        pass
    except Problem as problem:
        call = problem.call or running.call
        line, column = (call.line, call.column) if call is not None else (1, 1)
        error = RuntimeProblem(line, column, problem.text, running.frame.name)
    return running.outcome(error)


@define(eq=False)
class Frame:
    """A script while it runs: the script itself, or one that is included. `enabled` is what `ihave`
    has found (RFC 5463 §4)."""

    script: Script
    name: str = ""
    location: str = "personal"
    enabled: set[str] = field(factory=set)
    matches: tuple[str, ...] = ()
    """Match variables: `${0}` and on (RFC 5229 §3.2)."""
    _own: dict[Callable[[], Any], Any] = field(factory=dict)

    def own(self, kind: Callable[[], T]) -> T:
        """The state of an extension, for this script; made by `kind` when first asked for."""
        if kind not in self._own:
            self._own[kind] = kind()
        return cast(T, self._own[kind])

    def has(self, extension: str) -> bool:
        """Whether the script can use the extension now."""
        return extension in self.script.requires or extension in self.enabled


@define(eq=False)
class Run:
    """One run: what the functions of words are given.

    `header` is that of the message with all edits up to now; `edited_body` its body if that was
    changed, and `unenclosed` both before `enclose`; `call` what is being run. `around` is what the
    message is a part of, while an included script sees no more.
    """

    top: Script
    message: Message
    context: Context
    header: Header = field(init=False)
    edited_body: bytes | None = None
    unenclosed: tuple[Header, bytes | None] | None = None
    frame: Frame = field(init=False)
    frames: list[Frame] = field(factory=list)
    call: Call | None = None
    flags: tuple[str, ...] | None = None
    """What imap4flags' internal variable holds; None while nothing was set (RFC 5232 §3)."""
    instructions: int = 0
    memory: int = 0
    around: "list[Around]" = field(factory=list)
    _actions: list[Action] = field(factory=list)
    _taken: dict[Any, int] = field(factory=dict)
    _redirects: set[str] = field(factory=set)
    _keep: Keep | None = None
    _bodies: int = 0
    _snapshot: tuple[Header, bytes | None, Edited] | None = None
    _implicit: bool = True
    _own: dict[Callable[[], Any], Any] = field(factory=dict)
    _trace: list[TraceLine] = field(factory=list)
    _end: float = 0
    _depth: int = 0

    def __attrs_post_init__(self) -> None:
        self.header = self.message.header
        self.frame = Frame(self.top)
        self.flags = self.context.flags
        if self.context.clock is not None and self.limits.cpu:
            self._end = self.context.clock() + self.limits.cpu

    @property
    def limits(self) -> Limits:
        """How much the run may do."""
        return self.context.limits

    def own(self, kind: Callable[[], T]) -> T:
        """The state of an extension, for the whole run; made by `kind` when first asked for."""
        if kind not in self._own:
            self._own[kind] = kind()
        return cast(T, self._own[kind])

    def exchange(self, kind: Callable[[], T], state: T) -> None:
        """Put other state of an extension in the place of what `own` has given up to now."""
        self._own[kind] = state

    def problem(self, text: str) -> Problem:
        """A runtime error, to be raised."""
        return Problem(self.call, text)

    # -------------------------------------------------------------- running

    def script(self, frame: Frame) -> Asking[None]:
        """Run a script to its end, or to its `return`."""
        before, self.frame = self.frame, frame
        self.frames.append(frame)
        unusable = ONLY_AT_DELIVERY & frame.script.requires if self.context.is_event else ()
        if unusable:
            raise self.problem(f"{min(unusable)!r} is for deliveries, and this is none")
        with suppress(Return):
            yield from self.block(frame.script.commands)
        # Not in a `finally`: what ends the run wants to know where it was.
        self.frames.pop()
        self.frame = before

    def block(self, commands: Sequence[Call]) -> Asking[None]:
        """Run commands one after the other."""
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise self.problem(f"Blocks run more than {MAX_DEPTH} levels deep")
            for call in commands:
                self.call = call
                self.spend(1)
                if call.needs:
                    self._found(call)
                asking = call.run(self, call)
                if asking is not None:
                    yield from asking
        finally:
            self._depth -= 1

    def test(self, call: Call) -> Asking[bool]:
        """The result of a test that may ask."""
        if not call.asks:
            return self.holds(call)
        self.call = call
        self.spend(1)
        if call.needs:
            self._found(call)
        result = call.run(self, call)
        if not isinstance(result, bool):
            result = bool((yield from result))
        if self.context.trace:
            self.note(f"{call.name}: {'true' if result else 'false'}", call)
        return result

    def holds(self, call: Call) -> bool:
        """The result of a test that does not ask."""
        self.call = call
        self.spend(1)
        if call.needs:
            self._found(call)
        result: bool = call.run(self, call)
        if self.context.trace:
            self.note(f"{call.name}: {'true' if result else 'false'}", call)
        return result

    def _found(self, call: Call) -> None:
        for extension in call.needs:
            if extension not in self.frame.enabled and extension not in self.frame.script.requires:
                raise Problem(
                    call, f"'{call.name}' needs the extension {extension!r}, which was not required"
                )

    def spend(self, instructions: int) -> None:
        """Pay for work."""
        self.instructions += instructions
        if self.instructions > self.limits.instructions:
            raise self.problem(
                f"The script does too much: more than {self.limits.instructions} instructions"
            )
        if self._end and self.instructions % _CLOCK_EVERY < instructions:
            clock = self.context.clock
            assert clock is not None
            if clock() > self._end:
                raise self.problem(f"The script takes longer than {self.limits.cpu:g} seconds")

    def hold(self, characters: int) -> None:
        """Pay for memory that is kept; what is given back is negative."""
        self.memory += characters
        if self.memory > self.limits.memory:
            raise self.problem(
                f"The script holds too much: more than {self.limits.memory} characters"
            )

    # -------------------------------------------------------------- strings

    def expand(self, value: "str | Template") -> str:
        """A string, with variables in it."""
        if isinstance(value, str):
            return value
        text = value.expand(self)
        self.spend(len(text) // _EXPANDED + 1)
        return text

    def expand_all(self, values: "tuple[str | Template, ...]") -> tuple[str, ...]:
        """Strings, with variables in them."""
        if all(type(one) is str for one in values):
            return cast(tuple[str, ...], values)
        return tuple([self.expand(one) for one in values])

    def matches_any(self, call: Call, values: Sequence[str]) -> Asking[bool] | bool:
        """Whether one of the values matches one of the keys of a matching test; what is to be
        asked for that, with match types that do."""
        keys = call.strings(self, "keys")
        if isinstance(call.word, Test) and call.word.keys is not None:
            keys = call.word.keys(call, keys)
        length = sum(map(len, values))
        if call.comparator.cost > 1:
            length *= 1 if all(map(str.isascii, values)) else call.comparator.cost
        self.spend((len(values) + length // _COMPARED) * len(keys))
        assert call.match_type is not None
        result = call.match_type.match(self, call, values, keys)
        if self.context.trace:
            self._note_match(call, values, keys)
        return result

    def matches_now(self, call: Call, values: Sequence[str]) -> bool:
        """The same for a test that has no match types which ask."""
        result = self.matches_any(call, values)
        assert isinstance(result, bool)
        return result

    def matched(self, found: Sequence[str]) -> None:
        """Set the match variables, `${0}` first (RFC 5229 §3.2)."""
        self.frame.matches = tuple(found)

    # -------------------------------------------------------------- actions

    def act(self, action: Action, keeps: bool = False) -> None:
        """Take an action. It cancels the implicit keep unless it `keeps` it (`:copy`). One that
        was taken already is not taken again (RFC 5228 §2.10.3); its flags are then those of the
        later."""
        for tag in self.call.tags if self.call is not None else ():
            if tag.apply is not None:
                action = tag.apply(self, cast(Call, self.call), action)
        self._agree(action)
        if isinstance(action, Redirect):
            self._redirected(action)
        same = evolve(action, flags=None) if isinstance(action, FileInto) else action
        place = self._taken.get(same)
        if place is not None:
            self._actions[place] = action
        else:
            if len(self._actions) >= self.limits.actions:
                raise self.problem(f"The script takes more than {self.limits.actions} actions")
            self._taken[same] = len(self._actions)
            self._actions.append(action)
        if not keeps:
            self._implicit = False
        if self.context.trace:
            self.note(describe(action))

    def _agree(self, action: Action | Keep) -> None:
        """Some actions exclude each other."""
        conflict = conflict_of(self._actions, self._keep, action)
        if self.context.is_event and isinstance(action, Reject | Vacation):
            conflict = "Only at a delivery a message can be rejected or answered"
        if conflict is not None:
            raise self.problem(conflict)

    def _redirected(self, action: Redirect) -> None:
        self._redirects.add(action.address)
        if len(self._redirects) > self.limits.redirects:
            raise self.problem(
                f"The script redirects the message to more than {self.limits.redirects} addresses"
            )

    def keep(self, keep: Keep) -> None:
        """Keep the message; a later `keep` takes the place of an earlier one."""
        for tag in self.call.tags if self.call is not None else ():
            if tag.apply is not None:
                keep = tag.apply(self, cast(Call, self.call), keep)
        self._agree(keep)
        self._keep = keep
        if self.context.trace:
            self.note(describe(keep))

    def cancel_keep(self) -> None:
        """Cancel the implicit keep."""
        self._implicit = False

    def snapshot(self, sent_on: bool = False) -> Edited | None:
        """The message as it is now, None if it is as it arrived. `enclose` does nothing to what
        is `sent_on` (RFC 5703 §6)."""
        header, body = self.header, self.edited_body
        if sent_on and self.unenclosed is not None:
            header, body = self.unenclosed
        message = self.message
        for outer in reversed(self.around):
            header, body = outer.merged(self, message, header, body, sent_on)
            message = outer.message
        if header is message.header and body is None:
            return None
        # The same for several actions: headers can be large.
        if self._snapshot is None or self._snapshot[:2] != (header, body):
            if body is not None and (self._snapshot is None or self._snapshot[1] is not body):
                self._bodies += len(body)
                if self._bodies > _BODIES * self.limits.body:
                    raise self.problem("The script files too many changed messages")
            edited = Edited(header.octets(), body, message.body_start)
            self._snapshot = (header, body, edited)
        return self._snapshot[2]

    def outcome(self, error: RuntimeProblem | None) -> Outcome:
        """What the run has come to."""
        trace = tuple(self._trace)
        if error is not None:
            return Outcome((), Keep(), error, trace, self.instructions)
        keep = self._keep
        if keep is None and self._implicit:
            keep = Keep(self.flags, self.snapshot())
        return Outcome(tuple(self._actions), keep, None, trace, self.instructions)

    # -------------------------------------------------------------- trace

    def note(self, text: str, call: Call | None = None) -> None:
        """Add a line to the trace, if there is one."""
        call = call or self.call
        if self.context.trace and call is not None and len(self._trace) < MAX_TRACE:
            self._trace.append(TraceLine(call.line, call.column, text, self.frame.name))

    def _note_match(self, call: Call, values: Sequence[str], keys: Sequence[str]) -> None:
        kind = call.match_type.tag.name if call.match_type is not None else "is"
        self.note(f"{call.name} :{kind}: {listed(values)} against {listed(keys)}", call)
