"""Export: the mailboxes of an account to a directory or to files, in bounded memory.

Of each mailbox the UIDs and flags are read once, the rest for some messages at a time; small bodies
are read together, large ones go through in pieces. What is there already from an export before is
skipped.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import parseaddr
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredSemaphore

from sora.deferreds import gather
from sora.errors import BadName, SoraError, StorageFull
from sora.exchange.counts import Counts
from sora.exchange.ending import Stopped
from sora.exchange.source import Problem
from sora.exchange.target import BadTarget, FolderTarget, MessageTarget, Outgoing, Target
from sora.mail.flags import SYSTEM, Flags, Keywords
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.storage.interfaces import IMailboxes, IMessages
from sora.storage.rows import Listing, MailboxRow, Opened, StoredMessage, Want
from sora.threads import Threads

BATCH: Final = 200
TOGETHER: Final = 4 * 1024 * 1024
"""octets of bodies that are in memory together"""
SMALL: Final = 256 * 1024
"""octets up to which bodies are read together"""
_RETURN_PATH: Final = b"return-path:"


@frozen
class ExportRooms:
    """What all exports of a process share; `threads` write files."""

    mailboxes: IMailboxes
    messages: IMessages
    bodies: Bodies
    threads: Threads


@frozen
class ExportRun:
    """One export: where to, and what came of it so far; who is told of it may raise Stopped, and so
    may who sends what the target has got."""

    rooms: ExportRooms
    target: Target
    counts: Counts
    told: Callable[[Counts], None]
    sent: Callable[[], Awaitable[None]]


async def nothing_to_send() -> None:
    """What a target has got is where it belongs."""


async def export_all(
    rooms: ExportRooms,
    account_id: int,
    target: Target,
    only: frozenset[str] | None = None,
    jobs: int = 2,
    told: Callable[[Counts], None] = lambda counts: None,
    sent: Callable[[], Awaitable[None]] = nothing_to_send,
) -> Counts:
    """Export all mailboxes, or some by name. What goes wrong is counted. `sent` waits until what
    the target has got so far is on its way; with it `jobs` is 1."""
    listing: Listing = await rooms.mailboxes.list(account_id)
    boxes = [box for box in listing.mailboxes if only is None or box.name in only]
    counts = Counts(folders=len(boxes), expected=sum(box.messages for box in boxes))
    run = ExportRun(rooms, target, counts, told, sent)
    for name in sorted((only or frozenset()) - {box.name for box in boxes}):
        counts.note(Problem(name, "There is no such mailbox"))
    slots = DeferredSemaphore(jobs)

    def exporting(box: MailboxRow) -> "Deferred[None]":
        return Deferred.fromCoroutine(_mailbox(run, box))

    try:
        await gather(*[slots.run(exporting, box) for box in boxes])
        names = {box.name for box in boxes}
        subscriptions = [one for one in listing.subscriptions if only is None or one in names]
        await rooms.threads.run(target.finish, subscriptions)
        await sent()
    except Stopped as stopped:
        counts.stopped = stopped.error
    except StorageFull as error:
        counts.stopped = error
    return counts


async def _mailbox(run: ExportRun, box: MailboxRow) -> None:
    if run.counts.stopped is not None:
        return
    try:
        opened: Opened = await run.rooms.mailboxes.open(box.account_id, box.name)
        run.counts.seen += len(opened.states.uids)
        await _opened(run, opened)
    except StorageFull as error:
        run.counts.stopped = error
        raise Stopped(error) from None
    except Stopped as stopped:
        run.counts.stopped = stopped.error
        raise
    except SoraError as error:
        run.counts.note(Problem(box.name, error.text, 0))


async def _opened(run: ExportRun, opened: Opened) -> None:
    name, keywords = opened.mailbox.name, Keywords(opened.keywords)
    threads = run.rooms.threads
    masks = [mask for mask in opened.states.masks if mask > SYSTEM]
    used = Counter(name for mask in masks for name in keywords.names(mask))
    try:
        words = [word for word, _ in used.most_common()]
        folder = await threads.run(run.target.folder, opened.mailbox, words)
    except (BadTarget, BadName) as error:
        run.counts.fail(Problem(name, error.text, len(opened.states.uids)))
        return
    for word in folder.lost:
        run.counts.note(Problem(name, f"there is no letter left for the keyword {word}"))
    try:
        await run.sent()
        await _MailboxWork(run, opened, keywords, folder).run()
        await threads.run(folder.finish, opened.states.uids, opened.mailbox.uidnext)
        await run.sent()
    except BaseException:
        await threads.run(folder.drop)
        raise


class _MailboxWork:
    """The messages of one mailbox."""

    def __init__(
        self, run: ExportRun, opened: Opened, keywords: Keywords, folder: FolderTarget
    ) -> None:
        self._run = run
        self._opened = opened
        self._keywords = keywords
        self._folder = folder

    async def run(self) -> None:
        """Write all that is not there yet."""
        states, counts = self._opened.states, self._run.counts
        for start in range(0, len(states.uids), BATCH):
            batch = await self._run.rooms.threads.run(self._missing, start)
            counts.skipped += len(states.uids[start : start + BATCH]) - len(batch)
            await self._write(batch)
            self._run.told(counts)

    def _missing(self, start: int) -> dict[int, Flags]:
        """Those of a batch that are not there yet, in a thread."""
        states, missing = self._opened.states, {}
        end = min(start + BATCH, len(states.uids))
        for uid, mask in zip(states.uids[start:end], states.masks[start:end], strict=True):
            flags = Flags(mask & SYSTEM, tuple(self._keywords.names(mask)))
            if not self._folder.has(uid, flags):
                missing[uid] = flags
        return missing

    async def _write(self, batch: dict[int, Flags]) -> None:
        if not batch:
            return
        rooms, counts = self._run.rooms, self._run.counts
        read = await rooms.messages.read(
            self._opened.mailbox.id, NumberSet.of(batch), frozenset({Want.BODY})
        )
        gone = len(batch) - len(read.messages)
        counts.skipped += gone
        counts.gone += gone
        for group in _groups(read.messages):
            await self._write_group(group, batch)
            await self._run.sent()
            self._run.told(counts)

    async def _write_group(self, group: Sequence[StoredMessage], batch: dict[int, Flags]) -> None:
        """Messages in their order: small ones, or a large one."""
        places = [message.body for message in group if message.body is not None]
        if len(places) == 1 and places[0].size > SMALL:
            await self._large(group[0], batch[group[0].uid])
            return
        bodies = await self._run.rooms.bodies.read_many(places)
        items = list(zip(group, bodies, strict=True))
        failures = await self._run.rooms.threads.run(self._small, items, batch)
        for message, failure in zip(group, failures, strict=True):
            self._count(message, failure)

    def _small(
        self, items: Sequence[tuple[StoredMessage, bytes | Exception]], batch: dict[int, Flags]
    ) -> list[SoraError | None]:
        """Write what was read, in a thread; what went wrong with each."""
        failures: list[SoraError | None] = []
        for message, body in items:
            failure: SoraError | None = None
            try:
                if isinstance(body, Exception):
                    raise body
                with self._writing(message, batch[message.uid]) as writing:
                    writing.write(body)
            except SoraError as error:
                failure = error
            failures.append(failure)
            if isinstance(failure, StorageFull):
                failures += [failure] * (len(items) - len(failures))
                break
        return failures

    async def _large(self, message: StoredMessage, flags: Flags) -> None:
        """A message that is not held in memory."""
        place = message.body
        assert place is not None, "it was asked for"
        failure: SoraError | None = None
        try:
            with self._writing(message, flags) as writing:
                await self._run.rooms.bodies.stream(place, 0, place.size, writing.write)
        except SoraError as error:
            failure = error
        self._count(message, failure)

    @contextmanager
    def _writing(self, message: StoredMessage, flags: Flags) -> Iterator[MessageTarget]:
        """A message that gets its name when its body is complete."""
        trace = message.trace or b""
        sender = sender_of(trace)
        writing = self._folder.start(Outgoing(message.uid, flags, message.internal_date, sender))
        try:
            writing.write(trace)
            yield writing
        except BaseException:
            writing.drop()
            raise
        writing.end()

    def _count(self, message: StoredMessage, failure: SoraError | None) -> None:
        """Count a message; when there is no room for it, there is none for those that follow."""
        if failure is None:
            self._run.counts.done += 1
            self._run.counts.octets += message.size
        elif isinstance(failure, StorageFull):
            raise failure
        else:
            where = f"{self._opened.mailbox.name}, UID {message.uid}"
            self._run.counts.fail(Problem(where, failure.text))


def _groups(messages: Sequence[StoredMessage]) -> Iterator[list[StoredMessage]]:
    group: list[StoredMessage] = []
    size = 0
    for message in messages:
        if group and (message.size > SMALL or size + message.size > TOGETHER):
            yield group
            group, size = [], 0
        group.append(message)
        size += message.size
        if message.size > SMALL:
            yield group
            group, size = [], 0
    if group:
        yield group


def sender_of(trace: bytes) -> str:
    """The envelope's sender, from what was put before a message when it was delivered."""
    for line in trace.split(b"\r\n"):
        if line[: len(_RETURN_PATH)].lower() == _RETURN_PATH:
            return parseaddr(line[len(_RETURN_PATH) :].decode("ascii", "replace"))[1]
    return ""
