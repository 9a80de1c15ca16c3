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
        process = self.begin_admin(*arguments)
        try:
            stdout, stderr = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        if (process.returncode == 0) is not succeeds:
            raise AssertionError(f"{arguments}: {process.returncode}\n{stdout}{stderr}")
        return stdout + stderr

    def begin_admin(self, *arguments: str) -> "subprocess.Popen[str]":
        """The same, still running."""
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "twistd"), "sora-admin", *arguments]
            + ["--config", str(self.file)],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
