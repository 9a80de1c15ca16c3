"""A PostgreSQL server of our own, in a directory of our own. Everything here blocks.

`EmbeddedPostgres` (`embedded.py`) runs this in a thread for the reactor; tests use it as it is.

**Who runs it.** PostgreSQL refuses to run as root. Started by root, it runs as the first of the
accounts `sora`, `postgres`, `nobody` that exists; otherwise as whoever started us. That account
must be able to reach the directory: its parents are never changed, a clear error says which
one is in the way.

**Who may connect.** It listens on no network address, only on a Unix socket in a directory
of mode 0700: whoever can reach the socket is root or the account itself, who own the data
anyway. So there is no password.

**After a crash.** PostgreSQL runs in a session of its own, so that neither Ctrl-C nor the death
of Sora reaches it. The next start reads `postmaster.pid`. A process with that id that works in
this data directory is adopted when it answers, else stopped. A process that is something else
(the id was given out again) is left alone and the stale file removed. A file left by a dead one
is PostgreSQL's own business, which recovers from its log. A lock (`flock`, which ends with its
process) on the directory keeps a second Sora from adopting the server of a
live one.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

import psycopg2
from attrs import define, field

from sora.app.postgres_binaries import PostgresRefused, ProgramsOutOfReach, find_binaries
from sora.app.processes import Account, choose_account, is_alive, is_postgres_of
from sora.app.reach import copy_within_reach, obstacle
from sora.storage.postgres.connection import Server

SUPERUSER: Final = "sora"
PORT: Final = 5432  # names the socket's file; nothing listens on it
_LONGEST_SOCKET_PATH: Final = 100  # sun_path holds 108 octets on Linux, 104 elsewhere
_STEP: Final = 0.02  # seconds between two looks at what we wait for

DURABLE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
CARELESS: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
"""For tests that do not ask what survives a crash."""

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": str(PORT),
    "shared_buffers": "256MB",
    "max_connections": "100",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def _real(path: Path) -> Path:
    """Whoever names a directory in another way finds the same server and socket."""
    return Path(os.path.realpath(path))


@define
class PostgresServer:
    """One server in one directory: `data`, `socket`, `postgres.log` and `lock` in it."""

    directory: Path = field(converter=_real)
    settings: Mapping[str, str] = DURABLE
    say: Callable[[str], None] = lambda _: None
    start_timeout: float = 60.0
    """Seconds; recovery after a crash replays the log first."""
    stop_timeout: float = 20.0
    """Seconds for a clean stop, before it is made to."""
    adopted: bool = field(default=False, init=False)
    """Whether the running server was there before us."""
    account: Account = field(factory=choose_account)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _lock: IO[str] | None = field(default=None, init=False)

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.directory / "postgres.log"

    @property
    def socket(self) -> Path:
        """The directory of the socket; one elsewhere where the name of ours is too long, or would
        be read as several names."""
        near = self.directory / "socket"
        is_short = len(os.fsencode(near)) + len("/.s.PGSQL.5432.lock") <= _LONGEST_SOCKET_PATH
        if is_short and not {",", '"'} & set(str(near)):
            return near
        name = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"sora-postgres-{name}"

    def server(self, database: str = "sora") -> Server:
        """How to connect to a database of it."""
        return Server(host=str(self.socket), port=PORT, database=database, user=SUPERUSER)

    @property
    def pid(self) -> int | None:
        """The process id of the running server of this data directory; None without one."""
        pid = self._pid_in_file()
        return pid if pid is not None and is_postgres_of(pid, self.data) else None

    # ------------------------------------------------------------------ start

    def start(self) -> None:
        """Have it running and answering, with a database `sora`.

        Raises:
            PostgresRefused: it cannot be; the text says why and what to do.
        """
        self._prepare_directory()
        self._take_lock()
        try:
            binaries = self._find_binaries()
            self._prepare(binaries)
            if not self._adopt():
                self._launch(binaries)
            self._make_database()
        except BaseException:
            self.stop()
            raise

    def _prepare_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PostgresRefused(
                f"The directory {self.directory} cannot be made: {error.strerror}"
            ) from error
        self._require_reach()
        for path in (self.data, self.socket):
            self._own_directory(path)

    def _require_reach(self) -> None:
        """The account must be able to enter the directory; its parents are not ours to change."""
        path = obstacle(self.directory, self.account)
        if path is not None:
            raise PostgresRefused(
                f"PostgreSQL runs as {self.account.name}, who cannot enter {path}: "
                f"use a directory elsewhere (for example below /var/lib), "
                f"or let others pass with `chmod o+x {path}`"
            )

    def _find_binaries(self) -> Path:
        try:
            return find_binaries(self.account.run_as())
        except ProgramsOutOfReach as error:
            return copy_within_reach(error.directory, self.directory)

    def _own_directory(self, path: Path) -> None:
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            if self.account.uid is not None and self.account.gid is not None:
                os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)
            state = path.lstat()
            expected = os.geteuid() if self.account.uid is None else self.account.uid
            if state.st_uid != expected or path.is_symlink():
                raise PostgresRefused(f"{path} belongs to somebody else: remove it")
            path.chmod(0o700)
        except OSError as error:
            raise PostgresRefused(
                f"The directory {path} cannot be prepared: {error.strerror}; "
                f"make {self.directory} writable, or name another one"
            ) from error

    def _take_lock(self) -> None:
        lock = open(self.directory / "lock", "a+")  # noqa: SIM115 - held as long as we live
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise PostgresRefused(
                f"Another Sora (process {holder}) uses {self.directory}: stop it first"
            )
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _prepare(self, binaries: Path) -> None:
        """initdb, in a directory beside, which gets its name only when it is complete."""
        if (self.data / "PG_VERSION").exists():
            self._require_version(binaries)
            return
        self.say("Preparing a new database")
        if any(self.data.iterdir()):
            raise PostgresRefused(f"{self.data} is not empty and holds no database: remove it")
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._own_directory(fresh)
        for locale in (["--locale=C", "--lc-ctype=C.UTF-8"], ["--locale=C"]):
            command: list[str | Path] = [
                binaries / "initdb",
                "-D",
                fresh,
                "-U",
                SUPERUSER,
                "-A",
                "trust",
            ]
            command += ["-E", "UTF8", *locale]
            if self.settings.get("fsync") == "off":
                command.append("--no-sync")
            made = self._run(command)
            if made.returncode == 0:
                break
            for left in fresh.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        else:
            text = made.stderr.decode(errors="replace").strip()
            raise PostgresRefused(f"initdb failed: {text}")
        self.data.rmdir()
        fresh.rename(self.data)

    def _run(self, command: list[str | Path]) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            command,
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            **self.account.run_as(),  # type: ignore[call-overload]
        )

    def _require_version(self, binaries: Path) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        said = self._run([binaries / "postgres", "--version"]).stdout.decode()
        version = said.split()[2].split(".")[0] if len(said.split()) > 2 else "?"
        if version != made_by:
            raise PostgresRefused(
                f"{self.data} was made by PostgreSQL {made_by}, and {binaries} is {version}: "
                f"install PostgreSQL {made_by}, or move the data over with pg_dump"
            )

    # ------------------------------------------------------------------ adopt or launch

    def _adopt(self) -> bool:
        """Take over a healthy server that runs already; remove what else is in the way."""
        pid = self._pid_in_file()
        if pid is None:
            # nobody can be starting here, the lock is ours: it was cut short by a crash
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return False
        if not is_postgres_of(pid, self.data):
            if is_alive(pid):
                (self.data / "postmaster.pid").unlink()
            return False
        if self._socket_in_file() == str(self.socket) and self._wait_ready(pid):
            self.adopted = True
            self.say(f"Found PostgreSQL running (process {pid})")
            return True
        self.say(f"Stopping a PostgreSQL that does not answer (process {pid})")
        self._stop(pid)
        return False

    def _launch(self, binaries: Path) -> None:
        self.say("Starting PostgreSQL")
        deadline = time.monotonic() + self.start_timeout
        while True:
            offset = self._log_size()
            self._process = self._spawn(binaries)
            if self._wait_ready(self._process.pid):
                return
            said = self._log_since(offset)
            # After a kill of its parent only, old backends need a moment to notice it.
            in_use = "pre-existing shared memory block" in said or "lock file" in said
            if not in_use or time.monotonic() > deadline:
                self._stop(self._process.pid)
                raise PostgresRefused(
                    f"PostgreSQL did not start; {self.log} says: {said.strip()[-800:]}"
                )
            time.sleep(10 * _STEP)

    def _spawn(self, binaries: Path) -> "subprocess.Popen[bytes]":
        settings = {**_SETTINGS, **self.settings, "unix_socket_directories": str(self.socket)}
        command: list[str | Path] = [binaries / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.account.run_as(),  # type: ignore[call-overload]
            )

    def _wait_ready(self, pid: int) -> bool:
        """Whether it answers before the limit; False as soon as its process has ended."""
        deadline = time.monotonic() + self.start_timeout
        while time.monotonic() < deadline:
            if self._ended(pid):
                return False
            if self._pid_in_file() == pid:
                try:
                    psycopg2.connect(**self._parameters("postgres")).close()
                    return True
                except psycopg2.OperationalError:
                    pass  # it is starting up, or recovers
            time.sleep(_STEP)
        return False

    def _parameters(self, database: str) -> dict[str, object]:
        return {**self.server(database).parameters(), "connect_timeout": 2}

    def _make_database(self) -> None:
        connection = psycopg2.connect(**self._parameters("postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'sora'")
                if cursor.fetchone() is None:
                    cursor.execute("CREATE DATABASE sora")
        finally:
            connection.close()

    # ------------------------------------------------------------------ stop

    def stop(self) -> None:
        """Stop the server, ours or adopted, and wait until it has ended.

        Nothing happens when it was not started here: then it is that of another Sora.
        """
        if self._lock is None:
            return
        pid = self.pid
        try:
            if pid is not None:
                self._stop(pid)
            elif self._process is not None:
                self._stop(self._process.pid)
        finally:
            self._process = None
            self._release_lock()

    def _stop(self, pid: int) -> None:
        """Fast: transactions are rolled back. Then immediate, then by force: it recovers later."""
        for number, patience in (
            (signal.SIGINT, self.stop_timeout),
            (signal.SIGQUIT, self.stop_timeout),
            (signal.SIGKILL, 5.0),
        ):
            if self._ended(pid) or not is_postgres_of(pid, self.data):
                return
            os.kill(pid, number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if self._ended(pid):
                    return
                time.sleep(_STEP)
        raise PostgresRefused(f"PostgreSQL (process {pid}) could not be stopped")

    def _ended(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is not None
        return not is_alive(pid)

    # ------------------------------------------------------------------ files

    def _pid_in_file(self) -> int | None:
        lines = self._pid_file()
        try:
            return abs(int(lines[0])) if lines else None
        except ValueError:
            return None

    def _socket_in_file(self) -> str:
        lines = self._pid_file()
        return lines[4].strip() if len(lines) > 4 else ""

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _log_size(self) -> int:
        try:
            return self.log.stat().st_size
        except OSError:
            return 0

    def _log_since(self, offset: int) -> str:
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")


def _environment() -> dict[str, str]:
    """Nothing of ours leaks into PostgreSQL, and no PG* variable changes what it does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
