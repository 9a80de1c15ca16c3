"""What a fault run is about: two Soras on one PostgreSQL and one S3, or one directory of bodies, each
reached through a proxy of its own. All of it is real; everything here blocks, and runs beside the
load in a thread.

    clients ── proxies ── node 0 ── proxies ──┬── PostgreSQL
    clients ── proxies ── node 1 ── proxies ──┼── SeaweedFS, or a small disk
                                              └── an SMTP server, for what is redirected
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeVar

from attrs import define, field
from psycopg2.errors import DeadlockDetected

from sora.app.postgres_server import PORT
from trial_tests.faults.load import PASSWORD
from trial_tests.faults.node import Links, Node
from trial_tests.faults.sink import Sink
from trial_tests.support.postgres import _roomy_place, temporary_directory
from trial_tests.support.replication import ReplicatedServer
from trial_tests.support.seaweedfs import SeaweedFS
from trial_tests.support.small_disk import SmallDisk
from trial_tests.support.tcp_proxy import TcpProxy

T = TypeVar("T")

NODES: Final = 2
PATIENCE: Final = 60.0
"""seconds for a part to start"""
DISK: Final = 24 * 1024 * 1024
"""octets of the disk that a node caches, spools and queues on"""
DISK_OF_BODIES: Final = 192 * 1024 * 1024
FORWARDER: Final = "forward@faults.example"
"""an account whose mail is redirected to the sink"""
_REDIRECT: Final = 'redirect "out@sink.example";\r\n'


@define(eq=False)
class World:
    """Everything that runs, in `directory`. With `store` bodies are in SeaweedFS; without, they are
    files on `bodies`."""

    directory: Path
    postgres: ReplicatedServer
    store: SeaweedFS | None
    bodies: SmallDisk | None = None
    sink: Sink = field(factory=Sink)
    nodes: list[Node] = field(factory=list)
    database_id: str = ""
    accounts: list[str] = field(factory=list)
    """those of the seed before, which the next one deletes"""
    wrongs: list[str] = field(factory=list)
    """what went wrong with a fault itself"""
    hands: RLock = field(factory=RLock)
    """held by who starts or ends a process: faults overlap"""
    threads: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(16, "faults"))
    """where faults happen. They live as long as the world: SeaweedFS ends with the thread that has
    started it (PR_SET_PDEATHSIG)"""

    @classmethod
    def create(cls, weed: str | None) -> "World":
        """All of it, running and empty. `weed` is the program of SeaweedFS; None for files."""
        directory = temporary_directory("sora-faults-", _roomy_place())
        postgres = ReplicatedServer(directory / "postgres", {"log_min_messages": "panic"})
        world = cls(directory, postgres, None if weed is None else SeaweedFS(weed))
        try:
            world.start()
        except BaseException:
            world.remove()
            raise
        return world

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start everything, and wait until all is well."""
        self.postgres.directory.mkdir()
        self.postgres.start()
        self.sink.start()
        if self.store is not None:
            self.store.start()
        else:
            self.bodies = self._disk("bodies", DISK_OF_BODIES)
            (self.bodies.path / "objects").mkdir()
        for number in range(NODES):
            self.nodes.append(self._node(number))
        for node in self.nodes:
            node.sora.spawn()
            self.wait_ready(node)  # the first one migrates
        self.database_id = str(self.postgres.value("SELECT database_id FROM sora", "sora"))
        self._make_account(FORWARDER)
        script = self.directory / "redirect.sieve"
        script.write_text(_REDIRECT)
        words = ("sieve", "put", "--email", FORWARDER, "--name", "main", "--activate")
        self.nodes[0].sora.admin(*words, str(script))

    def _node(self, number: int) -> Node:
        links = Links(
            TcpProxy((self.postgres.host, PORT)),
            TcpProxy(_address(self.store.endpoint)) if self.store is not None else None,
            TcpProxy(("127.0.0.1", self.sink.port)),
        )
        for proxy in links.all():
            proxy.start()
        objects = None if self.bodies is None else self.bodies.path / "objects"
        disk = self._disk(f"disk{number}", DISK)
        return Node.make(self.directory, number, links, disk, objects)

    def _disk(self, name: str, octets: int) -> SmallDisk:
        path = self.directory / name
        path.mkdir(mode=0o700)
        if is_mountable():
            options = f"size={octets},mode=0700"
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
            subprocess.run(command, check=True, capture_output=True)
        return SmallDisk(path)

    def wait_ready(self, node: Node) -> None:
        """Wait until a node says that it is ready; one that has ended is started again."""
        deadline = time.monotonic() + PATIENCE
        while not node.sora.is_ready():
            if not node.is_alive or time.monotonic() > deadline:
                raise RuntimeError(f"a node does not start:\n{node.sora.output()[-3000:]}")
            time.sleep(0.02)

    def remove(self) -> None:
        """End everything, and remove all of it."""
        self.postgres.resume()
        for node in self.nodes:
            self.go_on(node)
            node.stop()
        self.sink.stop()
        for disk in self.disks():
            subprocess.run(["umount", "--lazy", str(disk.path)], check=False, capture_output=True)
        if self.store is not None:
            self.store.remove()
        self.postgres.kill()
        if not (self.postgres.directory / "socket").exists():
            shutil.rmtree(self.postgres._postgres.socket, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.threads.shutdown()

    async def do(self, work: Callable[..., T], *arguments: object) -> T:
        """Do what blocks beside the load."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, work, *arguments)

    # ------------------------------------------------------------------ use

    def begin_with(self, accounts: list[str]) -> None:
        """Make accounts with the usual mailboxes, and delete those of before: the cleaner removes
        them under the load of the next seed, so that the world does not grow."""
        gone, self.accounts = self.accounts, accounts
        for name in accounts:
            self._make_account(name)
        for name in gone:
            status, said = self.nodes[0].ask("DELETE", f"/admin/accounts/{name}")
            if status not in (200, 204):
                raise RuntimeError(f"{name}: {status} {said}")

    def _make_account(self, name: str) -> None:
        body = {"email": name, "password": PASSWORD, "hash": "ssha512"}
        status, said = self.nodes[0].ask("POST", "/admin/accounts", body)
        if status != 201:
            raise RuntimeError(f"{name}: {status} {said}")

    def disks(self) -> list[SmallDisk]:
        """All that may be full."""
        found = [node.disk for node in self.nodes]
        return found if self.bodies is None else [*found, self.bodies]

    def go_on(self, node: Node) -> None:
        """Have its process running, if there is one: the end of SIGSTOP."""
        process = node.sora.process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGCONT)

    def heal(self) -> None:
        """End all faults: everything runs, and is reached."""
        self.postgres.resume()
        for node in self.nodes:
            for proxy in node.links.all():
                proxy.heal()
            self.go_on(node)
        for disk in self.disks():
            with suppress(FileNotFoundError):
                disk.free()
        self.start_postgres()
        if self.store is not None:
            self.store.start()
        for node in self.nodes:
            if not node.is_alive:
                node.sora.spawn()
        for node in self.nodes:
            self.wait_ready(node)

    def start_postgres(self) -> None:
        """Have it running."""
        if not self.postgres._started:
            self.postgres.start()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """One statement on the database, past all proxies."""
        return self.postgres.administer(sql, "sora")

    def time_passes(self) -> None:
        """Leases and pauses are over, and the times for which the cleaner leaves alone what somebody
        may still be at: orphans, bodies that were never placed, uploads that nobody ended."""
        for sql in _PASSING:
            # Workers lock the same rows in another order; the next time will do.
            with suppress(DeadlockDetected):
                self.rows(sql)


_PASSING: Final = (
    "UPDATE contents SET created_at = now() - interval '1 day' WHERE state = 'pending'",
    "UPDATE objects SET due_at = now() WHERE state <> 'stored' AND due_at > now()",
    "UPDATE objects o SET due_at = now() - interval '1 day' FROM contents c"
    " WHERE c.id = o.content_id AND c.state = 'deleting' AND o.state = 'pending'",
    "UPDATE orphans SET since = since - interval '1 day'",
)


def _address(endpoint: str) -> tuple[str, int]:
    host, _, port = endpoint.partition(":")
    return host, int(port)


def is_mountable() -> bool:
    """Whether small disks can be had: only the superuser may mount. Elsewhere disks are never full."""
    return os.geteuid() == 0
