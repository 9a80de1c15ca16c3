"""What an operator can do to bring mail from elsewhere, and to take it elsewhere."""

from collections.abc import Callable

from attrs import define, frozen

from sora.errors import NoSuchScript, SoraError
from sora.exchange.counts import Counts
from sora.exchange.imap_source import ImapSource
from sora.exchange.importer import import_all
from sora.exchange.importing import ImportRooms, Into
from sora.exchange.maildir_source import MaildirSource
from sora.exchange.maildir_tree import Layout
from sora.exchange.mbox_source import MboxSource
from sora.exchange.sieve_files import ScriptFile, read_scripts
from sora.exchange.source import Problem, Source, reading
from sora.exchange.tar_source import TarSource
from sora.exchange.wishes import Login, Wishes
from sora.mailbox.scripts import ScriptStore, text_of
from sora.mailbox.spool import Spool
from sora.operations.owners import OwnerLookup
from sora.sieve.errors import ScriptErrors
from sora.storage.rows import AccountRow, ScriptPosition
from sora.threads import Threads

Told = Callable[[Counts], None]


@define
class ScriptCounts:
    """What came of Sieve scripts; those that were seen are the others together."""

    seen: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    active: str | None = None


@frozen
class ImportOperations:
    """Imports into the mailboxes of users. `limit` is the largest message, in octets. What goes
    wrong with one message is counted and named; errors that end it are those of `sora.errors`, and
    BadSource."""

    owners: OwnerLookup
    rooms: ImportRooms
    scripts: ScriptStore
    threads: Threads
    limit: int

    async def maildir(
        self, email: str, path: str, layout: Layout, wishes: Wishes, told: Told
    ) -> Counts:
        """Import a maildir, in Maildir++ or the layout fs."""
        source = MaildirSource(path, self.threads, limit=self.limit, layout=layout)
        return await self._import(email, source, wishes, told)

    async def archive(
        self, email: str, spool: Spool, layout: Layout, wishes: Wishes, told: Told
    ) -> Counts:
        """Import a maildir that lies in a spool as a tar. The spool is closed."""
        try:
            source = TarSource(spool, self.threads, limit=self.limit, layout=layout)
            return await self._import(email, source, wishes, told)
        finally:
            spool.close()

    async def mbox(
        self, email: str, path: str, name: str | None, wishes: Wishes, told: Told
    ) -> Counts:
        """Import an mbox, as the mailbox `name` or the file's own, or all below a directory."""
        source = MboxSource(path, self.threads, limit=self.limit, name=name)
        return await self._import(email, source, wishes, told)

    async def imap(self, email: str, login: Login, wishes: Wishes, told: Told) -> Counts:
        """Import from another IMAP server. Raises Unavailable, AuthenticationFailed."""
        source = ImapSource(
            self.rooms.clock,
            login,
            limit=self.limit,
            jobs=wishes.jobs,
            virtual=wishes.only is not None,
        )
        return await self._import(email, source, wishes, told)

    async def sieve(self, email: str, path: str, *, dry_run: bool, counts: Counts) -> ScriptCounts:
        """Import Sieve scripts, and activate the one that runs there if none runs here. One that is
        here under its name stays as it is. What goes wrong is noted in `counts`."""
        account = await self.owners.user(email)
        files, problems = await reading(self.threads.run(read_scripts, path))
        done = ScriptCounts(seen=len(files) + len(problems), failed=len(problems))
        for problem in problems:
            counts.note(problem)
        is_free = all(
            row.position is not ScriptPosition.ACTIVE for row in await self.scripts.list(account.id)
        )
        for file in files:
            try:
                await self._script(account, file, done, is_free=is_free, dry_run=dry_run)
            except (SoraError, ScriptErrors) as error:
                done.failed += 1
                counts.note(Problem(file.path, " ".join(str(error).split())))
        return done

    async def _script(
        self,
        account: AccountRow,
        file: ScriptFile,
        done: ScriptCounts,
        *,
        is_free: bool,
        dry_run: bool,
    ) -> None:
        try:
            there = await self.scripts.get(account.id, file.name)
        except NoSuchScript:
            there = None
        runs = file.is_active and is_free
        if there is None:
            if dry_run:
                await self.scripts.check(file.source)
            else:
                position = ScriptPosition.ACTIVE if runs else None
                await self.scripts.put(account.id, file.name, file.source, position)
            done.done += 1
        elif there == text_of(file.source):
            if runs and not dry_run:
                await self.scripts.activate(account.id, file.name)
            done.skipped += 1
        else:
            raise NoSuchScript(
                f"another script is here under the name {file.name}: `sieve put` replaces it"
            )
        if runs:
            done.active = file.name

    async def _import(self, email: str, source: Source, wishes: Wishes, told: Told) -> Counts:
        account = await self.owners.user(email)
        try:
            return await import_all(
                self.rooms, source, Into(account.id, account.scope_id), wishes, told
            )
        finally:
            await source.close()
