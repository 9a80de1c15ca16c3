"""Requests to Sora's HTTP API, from tests that block, and a server to ask."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.http.keys import digest_of
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.sora_node import SoraNode

KEY = "d0c4a5b1e2f3948576a1b2c3d4e5f607"
LOOKING = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def ask(port: int, key: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request: the status, and the body, as JSON where it is. A body of octets is a message.
    Raises OSError when nobody answers."""
    is_message = isinstance(body, bytes)
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        body if body is None or is_message else json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {key}",
            "Content-Type": "message/rfc822" if is_message else "application/json",
        },
        method=method,
    )
    try:
        with urlopen(request, timeout=20) as answer:
            status, kind, octets = answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        status, kind, octets = error.code, error.headers["Content-Type"], error.read()
    return status, json.loads(octets) if kind and "json" in kind else octets


class ApiTestCase(SynchronousTestCase):
    """A server with an HTTP API and two keys, on a PostgreSQL of its own."""

    timeout = 180
    settings: dict[str, Any] = {}
    """more of the server's configuration"""

    def setUp(self) -> None:
        self.postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(self.postgres.remove)
        self.postgres.start()
        directory = tempfile.mkdtemp(prefix="sora-http-")
        self.addCleanup(shutil.rmtree, directory, True)
        database = {"host": self.postgres.host, "dbname": DATABASE, "user": ROLE}
        store = {"provider": "filesystem", "path": f"{directory}/objects"}
        relay = {"queue": {"path": f"{directory}/relay"}}
        for name in ("objects", "relay"):
            Path(directory, name).mkdir()
        self.node = SoraNode(
            directory,
            {"database": {**database, "password": PASSWORD}, "s3": store, "relay": relay},
        )
        self.addCleanup(self.node.cleanup)
        self.port = free_port()
        looking = {"name": "look", "digest": digest_of(LOOKING), "scopes": ["read"]}
        self.node.servers.append(
            {
                "type": "http_api",
                "addr": f"127.0.0.1:{self.port}",
                "api_key": KEY,
                "api_keys": [looking],
                **self.settings,
            }
        )
        self.node.write()
        self.node.start()

    def ask(self, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
        """One request: the status, and the body, as JSON where it is."""
        return ask(self.port, key, method, path, body)
