"""Runs the scripts of a recipient over a message, and tells what they want done.

The scripts are a chain: the server's before, the domain's before, the user's active one, the
domain's after, the server's after. The next one runs as long as a keep is still in effect, and what
it does takes the place of that keep; all else adds up (G45). `stop` ends its own script only. The
next script sees the message as the keep before it left it (edits included).

A script that fails keeps the message as it arrived, for INBOX, and ends the chain; what those
before it did stands. Nothing here acts: it is all in the `Wishes`.

`run` of `sora.sieve` is a generator that asks. Its questions are answered here from what RCPT has
read; storage is read only for what a script asks for besides (annotations, duplicates, included
scripts, mailboxes of others), and the body only if it wants to see it. No script can stall the
reactor: its instructions are counted (G49), and one that may take long runs in a thread.
"""

from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Literal, Protocol

from attrs import define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime

from sora.errors import BadSyntax, NoSuchMailbox, NoSuchScript, NotPermitted
from sora.mail.annotations import Entry, parse_entry
from sora.mail.headers import header_end
from sora.mailbox.address_books import annotation_of, first_among, members_of
from sora.mailbox.folders import Folders
from sora.metrics.sieve import SieveMetrics
from sora.retry import pause
from sora.sieve.effects import (
    Action,
    Edited,
    GetMetadata,
    InList,
    Keep,
    ListExists,
    ListMembers,
    LoadScript,
    MailboxExists,
    MailboxIdExists,
    Question,
    ReadMessage,
    Remember,
    SeenBefore,
    SpecialUseExists,
)
from sora.sieve.errors import ScriptErrors
from sora.sieve.limits import Limits
from sora.sieve.message import Envelope, Header, Message
from sora.sieve.run import Context, Outcome, TraceLine, run
from sora.sieve.script import Script
from sora.storage.interfaces import IMessages, IMetadata, IRights, IScripts
from sora.storage.rows import Recipient
from sora.tracing.spans import entered

Where = Literal["server", "domain", "user"]

HEAVY: Final = frozenset(
    ("body", "foreverypart", "mime", "extracttext", "regex", "replace", "enclose", "convert")
)
"""Extensions whose work grows with the message."""
LARGE: Final = 64 * 1024
"""Octets from which on such work is done in a thread."""
MUCH: Final = 32 * 1024 * 1024
"""Characters of a script, times octets of the header, from which on it runs in a thread."""
MOST_METADATA: Final = 64 * 1024
"""Octets of an annotation that a script can see."""
MAX_VERSIONS: Final = 8
"""Edited messages of one recipient: each of them is made, and stored, as a whole."""
TURN: Final = 0.01
"""Seconds of scripts after which the reactor has a turn."""


@frozen
class Version:
    """A message as it arrived, or as edits have left it, one after the other (G46)."""

    edits: tuple[Edited, ...] = ()

    def edited(self, by: Edited | None) -> "Version":
        """The version after one more edit."""
        return self if by is None else Version((*self.edits, by))

    def octets(self, original: bytes) -> bytes:
        """The whole message, made of the one that arrived."""
        for edit in self.edits:
            original = edit.octets(original)
        return original


ARRIVED: Final = Version()
_KEEP: Final = Keep()


@frozen
class Wish:
    """An action, and the message that it is taken with."""

    action: Action
    version: Version = ARRIVED


@frozen
class Trouble:
    """A script that failed: whose it is, its name, and the place and the reason."""

    where: Where
    script: str
    text: str


@frozen
class Wishes:
    """What the scripts want done. `keep` is the keep in effect, None when there is none, with the
    version of the message that it keeps. `seen` are messages to be remembered as duplicates."""

    actions: tuple[Wish, ...] = ()
    keep: Keep | None = _KEEP
    kept: Version = ARRIVED
    seen: tuple[Remember, ...] = ()
    trouble: Trouble | None = None
    trace: tuple[TraceLine, ...] = ()

    @property
    def versions(self) -> set[Version]:
        """The edited messages that are wanted."""
        found = {self.kept, *(wish.version for wish in self.actions)}
        return {version for version in found if version.edits}


