"""Import: from a source, folder by folder, into the mailboxes of an account.

    pages of what is there  ──▶ what is not known yet ──▶ batches ──▶ read ──▶ put
                                (one statement a page)               (ahead)  (one statement a
                                batch)

Of each folder one batch is read while the one before is written, and some folders go at the same
time. So memory is bounded by the batches, and by the lists of names of the folders at hand. Nothing
is remembered here: which messages are done stands in the database with the messages (`IImporting`),
so that whoever is killed and begins again goes on where it ended, and whoever runs it twice has all
once.
"""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, DeferredSemaphore

from sora.deferreds import gather
from sora.errors import AlreadyExists, NoSuchMailbox, SoraError
from sora.exchange.counts import Counts
from sora.exchange.ending import Stopped
from sora.exchange.folder_import import FolderImport
from sora.exchange.importing import ImportRooms, ImportRun, Into
from sora.exchange.source import Folder, Problem, Source
from sora.exchange.watch import Watch
from sora.exchange.wishes import Wishes
from sora.mail.mailbox_names import DELIMITER, INBOX, normalise
from sora.storage.rows import MailboxRow


async def import_all(
    rooms: ImportRooms,
    source: Source,
    into: Into,
    wishes: Wishes,
    told: Callable[[Counts], None] = lambda counts: None,
) -> Counts:
    """Import all that is not here yet. Raises BadSource; what else goes wrong is counted. It ends
    soon after `told` has raised Stopped."""
    counts = Counts()
    run = ImportRun(rooms, source, into, wishes, counts, told)
    try:
        with Watch(run):
            await _all(run)
    except Stopped as stopped:
        counts.stopped = stopped.error
    except SoraError:
        if counts.stopped is None:
            raise
    return counts


async def _all(run: ImportRun) -> None:
    source, wishes, counts = run.source, run.wishes, run.counts
    folders = [folder for folder in await source.folders() if wishes.wants(folder.name)]
    for problem in source.problems():
        counts.seen += problem.count
        counts.fail(problem)
    counts.folders = len(folders)
    counts.expected = counts.seen + sum(folder.messages for folder in folders)
    slots = DeferredSemaphore(wishes.jobs)

    def importing(folder: Folder) -> "Deferred[None]":
        return Deferred.fromCoroutine(_folder(run, folder))

    await gather(*[slots.run(importing, folder) for folder in sorted(folders, key=_order)])
    if not wishes.dry_run and counts.stopped is None:
        await _subscribe(run, folders)


def _order(folder: Folder) -> tuple[bool, int, str]:
    """INBOX first, and what is above before what is below."""
    return (folder.name != INBOX, folder.name.count(DELIMITER), folder.name)


async def _folder(run: ImportRun, folder: Folder) -> None:
    if run.counts.stopped is not None:
        return
    try:
        try:
            mailbox = await _mailbox(run, folder)
        except SoraError as error:
            await _none_of(run, folder, error)
        else:
            await FolderImport(run, folder, mailbox).run()
    except Stopped as stopped:
        run.counts.stopped = stopped.error
        raise
    except SoraError as error:
        if run.counts.stopped is not None:
            return  # the source was dropped for it
        # The source has failed: of what was seen in it some is left.
        run.counts.note(Problem(f"{folder.place}", error.text, 0))


async def _mailbox(run: ImportRun, folder: Folder) -> MailboxRow | None:
    """The mailbox that a folder becomes; None when it is only tried and not there yet."""
    rooms, account_id = run.rooms, run.into.account_id
    name = normalise(run.wishes.name_of(folder.name))
    uidvalidity = folder.uidvalidity if run.wishes.preserve_uids else None
    if not run.wishes.dry_run:

        def begin() -> "Deferred[MailboxRow]":
            return rooms.importing.begin(
                account_id, name, folder.special_use, uidvalidity, rooms.new_operation()
            )

        return await run.patiently(begin)
    try:
        row: MailboxRow = await rooms.mailboxes.find(account_id, name)
    except NoSuchMailbox:
        return None
    if uidvalidity not in (None, row.uidvalidity) and row.messages:
        raise AlreadyExists(
            f"The mailbox {name} has messages under UIDs of its own; those of the import cannot be"
            " kept."
        )
    return row


async def _none_of(run: ImportRun, folder: Folder, error: SoraError) -> None:
    """Nothing of a folder can be imported."""
    count = 0
    async for page in run.source.messages(folder):
        count += len(page)
    run.counts.seen += count
    run.counts.fail(Problem(f"{folder.place}", error.text, count))
    run.told(run.counts)


async def _subscribe(run: ImportRun, folders: Sequence[Folder]) -> None:
    """What was subscribed to; where the source does not know of that, all that it has."""
    names = await run.source.subscriptions()
    for name in [folder.name for folder in folders] if names is None else names:
        if run.wishes.wants(name):
            renamed = normalise(run.wishes.name_of(name))
            await run.rooms.mailboxes.subscribe(run.into.account_id, renamed)
