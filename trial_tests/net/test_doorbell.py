"""Doorbells over real sockets, in one reactor."""

import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from sora.metrics.doorbell import DoorbellMetrics
from sora.net.doorbell import STALE_AFTER, Doorbell
from sora.net.rings import Kind, Ring
from sora.retry import pause

DATABASE = uuid4()


class DoorbellTestCase(TestCase):
    def setUp(self) -> None:
        # Not trial's own directory: the path of a socket is short.
        self.parent = Path(tempfile.mkdtemp(prefix="sora-bell-"))
        self.addCleanup(rmtree, self.parent, True)
        self.directory = self.parent / "sockets"
        self.heard: dict[Doorbell, list[Ring]] = {}
        self.registries: dict[Doorbell, CollectorRegistry] = {}

    def bell(self, database: UUID = DATABASE, directory: Path | None = None) -> Doorbell:
        heard: list[Ring] = []
        registry = CollectorRegistry()
        bell = Doorbell(
            reactor,
            directory or self.directory,
            database,
            uuid4(),
            DoorbellMetrics(registry),
            heard.append,
        )
        self.heard[bell], self.registries[bell] = heard, registry
        return bell

    async def started(self, database: UUID = DATABASE) -> Doorbell:
        bell = self.bell(database)
        await bell.startService()
        self.addCleanup(lambda: bell.stopService() if bell.running else None)
        return bell

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await pause(reactor, 0.001)  # type: ignore[arg-type]

    async def all_met(self, *bells: Doorbell) -> None:
        await self.until(lambda: all(bell.others == len(bells) - 1 for bell in bells))

    def told(self, bell: Doorbell) -> list[Ring]:
        """What it heard but for introductions."""
        return [ring for ring in self.heard[bell] if ring.kind != Kind.HELLO]


class DoorbellTests(DoorbellTestCase):
    async def test_processes_find_each_other_and_hear_each_other(self) -> None:
        one, two, three = [await self.started() for _ in range(3)]
        await self.all_met(one, two, three)
        one.mailbox_changed(7, 100)
        two.names_changed(5)
        await self.until(lambda: len(self.told(three)) == 2)
        self.assertEqual(
            set(self.told(three)), {Ring(Kind.MAILBOX, 7, 100), Ring(Kind.NAMES, 5, 0)}
        )
        await self.until(lambda: self.told(two) == [Ring(Kind.MAILBOX, 7, 100)])
        self.assertEqual(self.told(one), [Ring(Kind.NAMES, 5, 0)])

    async def test_what_is_rung_together_is_told_as_one(self) -> None:
        one, two = [await self.started() for _ in range(2)]
        await self.all_met(one, two)
        for modseq in range(1000):
            one.mailbox_changed(modseq % 2, modseq)
        await self.until(lambda: len(self.told(two)) >= 2)
        self.assertEqual(self.told(two), [Ring(Kind.MAILBOX, 0, 998), Ring(Kind.MAILBOX, 1, 999)])

    async def test_others_with_another_database_are_strangers(self) -> None:
        one, two, other = await self.started(), await self.started(), await self.started(uuid4())
        await self.all_met(one, two)
        self.assertEqual(other.others, 0)
        self.assertEqual(self.heard[other], [])

    async def test_nobody_else_may_listen(self) -> None:
        await self.started()
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)
        [name] = os.listdir(self.directory)
        self.assertEqual(stat.S_IMODE((self.directory / name).stat().st_mode), 0o600)

    async def test_leaves_nothing_behind(self) -> None:
        one, two = [await self.started() for _ in range(2)]
        await self.all_met(one, two)
        await one.stopService()
        await self.until(lambda: two.others == 0)
        two.mailbox_changed(1, 1)
        await two.stopService()
        self.assertEqual(os.listdir(self.directory), [])

    async def test_the_socket_of_a_killed_process_is_removed(self) -> None:
        self.directory.mkdir(mode=0o700)
        stale, young = (self.directory / f"{DATABASE.hex}.{end}" for end in ("d" * 12, "e" * 12))
        strange = self.directory / f"{uuid4().hex}.{'d' * 12}"
        file = self.directory / f"{uuid4().hex}.{'f' * 12}"
        file.touch()
        os.utime(file, (0, 0))
        other = await self.started(uuid4())
        for path in (stale, young, strange):
            dead = socket.socket(socket.AF_UNIX)
            dead.bind(str(path))
            dead.close()
        for path in (stale, strange):
            os.utime(path, (path.stat().st_mtime - STALE_AFTER - 1,) * 2)
        one = await self.started()
        await self.until(lambda: not (stale.exists() or strange.exists()))
        # It may be about to listen.
        self.assertTrue(young.exists())
        self.assertEqual(one.others, 0)
        # The one of a process with another database is left alone, and what is no socket.
        self.assertTrue(file.exists())
        self.assertTrue(other._own.exists())

    async def test_a_socket_that_somebody_removed_is_made_again(self) -> None:
        one = await self.started()
        one._own.unlink()
        one._look_around()
        await self.until(one._own.exists)
        two = await self.started()
        await self.all_met(one, two)
        one._own.unlink()

    async def test_rings_before_the_start_and_after_the_end_are_nothing(self) -> None:
        one = self.bell()
        one.mailbox_changed(1, 1)
        await one.startService()
        await one.stopService()
        one.mailbox_changed(1, 2)
        self.assertEqual(os.listdir(self.directory), [])


class TroubleTests(DoorbellTestCase):
    """Whatever happens to the doorbell, the process goes on."""

    async def cannot_listen(self, directory: Path) -> None:
        bell = self.bell(directory=directory)
        await bell.startService()
        bell.mailbox_changed(1, 1)
        await bell.stopService()

    async def test_a_directory_that_cannot_be_made(self) -> None:
        (self.parent / "file").write_bytes(b"")
        await self.cannot_listen(self.parent / "file" / "sockets")

    async def test_a_path_that_is_too_long(self) -> None:
        await self.cannot_listen(self.parent / ("x" * 100))

    async def test_a_directory_that_is_a_link_to_elsewhere(self) -> None:
        (self.parent / "there").mkdir()
        self.directory.symlink_to(self.parent / "there")
        await self.cannot_listen(self.directory)
        self.assertEqual(os.listdir(self.parent / "there"), [])

    async def test_a_process_that_does_not_listen_holds_a_bounded_number(self) -> None:
        one = await self.started()
        deaf = socket.socket(socket.AF_UNIX)
        self.addCleanup(deaf.close)
        deaf.bind(str(self.directory / f"{DATABASE.hex}.{'d' * 12}"))
        deaf.listen()
        one._look_around()
        await self.until(lambda: one.others == 1)
        [other] = one._others.values()
        other.waiting._limit = 100
        number = 0
        while not other._is_blocked or len(other.waiting) < 100:
            for _ in range(100):
                number += 1
                one.mailbox_changed(number, 1)
            await pause(reactor, 0)  # type: ignore[arg-type]
        one.mailbox_changed(number + 1, 1)
        one.mailbox_changed(number, 2)
        self.assertEqual(len(other.waiting), 100)
        dropped = self.registries[one].get_sample_value("sora_doorbell_dropped_total")
        self.assertGreaterEqual(dropped or 0, 1)
        await one.stopService()
        self.assertEqual(one.others, 0)
