"""A Sora with a configuration file of its own, as one node of several or alone."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import toml

from sora.tls.self_signed import self_signed
from trial_tests.support.sora_process import SoraProcess


class SoraNode(SoraProcess):
    """`twistd -n sora -c config.toml`: IMAP and LMTP with STARTTLS, and IMAP over TLS.

    `tables` are tables of the configuration; more may be written into `file` before a start
    or a reload.
    """

    def __init__(self, directory: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(directory, embedded=False)
        self.file = self.directory / "config.toml"
        self.arguments = ["-c", str(self.file)]
        self.certificate = self_signed(self.directory / "tls", "localhost", datetime.now(UTC))
        self.tables: dict[str, dict[str, Any]] = {
            "cache": {"path": str(self.directory / "cache")},
            "logging": {"output": str(self.directory / "sora.log"), "format": "json"},
            **{name: dict(table) for name, table in tables.items()},
        }
        self.servers: list[dict[str, Any]] = [
            self._server("imap", self.imap),
            self._server("imap", self.imaps, tls=True),
            self._server("lmtp", self.lmtp, trusted_networks=["127.0.0.0/8"]),
        ]
        self.write()

    def _server(self, kind: str, port: int, **keys: Any) -> dict[str, Any]:
        return {
            "type": kind,
            "addr": f"127.0.0.1:{port}",
            "tls_cert_file": str(self.certificate.cert_file),
            "tls_key_file": str(self.certificate.key_file),
            **keys,
        }

    def write(self) -> None:
        """Write the configuration file, which holds a password."""
        self.file.write_text(toml.dumps({**self.tables, "servers": self.servers}))
        self.file.chmod(0o600)

    def messages_of_log(self) -> str:
        """The log's file so far."""
        return (self.directory / "sora.log").read_text()

    def admin(self, *arguments: str, succeeds: bool = True) -> str:
        """`twistd sora-admin` on this configuration; gives what it printed."""
        twistd = str(Path(sys.executable).parent / "twistd")
        done = subprocess.run(
            [twistd, "sora-admin", *arguments, "--config", str(self.file)],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        if (done.returncode == 0) is not succeeds:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr
