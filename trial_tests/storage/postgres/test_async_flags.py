"""`[database] async_flags`: what is committed asynchronously, and what a crash then loses."""

import os
import shutil
import signal
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from sora.app.postgres_server import CARELESS, PostgresServer
from sora.mail.flags import FLAGGED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.postgres.connection import connect
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.migrate import migrate
from sora.storage.rows import EventKind, FlagChange, Want
from trial_tests.storage.postgres.stage import Stage, StageTestCase, bytes_of, new_operation
from trial_tests.support.postgres import temporary_directory

ONE = NumberSet.of([1])

WATCH = (
    "create table how (place serial, kind integer, setting text);"
    " create function watch() returns trigger language plpgsql as $$ begin"
    " insert into how (kind, setting) values (new.kind, current_setting('synchronous_commit'));"
    " return null; end $$;"
    " create trigger watch after insert on events for each row execute function watch();"
    " do $$ begin execute format('alter database %I set synchronous_commit = on',"
    " current_database()); end $$; select 1"
)
"""notes how the transaction of each event commits; the tests' server is careless by default"""


def add(flags: int) -> FlagChange:
    return FlagChange("add", Flags(flags))


async def flags_are_async(database: Database) -> None:
    """What a process says when it starts."""
    database.async_flags = True

    async def work(tx: Tx) -> None:
        await tx.do("select flags_are_async_v1()")

    await database.run("test", work, write=True)


class SettingTests(StageTestCase):
    async def watched(self) -> Stage:
        stage = await self.stage()
        await stage.rows(WATCH)
        stage.database.pool.reset()
        return stage

    async def how(self, stage: Stage) -> list[tuple[int, str]]:
        """Kinds of events, and the setting under which each was committed."""
        await stage.put(bytes_of(1))
        before = stage.database.statements.total()
        await stage.messages.store(stage.inbox, ONE, add(FLAGGED), new_operation())
        await stage.messages.read(stage.inbox, ONE, frozenset((Want.BODY,)), new_operation())
        self.assertEqual(stage.database.statements.total() - before, 2)
        await stage.messages.copy(stage.inbox, ONE, stage.account.id, "Trash", new_operation())
        await stage.expunge(stage.inbox, [1])
        return await stage.rows("select kind, setting from how order by place")

    async def test_only_changes_of_flags_are_committed_asynchronously(self) -> None:
        """In the round trip that they took before."""
        stage = await self.watched()
        stage.database.async_flags = True
        self.assertEqual(
            await self.how(stage),
            [
                (EventKind.ARRIVED, "on"),
                (EventKind.FLAGS, "off"),
                (EventKind.FLAGS, "off"),
                (EventKind.COPIED_IN, "on"),
                (EventKind.FLAGS, "off"),
                (EventKind.EXPUNGED, "on"),
            ],
        )

    async def test_by_default_nothing_is(self) -> None:
        settings = {setting for _, setting in await self.how(await self.watched())}
        self.assertEqual(settings, {"on"})


class CrashTests(StageTestCase):
    async def crash(self, *, async_flags: bool) -> tuple[Stage, int]:
        """A stage after a crash, and the modseq of a change of flags that was told a client
        shortly before it."""
        directory = temporary_directory("sora-test-async-")
        self.addCleanup(shutil.rmtree, directory)
        settings = {
            **CARELESS,
            "shared_buffers": "16MB",
            "synchronous_commit": "on",
            "wal_writer_delay": "10s",
        }
        server = PostgresServer(directory, settings)
        self.addCleanup(server.stop)
        await deferToThread(server.start)
        await migrate(lambda: connect(server.server(), reactor, reactor), reactor, uuid4())
        stage = await self.stage_on(self.open(server.server()))
        await stage.put(bytes_of(1))
        if async_flags:
            await flags_are_async(stage.database)
        told = await stage.messages.store(stage.inbox, ONE, add(SEEN), new_operation())
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        await deferToThread(server.stop)
        await deferToThread(server.start)
        return stage, told.modseq

    async def test_modseqs_of_flags_that_a_crash_lost_are_known_as_lost(self) -> None:
        """G70: who was told of a change that PostgreSQL forgot resynchronises, also when newer
        changes have come meanwhile; mail is not lost, and UIDs jump."""
        stage, told = await self.crash(async_flags=True)
        row = await stage.mailboxes.find(stage.account.id, "INBOX")
        self.assertEqual(row.unseen, 1)
        self.assertFalse((await stage.mailboxes.changes(stage.inbox, told, 0)).complete)
        placed = (await stage.put(bytes_of(2))).placed[0]
        self.assertGreater(placed.uid, 100_000)
        self.assertGreater(placed.modseq, told)
        self.assertFalse((await stage.mailboxes.changes(stage.inbox, told, 0)).complete)
        self.assertTrue((await stage.mailboxes.changes(stage.inbox, placed.modseq, 0)).complete)
        self.assertEqual(
            await stage.rows("select epoch, reason from epochs order by epoch"),
            [(1, "first"), (2, "crash")],
        )
        # Once for each crash.
        await flags_are_async(stage.database)
        self.assertEqual((await stage.put(bytes_of(3))).placed[0].uid, placed.uid + 1)

    async def test_without_it_a_crash_loses_nothing_and_ends_no_epoch(self) -> None:
        stage, told = await self.crash(async_flags=False)
        row = await stage.mailboxes.find(stage.account.id, "INBOX")
        self.assertEqual((row.unseen, row.highest_modseq), (0, told))
        self.assertEqual((await stage.put(bytes_of(2))).placed[0].uid, 2)
