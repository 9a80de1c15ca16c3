"""What a fault run is about: two Soras on one PostgreSQL and one S3, each reached through a proxy of
its own. All of it is real; everything here blocks, and runs beside the load in a thread.

    node 0 ── proxy ──┐                ┌── proxy ── node 1
                      ├── PostgreSQL ──┤
                      └── SeaweedFS  ──┘
"""

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeVar

from attrs import define, field

from sora.app.postgres_server import PORT
from trial_tests.faults.load import PASSWORD
from trial_tests.support.http_api import ask
from trial_tests.support.postgres import _roomy_place, temporary_directory
from trial_tests.support.replication import ReplicatedServer
from trial_tests.support.scram_postgres import free_port
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY, SeaweedFS
from trial_tests.support.small_disk import SmallDisk
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.tcp_proxy import TcpProxy

T = TypeVar("T")

API_KEY: Final = "6b1f0a9c8d7e5f4a3b2c1d0e9f8a7b6c"
NODES: Final = 2
PATIENCE: Final = 60.0
"""seconds for a part to start"""
DISK: Final = 24 * 1024 * 1024
"""octets of the disk that a node caches and spools on"""


def _tables(postgres: TcpProxy, store: TcpProxy, disk: Path) -> dict[str, dict[str, Any]]:
    """The configuration of a node. Its limits of time are short, so that many faults fit into a
    minute; nothing else is unlike a server's."""
    return {
        "database": {
            "host": "127.0.0.1",
            "port": postgres.port,
            "dbname": "sora",
            "user": "sora",
            "min_conns": 1,
            "max_conns": 10,
            "query_timeout": "2s",
            "acquire_timeout": "2s",
        },
        "s3": {
            "provider": "s3",
            "endpoint": f"127.0.0.1:{store.port}",
            "bucket": BUCKET,
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            "use_ssl": False,
            "path_style": True,
            "timeout": "1s",
        },
        "upload": {"staging_max_size": "600kb"},
        "cache": {"path": str(disk / "cache"), "capacity": "8mb"},
        "cleanup": {"grace_period": "1s", "wake_interval": "2s"},
        "health": {
            "check_interval": "1s",
            "database_timeout": "2s",
            "s3_timeout": "3s",
        },
        "limits": {"shutdown_timeout": "3s"},
    }


@define(eq=False)
class Node:
    """One Sora with its proxies and its small disk."""

    sora: SoraNode
    postgres: TcpProxy
    store: TcpProxy
    disk: SmallDisk
    pop3: int
    http: int

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to its HTTP API: status and body. Raises OSError when it does not answer."""
        return ask(self.http, API_KEY, method, path, body)

    def metric(self, name: str, labels: str) -> float:
        """The sum of a metric over all members whose labels match a pattern."""
        text = self.ask("GET", "/metrics")[1].decode()
        found = re.findall(rf"(?m)^{name}\{{{labels}\}} (\S+)$", text)
        return sum(float(one) for one in found)

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        process = self.sora.process
        return process is not None and process.poll() is None


@define(eq=False)
class World:
    """Everything that runs, in `directory`."""

    directory: Path
    postgres: ReplicatedServer
    store: SeaweedFS
    nodes: list[Node] = field(factory=list)
    database_id: str = ""
    hands: RLock = field(factory=RLock)
    """held by who starts or ends a process: faults overlap"""
    threads: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(16, "faults"))
    """where faults happen. They live as long as the world: SeaweedFS ends with the thread that has
    started it (PR_SET_PDEATHSIG)"""

    @classmethod
    def create(cls, weed: str) -> "World":
        """All of it, running and empty. `weed` is the program of SeaweedFS."""
        directory = temporary_directory("sora-faults-", _roomy_place())
        postgres = ReplicatedServer(directory / "postgres", {"log_min_messages": "panic"})
        world = cls(directory, postgres, SeaweedFS(weed))
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
        self.store.start()
        for number in range(NODES):
            self.nodes.append(self._node(number))
        for node in self.nodes:
            node.sora.spawn()
            self.wait_ready(node)  # the first one migrates
        self.database_id = str(self.postgres.value("SELECT database_id FROM sora", "sora"))

    def _node(self, number: int) -> Node:
        host, _, port = self.store.endpoint.partition(":")
        postgres, store = TcpProxy((self.postgres.host, PORT)), TcpProxy((host, int(port)))
        postgres.start()
        store.start()
        disk = self._disk(number)
        pop3, http = free_port(), free_port()
        sora = SoraNode(str(self.directory / f"node{number}"), _tables(postgres, store, disk.path))
        sora.servers += [
            sora._server("pop3", pop3),
            {"type": "http_api", "addr": f"127.0.0.1:{http}", "api_key": API_KEY},
        ]
        sora.write()
        sora.environment = {"TMPDIR": str(disk.path)}
        return Node(sora, postgres, store, disk, pop3, http)

    def _disk(self, number: int) -> SmallDisk:
        path = self.directory / f"disk{number}"
        path.mkdir(mode=0o700)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(path)],
            check=True,
            capture_output=True,
        )
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
        for node in self.nodes:
            node.sora.cleanup()
            node.postgres.stop()
            node.store.stop()
        for path in self.directory.glob("disk*"):
            subprocess.run(["umount", "--lazy", str(path)], check=False, capture_output=True)
        self.store.remove()
        self.postgres.resume()
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

    def make_accounts(self, *names: str) -> None:
        """Accounts with the usual mailboxes."""
        for name in names:
            body = {"email": name, "password": PASSWORD, "hash": "ssha512"}
            status, said = self.nodes[0].ask("POST", "/admin/accounts", body)
            if status != 201:
                raise RuntimeError(f"{name}: {status} {said}")

    def heal(self) -> None:
        """End all faults: everything runs, and is reached."""
        self.postgres.resume()
        for node in self.nodes:
            node.postgres.heal()
            node.store.heal()
            with suppress(FileNotFoundError):
                node.disk.free()
        self.start_postgres()
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
        """Leases and pauses of uploads are over, and the hour for which orphans, and bodies that were
        never placed, are left alone."""
        self.rows(
            "UPDATE contents SET created_at = now() - interval '1 day' WHERE state = 'pending'"
        )
        self.rows("UPDATE objects SET due_at = now() WHERE state = 'pending' AND due_at > now()")
        self.rows("UPDATE orphans SET since = since - interval '1 day'")


def is_mountable() -> bool:
    """Whether small disks can be had: only the superuser may mount."""
    return os.geteuid() == 0