class Text(Protocol):
    """The octets of a message: those of a spool, or of a stored message."""

    async def read(self, limit: int) -> bytes:
        """The first `limit` octets."""


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


@frozen
class Link:
    """One script of a chain: whose it is, what it is called, its text."""

    where: Where
    name: str
    source: str


class Compiles(Protocol):
    """What `sora.mailbox.scripts.Compiler` does for filters."""

    async def compile(self, source: str) -> Script:
        """The script of a text. Raises ScriptErrors."""


@frozen(kw_only=True)
class FilterRooms:
    """What scripts are run with; one for the whole process.

    `before` and `after` are the texts of the server's scripts. `cpu` is a clock of computing time,
    in seconds. `threads` is a `sora.threads.Threads`. `environment` are items of RFC 5183,
    `settings` are for extensions.
    """

    compiler: Compiles
    scripts: IScripts
    messages: IMessages
    metadata: IMetadata
    rights: IRights
    threads: Any
    clock: IReactorTime
    cpu: Callable[[], float]
    limits: Limits = field(factory=Limits)
    before: str | None = None
    after: str | None = None
    separator: str = "+"
    environment: dict[str, str] = field(factory=dict)
    settings: dict[str, Any] = field(factory=dict)
    metrics: SieveMetrics | None = None

    def chain(self, recipient: Recipient) -> list[Link]:
        """The scripts that run for a recipient's mail; none for most."""
        scripts = recipient.scripts
        links = [
            _link("server", "default_before", self.before),
            _link("domain", "before", scripts.domain_before),
            None
            if scripts.active is None
            else Link("user", scripts.active.name, scripts.active.source),
            _link("domain", "after", scripts.domain_after),
            _link("server", "default_after", self.after),
        ]
        return [link for link in links if link is not None]


def _link(where: Where, name: str, source: str | None) -> Link | None:
    return None if source is None else Link(where, name, source)


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
        answers = _Answers(self.rooms, recipient, folders, message.text, seen)
        for link in chain:
            if wishes.keep is None:
                break
            try:
                script = await self.rooms.compiler.compile(link.source)
            except ScriptErrors as errors:
                self._ran(link, message, "invalid")
                return _failed(wishes, link, str(errors.errors[0]), ())
            answers.version = wishes.kept
            shown = _shown(message, wishes.kept)
            context = self._context(message, recipient, meter, trace)
            if message.flags is not None and wishes.keep.flags is not None:
                context = evolve(context, flags=wishes.keep.flags)
            is_heavy = _is_heavy(script, len(link.source), shown)
            outcome = await self._drive(run(script, shown, context), answers, meter, is_heavy)
            self._ran(link, message, "ok" if outcome.error is None else "failed")
            if outcome.error is not None:
                return _failed(wishes, link, str(outcome.error), outcome.trace)
            more = _added(wishes, outcome)
            if len(more.versions) > MAX_VERSIONS:
                text = f"The script wants more than {MAX_VERSIONS} different edits of the message"
                return _failed(wishes, link, text, outcome.trace)
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
        answers: "_Answers",
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


def _failed(wishes: Wishes, link: Link, text: str, trace: tuple[TraceLine, ...]) -> Wishes:
    trouble = Trouble(link.where, link.name, text)
    return evolve(wishes, keep=Keep(), kept=ARRIVED, trouble=trouble, trace=(*wishes.trace, *trace))


def _added(wishes: Wishes, outcome: Outcome) -> Wishes:
    """The wishes with those of one more script, which take the place of the keep before."""
    base = wishes.kept
    actions = list(wishes.actions)
    seen = list(wishes.seen)
    for action in outcome.actions:
        if isinstance(action, Remember):
            seen.append(action)
        else:
            actions.append(Wish(action, base.edited(getattr(action, "message", None))))
    keep, kept = outcome.keep, base
    if keep is not None:
        kept = base.edited(keep.message)
        if keep.flags is None and wishes.keep is not None:
            # It has not said anything of flags: those of the script before stay.
            keep = evolve(keep, flags=wishes.keep.flags)
    trace = (*wishes.trace, *outcome.trace)
    return Wishes(tuple(actions), keep, kept, tuple(seen), None, trace)


