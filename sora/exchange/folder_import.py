"""The messages of one folder on their way into a mailbox."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred

from sora.errors import NoSuchMailbox, OverQuota, SoraError
from sora.exchange.ending import Stopped
from sora.exchange.importing import ImportRun
from sora.exchange.source import Fetched, Folder, Found, Problem
from sora.mail.flags import Flags, Keywords
from sora.mail.numbers import NumberSet
from sora.mailbox.spool import Spools
from sora.storage.rows import (
    MAX_IMPORTED,
    Arrival,
    FlagChange,
    ImportDone,
    Imported,
    ImportFate,
    Incoming,
    MailboxRow,
)

MAX_BATCH: Final = MAX_IMPORTED // 2
MAX_BATCH_SIZE: Final = 2 * 1024 * 1024
"""octets from which on a batch takes no further message"""

_Item = tuple[Found, Fetched]


@frozen
class _Batch:
    """Messages that are being read, or were."""

    wanted: Sequence[Found]
    spools: Spools
    reading: "Deferred[Sequence[Fetched | Problem | None]]"

    async def drop(self) -> None:
        """Let go of what is read for nobody; something else has failed, and is told."""
        try:
            await self.reading
        except SoraError:
            pass
        finally:
            self.spools.close()


class FolderImport:
    """Imports a folder. Without a `mailbox`, or when it is only tried, nothing is written."""

    def __init__(self, run: ImportRun, folder: Folder, mailbox: MailboxRow | None) -> None:
        self._run = run
        self._rooms = run.rooms
        self._counts = run.counts
        self._folder = folder
        self._mailbox = mailbox
        self._keeps_uids = run.wishes.preserve_uids and folder.uidvalidity is not None
        self._is_reserved = not self._keeps_uids

    async def run(self) -> None:
        """Do it. Raises Stopped, and what a source raises that cannot go on."""
        ahead: _Batch | None = None
        try:
            async for wanted in self._batches():
                before, ahead = ahead, self._read(wanted)
                if before is not None:
                    await self._finish(before)
            last, ahead = ahead, None
            if last is not None:
                await self._finish(last)
        except Stopped as stopped:
            # Known before what is being read is waited for: the source is dropped for it.
            self._counts.stopped = stopped.error
            raise
        finally:
            if ahead is not None:
                await ahead.drop()
        if not self._run.wishes.dry_run:
            await self._reserve()

    # ------------------------------------------------------------ what there is to do

    async def _batches(self) -> AsyncIterator[list[Found]]:
        """What is not known here yet."""
        async for page in self._run.source.messages(self._folder):
            self._counts.seen += len(page)
            known = await self._known(page)
            missing = [found for found in page if found.key not in known]
            self._counts.skipped += len(page) - len(missing)
            if self._run.wishes.update_flags and known:
                await self._update_flags(page, known)
            if self._run.wishes.dry_run:
                self._counts.done += len(missing)
                self._counts.octets += sum(found.size for found in missing)
            else:
                for batch in _cut(missing):
                    if self._counts.stopped is not None:
                        return
                    yield batch
            self._run.told(self._counts)

    async def _known(self, page: Sequence[Found]) -> Mapping[bytes, int]:
        mailbox = self._mailbox
        if mailbox is None:
            return {}
        keys = [found.key for found in page]
        return await self._run.patiently(lambda: self._rooms.importing.known(mailbox.id, keys))

    async def _update_flags(self, page: Sequence[Found], known: Mapping[bytes, int]) -> None:
        """Give what is here the flags that it has there, all of the same ones together."""
        mailbox, rooms = self._mailbox, self._rooms
        assert mailbox is not None, "it has known messages"
        opened = await rooms.mailboxes.open(mailbox.account_id, mailbox.name)
        masks = dict(zip(opened.states.uids, opened.states.masks, strict=True))
        keywords = Keywords(opened.keywords)
        changes: dict[Flags, list[int]] = {}
        for found in page:
            uid, flags = known.get(found.key, 0), found.flags
            if flags is None or uid not in masks:
                continue
            is_new = any(keywords.number(name) is None for name in flags.keywords)
            if is_new or keywords.mask(flags) != masks[uid]:
                changes.setdefault(flags, []).append(uid)
        for flags, uids in changes.items():
            self._counts.changed += len(uids)
            if not self._run.wishes.dry_run:
                change = FlagChange("replace", flags)
                operation = rooms.new_operation()
                await rooms.messages.store(mailbox.id, NumberSet.of(uids), change, operation)

    def _read(self, wanted: Sequence[Found]) -> _Batch:
        spools = Spools()
        reading = self._run.source.read(self._folder, wanted, spools.new)
        return _Batch(wanted, spools, Deferred.fromCoroutine(reading))

    # ------------------------------------------------------------ what is done

    async def _finish(self, batch: _Batch) -> None:
        """Put what was read of a batch into the mailbox."""
        try:
            results = await batch.reading
            items: list[_Item] = []
            for found, result in zip(batch.wanted, results, strict=True):
                if isinstance(result, Problem):
                    self._counts.fail(result)
                elif result is None:
                    self._counts.skipped += 1
                    self._counts.gone += 1
                else:
                    items.append((found, result))
            if items:
                await self._place(items)
        finally:
            batch.spools.close()
        self._run.told(self._counts)

    async def _place(self, items: Sequence[_Item]) -> None:
        """Put them there together; when that fails for one of them, each by itself."""
        if items[0][0].uid is None:
            await self._reserve()
        try:
            done = await self._put(items)
        except OverQuota as error:
            raise Stopped(error) from None
        except SoraError as error:
            if len(items) > 1 and not isinstance(error, NoSuchMailbox):
                for item in items:
                    await self._place([item])
                return
            for found, _ in items:
                self._counts.fail(Problem(found.where, error.text))
            return
        for (found, fetched), one in zip(items, done.imported, strict=True):
            self._count(found, fetched, one)

    async def _put(self, items: Sequence[_Item]) -> ImportDone:
        rooms, scope_id = self._rooms, self._run.into.scope_id
        mailbox = self._mailbox
        assert mailbox is not None, "something is written"
        messages = [
            Incoming(
                found.key,
                fetched.date,
                rooms.new_uuid(),
                fetched.flags,
                found.uid if self._keeps_uids else None,
            )
            for found, fetched in items
        ]
        operation = rooms.new_operation()

        def put(arrivals: Sequence[Arrival]) -> "Deferred[ImportDone]":
            return rooms.importing.put(scope_id, mailbox.id, arrivals, messages, operation)

        spools = [fetched.spool for _, fetched in items]
        return await self._run.patiently(lambda: rooms.arrivals.imported(scope_id, spools, put))

    def _count(self, found: Found, fetched: Fetched, one: Imported) -> None:
        if one.fate is ImportFate.PLACED:
            self._counts.done += 1
            self._counts.octets += fetched.spool.size
        elif one.fate is ImportFate.DUPLICATE:
            self._counts.skipped += 1
        else:
            text = (
                f"its UID {found.uid} is that of another message here; without --preserve-uids it"
                " is imported under a new one"
            )
            self._counts.fail(Problem(found.where, text))

    async def _reserve(self) -> None:
        """Let no message get a UID that the source has given out; what has none comes after."""
        mailbox, uidnext = self._mailbox, self._folder.uidnext
        if self._is_reserved or mailbox is None or uidnext is None:
            return
        self._is_reserved = True
        await self._run.patiently(lambda: self._rooms.importing.finish(mailbox.id, uidnext))


def _cut(missing: Sequence[Found]) -> Iterator[list[Found]]:
    """Batches of bounded number and size; in each of them all have UIDs, or none has."""
    batch: list[Found] = []
    size = 0
    for found in missing:
        is_other = batch and (found.uid is None) != (batch[0].uid is None)
        if is_other or len(batch) >= MAX_BATCH or size >= MAX_BATCH_SIZE:
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += found.size
    if batch:
        yield batch
