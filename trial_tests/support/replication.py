"""A real primary with streaming replicas, from the PostgreSQL that the other tests use. Blocking.

    class FailoverTests(DatabaseTestCase):
        async def test_something(self) -> None:
            servers = replicated(self)             # removed after the test, with all processes
            primary, replica = servers.primary, servers.replicas[0]
            await migrated(primary)                # the schema, in the database `sora`
            replica.wait_for(primary)              # the replica has replayed all that is there
            replica.pause_replay()                 # it receives, but does not apply: it lags
            primary.kill()                         # SIGKILL of the whole server
            replica.promote()

Each server listens on a Unix socket (`server()`), and on port 5432 of a loopback address of its
own (`tcp()`), so that a configuration can name several hosts. Anybody on this machine may connect
as `sora`. A primary with one replica takes about two seconds to start.

With `synchronous`, a commit waits for a replica to have it: nothing that was acknowledged is lost
when the primary dies. (A commit waits for ever when all replicas are gone.)
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from attrs import define, evolve, field
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from sora.app.postgres_binaries import find_binaries
from sora.app.postgres_server import PORT, PostgresServer
from sora.storage.postgres.connection import Server, connect
from sora.storage.postgres.migrate import migrate
from trial_tests.support.ports import loopback
from trial_tests.support.postgres import _roomy_place, run_on, temporary_directory
from trial_tests.support.sora_process import descendants

PATIENCE: Final = 20.0
"""seconds that a server may take for what it is asked to do"""
_STEP: Final = 0.01
_ACCESS: Final = """\
local all,replication all trust
host all,replication all 127.0.0.0/8 trust
"""
_SETTINGS: Final[Mapping[str, str]] = {
    # Not `synchronous_commit`: what is acknowledged has to be in the log, or on the replica.
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "wal_level": "replica",
    "wal_keep_size": "64MB",
    "max_wal_senders": "8",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "100ms",
    "autovacuum": "off",
}


@define(eq=False)
class ReplicatedServer:
    """One server, primary or replica, in `directory`. All methods block until it is done."""

    directory: Path
    settings: dict[str, str] = field(factory=dict)
    host: str = field(factory=loopback)
    _postgres: PostgresServer = field(init=False)
    _started: bool = field(default=False, init=False)
    _paused: list[int] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        settings = {**_SETTINGS, "listen_addresses": self.host, **self.settings}
        self._postgres = PostgresServer(self.directory, settings)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Have it running and answering (a replica: reads)."""
        self._postgres.start()
        self._started = True
        access = self._postgres.data / "pg_hba.conf"
        if access.read_text() != _ACCESS:
            access.write_text(_ACCESS)
            self.administer("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """A clean end, as for a restart. It can be started again."""
        self.resume()
        if self._started:
            self._started = False
            self._postgres.stop()

    def kill(self) -> None:
        """SIGKILL of all its processes: the end of a machine. It can be started again."""
        for pid in reversed(self._pids()):
            _signal(pid, signal.SIGKILL)
        self._paused = []
        if self._started:
            self._started = False
            self._postgres.stop()  # it ended already; this lets go of the directory

    def pause(self) -> None:
        """SIGSTOP of all its processes: connections open and stay, and nothing answers."""
        stopped: list[int] = []
        while new := [pid for pid in self._pids() if pid not in stopped]:
            for pid in new:
                _signal(pid, signal.SIGSTOP)
            stopped += new
        self._paused = stopped

    def resume(self) -> None:
        """The end of `pause`."""
        paused, self._paused = self._paused, []
        for pid in paused:
            _signal(pid, signal.SIGCONT)

    def _pids(self) -> list[int]:
        pid = self._postgres.pid
        return [] if pid is None else [pid, *descendants(pid)]

    # ------------------------------------------------------------------ use

    def server(self, database: str = "sora") -> Server:
        """How to connect over its Unix socket."""
        return self._postgres.server(database)

    def tcp(self, database: str = "sora") -> Server:
        """How to connect over TCP: port 5432 of its own loopback address."""
        return evolve(self.server(database), host=self.host, port=PORT)

    def administer(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, now."""
        return run_on(self.server(database), sql)

    def value(self, sql: str, database: str = "postgres") -> Any:
        """The first column of the first row."""
        return self.administer(sql, database)[0][0]

    def set(self, name: str, value: str) -> None:
        """Change a setting for good, and have it read. Not one that needs a restart, nor one of
        `settings`, which stand on the command line."""
        self.administer(f"ALTER SYSTEM SET {name} = '{value}'")
        self.administer("SELECT pg_reload_conf()")

    def set_before_start(self, line: str) -> None:
        """Append a line to the settings of a server that does not run."""
        with (self._postgres.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"{line}\n")

    # ------------------------------------------------------------------ replication

    @property
    def is_replica(self) -> bool:
        """Whether it follows another server."""
        return bool(self.value("SELECT pg_is_in_recovery()"))

    @property
    def timeline(self) -> int:
        """The number of its present timeline, which each promotion raises."""
        if self.is_replica:
            return int(
                self.value(
                    "SELECT coalesce(max(received_tli), (pg_control_checkpoint()).timeline_id)"
                    " FROM pg_stat_wal_receiver"
                )
            )
        return int(self.value("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"), 16)

    def pause_replay(self) -> None:
        """A replica applies nothing from now on, though it receives (and confirms) everything."""
        self.administer("SELECT pg_wal_replay_pause()")
        _until(lambda: self.value("SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume_replay(self) -> None:
        """The end of `pause_replay`."""
        self.administer("SELECT pg_wal_replay_resume()")

    def wait_for(self, primary: "ReplicatedServer") -> None:
        """Wait until this replica has applied all that the primary has written by now."""
        there = primary.value("SELECT pg_current_wal_lsn()")
        _until(lambda: self.value(f"SELECT pg_last_wal_replay_lsn() >= '{there}'::pg_lsn"))

    def promote(self) -> None:
        """Make a primary of a replica, on a new timeline. Replay that is paused goes on first."""
        if not self.value(f"SELECT pg_promote(true, {PATIENCE:.0f})"):
            raise RuntimeError("the promotion took too long")

    def follow(self, primary: "ReplicatedServer") -> None:
        """Let a replica follow another primary from now on."""
        self.set("primary_conninfo", primary._conninfo())

    def become_replica_of(self, primary: "ReplicatedServer") -> None:
        """Throw away what this stopped server has, and begin again as a replica."""
        if self._started:
            raise AssertionError("stop it first")
        shutil.rmtree(self._postgres.data, ignore_errors=True)
        base_backup(primary, self.directory)
        (self._postgres.data / "standby.signal").touch()
        self.set_before_start(f"primary_conninfo = '{primary._conninfo()}'")
        self.set_before_start("synchronous_standby_names = ''")
        self._own()
        self.start()

    def _conninfo(self) -> str:
        server = self.server()
        return f"host={server.host} port={server.port} user={server.user}"

    def _own(self) -> None:
        account = self._postgres.account
        if account.uid is not None and account.gid is not None:
            for path in self._postgres.data.iterdir():
                os.chown(path, account.uid, account.gid, follow_symlinks=False)


def base_backup(of: ReplicatedServer, directory: Path) -> Path:
    """A copy of a running server (`pg_basebackup`, with the log it needs) in `directory`/data.

    A `ReplicatedServer(directory)` starts from it, as another primary unless told otherwise.
    """
    postgres = of._postgres
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    account = postgres.account
    if account.uid is not None and account.gid is not None:
        os.chown(data, account.uid, account.gid)
    server = of.server()
    done = subprocess.run(
        [
            find_binaries(account.run_as()) / "pg_basebackup",
            *("-D", data, "-h", server.host, "-p", str(server.port), "-U", server.user),
            *("-X", "stream", "-c", "fast", "--no-sync"),
        ],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        **account.run_as(),  # type: ignore[call-overload]
    )
    if done.returncode:
        raise RuntimeError(f"pg_basebackup failed: {done.stderr.decode(errors='replace')}")
    return data


@define
class ReplicatedServers:
    """A primary and its replicas. `primary` and `replicas` are as they were at the start."""

    directory: Path
    primary: ReplicatedServer
    replicas: list[ReplicatedServer] = field(factory=list)

    @property
    def all(self) -> list[ReplicatedServer]:
        """Every server."""
        return [self.primary, *self.replicas]

    def remove(self) -> None:
        """End all that runs, and remove the directory."""
        for server in self.all:
            server.resume()
            server.kill()
        for server in self.all:
            if not (server.directory / "socket").exists():
                shutil.rmtree(server._postgres.socket, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def replicated(
    test: TestCase,
    *,
    replicas: int = 1,
    synchronous: bool = False,
    settings: Mapping[str, str] | None = None,
) -> ReplicatedServers:
    """A primary and `replicas` replicas that run, until the test ends.

    `settings` are those of all of them.
    """
    directory = temporary_directory("sora-replicated-", _roomy_place())
    own = dict(settings or {})
    servers = ReplicatedServers(directory, ReplicatedServer(directory / "0", own))
    test.addCleanup(servers.remove)
    servers.primary.start()
    for number in range(1, replicas + 1):
        replica = ReplicatedServer(directory / str(number), own)
        servers.replicas.append(replica)
        replica.directory.mkdir()
        replica.become_replica_of(servers.primary)
    if synchronous:
        # Each names itself `walreceiver`; any one of them is enough.
        servers.primary.set("synchronous_standby_names", "*")
        _until(lambda: _is_synchronous(servers.primary))
    return servers


def _is_synchronous(primary: ReplicatedServer) -> bool:
    return bool(primary.value("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"))


async def migrated(server: ReplicatedServer, database: str = "sora") -> Server:
    """The schema, in a database that is there; gives how to connect to it."""
    where = server.server(database)
    await migrate(lambda: connect(where, reactor, reactor), reactor, uuid4())  # type: ignore[arg-type]
    return where


def _until(is_done: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it did not come within {PATIENCE:g} s")
        time.sleep(_STEP)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