def seen_key(handle: str, id: str) -> bytes:
    """What a duplicate is remembered by (RFC 7352): 32 octets."""
    return _digest("duplicate", handle, id)


def _digest(*texts: str) -> bytes:
    digest = blake2b(digest_size=32)
    for text in texts:
        octets = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets) + octets)
    return digest.digest()


@define(eq=False)
class _Answers:
    """Answers to the questions of one recipient's scripts. `version` is the message that the
    script which is running sees."""

    rooms: FilterRooms
    recipient: Recipient
    folders: Folders
    text: Text
    seen: set[bytes] | None
    version: Version = ARRIVED
    _lists: dict[str, tuple[str, ...] | None] = field(factory=dict)

    async def answer(self, question: Question) -> Any:
        match question:
            case MailboxExists(names):
                return await self._all_exist(names)
            case SpecialUseExists(None, uses):
                return all(self.folders.by_use(use) is not None for use in uses)
            case SpecialUseExists(str(mailbox), uses):
                return self.folders.has_use(mailbox, uses)
            case MailboxIdExists(object_id):
                return self.folders.by_id(object_id) is not None
            case GetMetadata(mailbox, entries):
                return await self._metadata(mailbox, entries)
            case LoadScript(name, location):
                return await self._load(name, location)
            case SeenBefore(handle, id):
                return await self._seen_before(seen_key(handle, id))
            case ReadMessage(limit):
                return await self._read(limit)
            case InList(name, values):
                return first_among(values, await self._list(name) or ())
            case ListMembers(name, limit):
                members = await self._list(name)
                return None if members is None else members[:limit]
            case ListExists(name):
                return await self._list(name) is not None

    async def _all_exist(self, names: Sequence[str]) -> bool:
        for name in names:
            if await self.folders.find(name) is None:
                return False
        return True

    async def _list(self, name: str) -> tuple[str, ...] | None:
        """The members of an external list, read once; None if there is none (RFC 6134)."""
        if name not in self._lists:
            entry = annotation_of(name)
            (value,) = (None,) if entry is None else await self._metadata(None, (entry,))
            self._lists[name] = members_of(name, value)
        return self._lists[name]

    async def _metadata(self, mailbox: str | None, names: Sequence[str]) -> tuple[str | None, ...]:
        entries: list[Entry | None] = []
        for name in names:
            try:
                entries.append(parse_entry(name.encode("utf-8", "replace")))
            except BadSyntax:
                entries.append(None)
        wanted = [entry for entry in entries if entry is not None]
        account_id, key = self.recipient.account_id, None
        if mailbox is not None:
            folder = await self.folders.find(mailbox)
            if folder is None:
                return (None,) * len(names)
            account_id, key = folder.account_id, folder.name
        values: dict[Entry, bytes | None] = {}
        if wanted:
            try:
                annotated = await self.rooms.metadata.read(
                    account_id, key, self.recipient.account_id, wanted, 0, MOST_METADATA
                )
            except (NoSuchMailbox, NotPermitted):
                return (None,) * len(names)
            values = {one.entry: one.value for one in annotated.annotations}
        found = (None if entry is None else values.get(entry) for entry in entries)
        return tuple(None if value is None else value.decode("utf-8", "replace") for value in found)

    async def _load(self, name: str, location: str) -> Script | ScriptErrors | None:
        owner = self.recipient.account_id
        if location == "global":
            domain = self.recipient.address.rpartition("@")[2]
            found = await self.rooms.rights.domain_owner(domain)
            if found is None:
                return None
            owner = found.account_id
        try:
            return await self.rooms.compiler.compile(await self.rooms.scripts.get(owner, name))
        except NoSuchScript:
            return None
        except ScriptErrors as errors:
            return errors

    async def _seen_before(self, key: bytes) -> bool:
        if self.seen is not None and key in self.seen:
            return True
        return bool(await self.rooms.messages.seen_before(self.recipient.account_id, key))

    async def _read(self, limit: int) -> bytes:
        before = sum(edit.body_start for edit in self.version.edits)
        return self.version.octets(await self.text.read(limit + before))[:limit]
