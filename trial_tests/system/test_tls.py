"""`sora-admin tls` on servers of all protocols: what is in the files, and what is served."""

import json
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.x509 import DNSName
from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.authority import authority
from trial_tests.support.http_api import KEY, ask
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.sora_node import SoraNode

HOST = "mail.example.com"


class TLSTests(SynchronousTestCase):
    timeout = 180

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="sora-tls-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(self.postgres.remove)
        self.node = SoraNode(
            str(self.directory),
            {
                "database": {
                    "host": self.postgres.host,
                    "dbname": DATABASE,
                    "user": ROLE,
                    "password": PASSWORD,
                },
                "s3": {"provider": "filesystem", "path": str(self.directory / "objects")},
            },
        )
        (self.directory / "objects").mkdir()
        self.addCleanup(self.node.cleanup)
        self.root = authority()
        self.renew()
        self.port = free_port()
        self.node.servers += [
            self.server("pop3", self.node.pop3),
            self.server("managesieve", self.node.managesieve),
            self.server(
                "http_api",
                self.port,
                api_key=KEY,
                proxy_protocol=True,
                trusted_networks=["127.0.0.1"],
                tls=True,
            ),
            self.server("http_api", self.port + 1, api_key=KEY),
        ]
        for server in self.node.servers:
            server |= {"tls_cert_file": str(self.files[0]), "tls_key_file": str(self.files[1])}
            server["hostname"] = HOST
        self.node.write()

    def server(self, kind: str, port: int, **keys: Any) -> dict[str, Any]:
        return {"type": kind, "addr": f"127.0.0.1:{port}", **keys}

    def renew(self) -> None:
        """Write another certificate for the same name."""
        issuer = self.root.issue("Test Issuer", is_authority=True)
        self.files = issuer.issue(HOST, [DNSName(HOST)]).write(self.directory, "fullchain")

    def check(self, *arguments: str, succeeds: bool = True) -> list[dict[str, Any]]:
        text = self.node.admin("tls", "check", "--json", *arguments, succeeds=succeeds)
        found: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text)[0]
        return found

    def served(self, found: list[dict[str, Any]]) -> dict[str, str]:
        return {f"{one['type']} {one['tls']}": one["served"] for one in found}

    def test_certificates_of_an_operator(self) -> None:
        """Before a start, served, renewed, reloaded; and files that are wrong."""
        everywhere = (
            "imap starttls",
            "imap implicit",
            "lmtp starttls",
            "pop3 starttls",
            "managesieve starttls",
            "http_api implicit",
        )
        self.assertEqual(self.served(self.check()), dict.fromkeys(everywhere, "nothing"))
        listed = self.node.admin("tls", "list")
        self.assertEqual(listed.count("CN=Test Issuer"), 1)
        for words in (HOST, "EC secp256r1", "89 days left", "sha256 ", "incomplete"):
            self.assertIn(words, listed)
        self.postgres.start()
        self.node.start()
        self.assertEqual(self.served(self.check()), dict.fromkeys(everywhere, "same"))
        self.assertIn("certificate", self.node.messages_of_log())
        self.check_the_api()
        self.renew()
        found = self.check(succeeds=False)
        self.assertEqual(self.served(found), dict.fromkeys(everywhere, "other"))
        self.assertIn("SIGHUP", found[0]["flaws"][-1]["remedy"])
        assert self.node.process is not None
        self.node.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while "was loaded again" not in self.node.messages_of_log():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.assertEqual(self.served(self.check()), dict.fromkeys(everywhere, "same"))
        self.check_wrong_files()

    def check_the_api(self) -> None:
        """`GET /admin/tls` tells what is served."""
        status, found = ask(self.port + 1, KEY, "GET", "/admin/tls")
        self.assertEqual(status, 200, found)
        (one,) = found["items"]
        self.assertEqual(one["file"], str(self.files[0]))
        self.assertEqual(len(one["servers"]), 6)

    def check_wrong_files(self) -> None:
        """Each problem has its mend; one server can be looked at alone."""
        name = f"imap-{self.node.imaps}"
        other = self.root.issue(HOST, [DNSName(HOST)]).write(self.directory, "other")
        self.files[1].write_bytes(other[1].read_bytes())
        (found,) = self.check("--server", name, succeeds=False)
        self.assertIn("does not belong to the certificate", found["flaws"][0]["text"])
        self.assertEqual((found["served"], found["is_right"]), ("unknown", False))
        self.files[0].unlink()
        text = self.node.admin("tls", "check", "--server", name, succeeds=False)
        self.assertIn("there is no such file", text)
        self.assertIn("-> Mend tls_cert_file", text)
        self.assertIn("there is no such file", self.node.admin("tls", "list", succeeds=False))
        text = self.node.admin("tls", "check", "--server", "nobody", succeeds=False)
        self.assertIn("no server with TLS is called nobody", text)
