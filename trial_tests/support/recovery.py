"""A log that is kept, and servers that are recovered from it to a point in time. Blocking.

archive = Archive(directory)
servers = replicated(self, replicas=0, settings=archive.settings())
base = archive.base_backup(servers.primary)        # beside a running server
point = servers.primary.value("SELECT clock_timestamp()")
archive.close(servers.primary)                     # the log up to now is kept
servers.primary.kill()
restored = archive.recover(base, point)            # runs, as a primary on a new timeline
"""

import os
import shutil
import time
from datetime import datetime
from pathlib import Path

from attrs import frozen

from trial_tests.support.replication import PATIENCE, ReplicatedServer, base_backup


@frozen
class Archive:
    """A directory for the log (`log/`), for base backups, and for the servers that are made of
    them. What `archive_command` and `restore_command` do here, pgBackRest does elsewhere."""

    directory: Path

    def settings(self) -> dict[str, str]:
        """What a server needs whose log is to be kept."""
        log = self.directory / "log"
        log.mkdir(exist_ok=True)
        log.chmod(0o777)
        keep = f"test ! -f {log}/%f && cp %p {log}/%f.new && mv {log}/%f.new {log}/%f"
        return {"archive_mode": "on", "archive_command": keep}

    def base_backup(self, of: ReplicatedServer, name: str = "base") -> Path:
        """A copy of a running server, to begin a recovery with."""
        directory = self.directory / name
        directory.mkdir()
        base_backup(of, directory)
        return directory

    def close(self, server: ReplicatedServer) -> None:
        """Have all of the log kept that there is now."""
        name = server.value("SELECT pg_walfile_name(pg_switch_wal())")
        deadline = time.monotonic() + PATIENCE
        while not (self.directory / "log" / name).exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} was not kept within {PATIENCE:g} s")
            time.sleep(0.02)

    def recover(
        self, base: Path, to: datetime, *, host: str, name: str = "restored"
    ) -> ReplicatedServer:
        """A server as of a point in time, which is a primary from now on. Whoever asks removes it;
        the base backup stays as it is."""
        directory = self.directory / name
        directory.mkdir()
        server = ReplicatedServer(directory, self.settings(), host)
        data = directory / "data"
        shutil.copytree(base / "data", data, symlinks=True)
        data.chmod(0o700)
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"restore_command = 'cp {self.directory}/log/%f %p'\n")
            settings.write(f"recovery_target_time = '{to.isoformat()}'\n")
            settings.write("recovery_target_action = 'promote'\n")
        (data / "recovery.signal").touch()
        for path in [data, *data.rglob("*")]:
            owner = base.joinpath("data").stat()
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        server.start()
        deadline = time.monotonic() + PATIENCE
        while server.is_replica:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the recovery took longer than {PATIENCE:g} s")
            time.sleep(0.02)
        return server
