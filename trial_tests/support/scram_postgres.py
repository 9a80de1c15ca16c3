"""A PostgreSQL as companies have it: over TCP, with a password, behind a PgBouncer.

Each server has a loopback address of its own, so that its port can be the usual one. Blocking.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from sora.app.postgres_server import CARELESS, PostgresServer
from sora.app.processes import choose_account
from trial_tests.support.ports import free_port, loopback
from trial_tests.support.postgres import run_on

ROLE = "mail"
DATABASE = "mail"
PASSWORD = "per4mance-of-the-quick-fox"  # unlike anything else, so that logs can be searched
_ACCESS = """\
local all sora trust
host all all 127.0.0.0/8 scram-sha-256
"""


@define
class ScramPostgres:
    """A server in `directory`, which an unprivileged account must be able to enter."""

    directory: Path
    settings: dict[str, str] = field(factory=lambda: dict(CARELESS))
    host: str = field(factory=loopback)
    port: int = 5432
    _server: PostgresServer | None = field(default=None, init=False)
    _bouncer: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Have it running, with an empty database `mail` that belongs to the role `mail`."""
        self._server = PostgresServer(
            self.directory, {**self.settings, "listen_addresses": self.host}
        )
        self._server.start()
        (self._server.data / "pg_hba.conf").write_text(_ACCESS)
        self.administer("SELECT pg_reload_conf()")
        self.administer(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        self.administer(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")

    @property
    def socket(self) -> Path:
        """The directory of its socket."""
        assert self._server is not None
        return self._server.socket

    def as_debian_has_it(self) -> None:
        """Without a database or a role of ours: all that is left is the superuser `postgres`."""
        assert self._server is not None
        self.administer(f"DROP DATABASE {DATABASE}")
        self.administer(f"DROP ROLE {ROLE}")
        self.administer("DROP DATABASE sora")
        self.administer("CREATE ROLE postgres SUPERUSER LOGIN")
        access = _ACCESS.replace("local all sora", "local all postgres")
        (self._server.data / "pg_hba.conf").write_text(access)
        self.administer("SELECT pg_reload_conf()")
        server = evolve(self._server.server("postgres"), user="postgres")
        run_on(server, "ALTER ROLE sora RENAME TO bootstrap")

    def administer(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser."""
        assert self._server is not None
        return run_on(self._server.server(database), sql)

    def start_bouncer(self, program: str, port: int = 0) -> int:
        """A PgBouncer in transaction mode before it, on this port of 127.0.0.1 or a free one, which
        is given back.

        It has five connections to PostgreSQL, fewer than two Soras ask for.
        """
        port = port or free_port()
        users = self.directory / "users.txt"
        users.write_text(f'"{ROLE}" "{PASSWORD}"\n')
        settings = self.directory / "pgbouncer.ini"
        settings.write_text(
            f"""[databases]
{DATABASE} = host={self.host} port={self.port} dbname={DATABASE}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
logfile = {self.directory}/pgbouncer.log
"""
        )
        account = choose_account()
        log = self.directory / "pgbouncer.log"
        log.touch()
        if account.uid is not None and account.gid is not None:
            os.chown(log, account.uid, account.gid)
        self._bouncer = subprocess.Popen(
            [program, settings],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account.run_as(),  # type: ignore[call-overload]
        )
        deadline = time.monotonic() + 10
        while not _answers(port):
            if self._bouncer.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PgBouncer did not start:\n" + log.read_text())
            time.sleep(0.02)
        return port

    def stop_bouncer(self) -> None:
        """SIGKILL of the PgBouncer."""
        assert self._bouncer is not None
        self._bouncer.send_signal(signal.SIGKILL)
        self._bouncer.wait()
        self._bouncer = None

    def stop(self) -> None:
        """Stop the server; `remove` is still to be called."""
        assert self._server is not None
        self._server.stop()

    def remove(self) -> None:
        """Stop everything and remove the directory."""
        if self._bouncer is not None:
            self.stop_bouncer()
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
