"""Who may call the HTTP API, with curl over TLS and behind a proxy: keys that are exchanged while it
runs, networks, rates, and what is told of it."""

import json
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import IPAddress
from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.authority import authority
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.sora_node import SoraNode

NEW = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}
BEHIND = "192.0.2.7"


class HttpSecurityTests(SynchronousTestCase):
    timeout = 180

    def setUp(self) -> None:
        self.curl = require_program(self, "curl", "curl")
        self.directory = Path(tempfile.mkdtemp(prefix="sora-http-security-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(self.postgres.remove)
        self.postgres.start()
        database = {"host": self.postgres.host, "dbname": DATABASE, "user": ROLE}
        self.node = SoraNode(
            str(self.directory),
            {
                "database": {**database, "password": PASSWORD},
                "s3": {"provider": "filesystem", "path": str(self.directory / "objects")},
            },
        )
        (self.directory / "objects").mkdir()
        self.addCleanup(self.node.cleanup)
        root = authority()
        self.root_file = self.directory / "root.pem"
        self.root_file.write_bytes(root.certificate.public_bytes(Encoding.PEM))
        here = [IPAddress(ip_address("127.0.0.1"))]
        cert_file, key_file = root.issue("here", here).write(self.directory, "here")
        self.port = free_port()
        self.first, entry = self.make_key("boss", "write")
        self.server: dict[str, Any] = {
            "type": "http_api",
            "addr": f"127.0.0.1:{self.port}",
            "tls": True,
            "tls_cert_file": str(cert_file),
            "tls_key_file": str(key_file),
            "api_keys": [entry],
        }
        behind = {
            **self.server,
            "addr": f"127.0.0.1:{self.port + 1}",
            "proxy_protocol": True,
            "trusted_networks": ["127.0.0.1"],
            "allowed_hosts": ["192.0.2.0/24"],
            "requests_per_second": 1,
        }
        self.node.servers += [self.server, behind]
        self.node.write()
        self.node.start()

    def make_key(self, name: str, scope: str) -> tuple[str, dict[str, Any]]:
        """What `config api-key` makes: the key, and the entry of the configuration."""
        made = json.loads(
            self.node.admin("config", "api-key", "--name", name, "--scope", scope, "--json")
        )
        return made.pop("key"), made

    def ask(
        self, key: str, path: str = "/admin/accounts", body: Any = None, *more: str
    ) -> tuple[int, Any]:
        """curl, which checks the certificate: the status, and the JSON that came."""
        command = [self.curl, "-sS", "--cacert", str(self.root_file), "-w", "\n%{http_code}"]
        if key:
            command += ["-H", f"Authorization: Bearer {key}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        url = f"https://127.0.0.1:{self.port}{path}"
        done = subprocess.run(
            [*command, *more, url], capture_output=True, text=True, timeout=30, check=True
        )
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text) if text.startswith("{") else text

    def refused(self, answer: tuple[int, Any], status: int, kind: str) -> None:
        """All in the same shape (RFC 9457)."""
        self.assertEqual((answer[0], answer[1]["type"]), (status, f"urn:sora:problem:{kind}"))
        self.assertLessEqual({"title", "status", "instance"}, set(answer[1]))

    def hang_up(self, until: Callable[[], bool]) -> None:
        self.node.write()
        assert self.node.process is not None
        self.node.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while not until():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_who_may_call(self) -> None:
        self.check_keys()
        self.check_rotation()
        self.check_behind_a_proxy()
        self.check_bad_input()
        self.check_log()

    def check_keys(self) -> None:
        """What is hashed in the file is shown by its owner alone; over TLS alone."""
        self.assertNotIn(self.first, self.node.file.read_text())
        self.assertEqual(self.ask(self.first, body=NEW)[0], 201)
        self.refused(self.ask(self.first, body=NEW), 409, "already-exists")
        self.refused(self.ask("", body=NEW), 401, "no-key")
        digest = self.server["api_keys"][0]["digest"]
        self.refused(self.ask(digest, body=NEW), 401, "wrong-key")
        header = f"Authorization: Bearer {self.first}"
        self.refused(
            self.ask(self.first, "/admin/accounts", None, "-H", header), 400, "bad-request"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertNotIn(b"HTTP/1.1 2", client.recv(1000))

    def check_rotation(self) -> None:
        """The new key beside the old one, then alone: nothing is restarted (G68)."""
        self.second, entry = self.make_key("boss-2", "write")
        self.looking, look = self.make_key("look", "read")
        self.server["api_keys"] = [*self.server["api_keys"], entry, look]
        self.hang_up(lambda: self.ask(self.second)[0] == 200)
        self.assertEqual(self.ask(self.first)[0], 200)
        self.assertEqual(self.ask(self.looking)[0], 200)
        self.refused(self.ask(self.looking, body=NEW), 403, "not-permitted")
        self.server["api_keys"] = [entry, look]
        self.hang_up(lambda: self.ask(self.first)[0] == 401)
        self.server["allowed_hosts"] = ["192.0.2.0/24"]
        self.hang_up(lambda: self.ask(self.second)[0] == 403)
        self.refused(self.ask(self.second), 403, "address-not-allowed")
        del self.server["allowed_hosts"]
        self.hang_up(lambda: self.ask(self.second)[0] == 200)
        self.assertNotIn("take a restart", self.node.messages_of_log())

    def behind(self, host: str, octets: bytes) -> bytes:
        """A proxy that speaks for somebody, and what comes back to him."""
        context = ssl.create_default_context(cafile=str(self.root_file))
        plain = socket.create_connection(("127.0.0.1", self.port + 1), timeout=20)
        plain.sendall(f"PROXY TCP4 {host} 127.0.0.1 4000 443\r\n".encode())
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
            client.sendall(octets)
            said = b""
            while piece := client.recv(65536):
                said += piece
        return said

    def check_behind_a_proxy(self) -> None:
        """The address is that of the header, whatever the request says (G57); who asks too much
        is told when to come again (G55)."""
        head = "Host: a\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n"
        said = self.behind("198.51.100.1", f"GET /livez HTTP/1.1\r\n{head}".encode())
        self.assertIn(b"address-not-allowed", said)
        for _ in range(8):
            said = self.behind(BEHIND, f"GET /livez HTTP/1.1\r\n{head}".encode())
            if b" 429 " in said:
                break
        self.assertIn(b"\r\nRetry-After: 1\r\n", said)
        self.assertIn(b"urn:sora:problem:too-many-requests", said)
        said = self.behind("192.0.2.8", f"GET /livez HTTP/1.1\r\n{head}".encode())
        self.assertIn(b"200 OK", said)

    def check_bad_input(self) -> None:
        """A large head, a large body, another kind of body: refused in the same shape."""
        big = self.directory / "big"
        big.write_bytes(b"{" + b" " * (2 << 20))
        json_ = "Content-Type: application/json"
        found = self.ask(self.second, "/admin/accounts", None, "-H", json_, "-d", f"@{big}")
        self.refused(found, 413, "too-big")
        found = self.ask(self.second, "/admin/accounts", None, "-H", "X: " + "x" * 60_000)
        self.refused(found, 400, "bad-request")
        found = self.ask(self.second, "/admin/accounts", None, "-d", "a=b")
        self.refused(found, 415, "unsupported-media-type")

    def check_log(self) -> None:
        """Each change, and each that was wanted; no secret."""
        text = self.node.messages_of_log()
        lines = [json.loads(line) for line in text.splitlines()]
        told = [
            (one["key"], one["outcome"], one.get("problem", ""))
            for one in lines
            if one.get("logger") == "sora.audit"
        ]
        self.assertEqual(
            told,
            [
                ("boss", "done", ""),
                ("boss", "refused", "already-exists"),
                ("-", "refused", "no-key"),
                ("-", "refused", "wrong-key"),
                ("look", "refused", "not-permitted"),
                ("boss-2", "refused", "too-big"),
                ("boss-2", "refused", "unsupported-media-type"),
            ],
        )
        for secret in (self.first, self.second, self.looking, "correct horse"):
            self.assertNotIn(secret, text)
