"""One of the Soras of a fault run, with all that lies between it and others."""

import os
import re
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from trial_tests.support.http_api import ask
from trial_tests.support.ports import free_port
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY
from trial_tests.support.small_disk import SmallDisk
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.tcp_proxy import TcpProxy

API_KEY: Final = "6b1f0a9c8d7e5f4a3b2c1d0e9f8a7b6c"
CACHES: Final = ("8mb", "256kb")
"""of the first node, which has most of what it is asked for, and of the second, which has to read most
of it from the store"""
FRONT: Final = ("imap", "lmtp", "pop3")
"""what clients use"""


@define
class Links:
    """What a node reaches, and clients reach it by. `store` is None where bodies are files."""

    postgres: TcpProxy
    store: TcpProxy | None
    relay: TcpProxy
    front: dict[str, TcpProxy] = field(factory=dict)

    def all(self) -> list[TcpProxy]:
        """Every proxy."""
        behind = [self.postgres, self.relay, *self.front.values()]
        return behind if self.store is None else [*behind, self.store]

    def named(self, what: str) -> list[TcpProxy]:
        """Those of `postgres`, `store`, `relay`, or `clients`."""
        if what == "clients":
            return list(self.front.values())
        one: TcpProxy | None = getattr(self, what)
        return [] if one is None else [one]


@define(eq=False)
class Node:
    """One Sora with its proxies and its small disk."""

    sora: SoraNode
    links: Links
    disk: SmallDisk
    pop3: int
    http: int

    @classmethod
    def make(
        cls, directory: Path, number: int, links: Links, disk: SmallDisk, objects: Path | None
    ) -> "Node":
        """One that is not started. `objects` is where bodies are files."""
        sora = SoraNode(
            str(directory / f"node{number}"),
            {
                **_tables(links, disk.path, CACHES[number]),
                "s3": _store(links.store, objects),
                "cluster": {"node_id": f"node{number}"},
            },
        )
        pop3, http = free_port(), free_port()
        sora.servers += [
            sora._server("pop3", pop3),
            sora._server("managesieve", sora.managesieve),
            {"type": "http_api", "addr": f"127.0.0.1:{http}", "api_key": API_KEY},
        ]
        sora.write()
        sora.environment = {"TMPDIR": str(disk.path)}
        for name, port in zip(FRONT, (sora.imap, sora.lmtp, pop3), strict=True):
            links.front[name] = TcpProxy(("127.0.0.1", port))
            links.front[name].start()
        return cls(sora, links, disk, pop3, http)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to its HTTP API: status and body. Raises OSError when it does not answer."""
        return ask(self.http, API_KEY, method, path, body)

    def metrics(self) -> str:
        """All its metrics, as text."""
        return str(self.ask("GET", "/metrics")[1].decode())

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        process = self.sora.process
        return process is not None and process.poll() is None

    def open_files(self) -> list[str]:
        """What its process has open, by what the kernel calls it."""
        assert self.sora.process is not None
        found = []
        place = f"/proc/{self.sora.process.pid}/fd"
        for number in os.listdir(place):
            try:
                found.append(os.readlink(f"{place}/{number}"))
            except OSError:  # closed meanwhile: that of the listing, for one
                continue
        return found

    def stop(self) -> None:
        """End it, and what leads to it."""
        self.sora.cleanup()
        for proxy in self.links.all():
            proxy.stop()


def value_of(metrics: str, name: str, labels: str = "") -> float:
    """The sum of a metric over all members whose labels match a pattern; of one without labels, its
    value."""
    members = rf"\{{{labels}\}}" if labels else ""
    return sum(float(one) for one in re.findall(rf"(?m)^{name}{members} (\S+)$", metrics))


def _tables(links: Links, disk: Path, cache: str) -> dict[str, dict[str, Any]]:
    """The configuration of a node. Its limits of time are short, so that many faults fit into a
    minute; nothing else is unlike a server's."""
    queue = disk / "relay"
    queue.mkdir()
    return {
        "database": {
            "host": "127.0.0.1",
            "port": links.postgres.port,
            "dbname": "sora",
            "user": "sora",
            "min_conns": 1,
            "max_conns": 10,
            "query_timeout": "2s",
            "acquire_timeout": "2s",
        },
        "upload": {"staging_max_size": "600kb"},
        "cache": {"path": str(disk / "cache"), "capacity": cache},
        "cleanup": {
            "grace_period": "1s",
            "wake_interval": "1s",
            # What clients of a run expunge is far beyond the habits of an account of a minute.
            "unusual_deletions": {"messages": 0},
        },
        "relay": {
            "type": "smtp",
            "smtp_host": f"127.0.0.1:{links.relay.port}",
            "tls_use_starttls": False,
            "queue": {"path": str(queue), "retry_backoff": ["1s"], "worker_interval": "1s"},
        },
        "health": {
            "check_interval": "1s",
            "database_timeout": "2s",
            "s3_timeout": "3s",
        },
        "limits": {"shutdown_timeout": "3s"},
    }


def _store(proxy: TcpProxy | None, objects: Path | None) -> dict[str, Any]:
    if proxy is None:
        return {"provider": "filesystem", "path": str(objects)}
    return {
        "provider": "s3",
        "endpoint": f"127.0.0.1:{proxy.port}",
        "bucket": BUCKET,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "use_ssl": False,
        "path_style": True,
        "timeout": "1s",
    }
