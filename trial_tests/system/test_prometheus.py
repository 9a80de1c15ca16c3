"""Prometheus itself scrapes a running server, by the configuration and the rules of `etc/`."""

import imaplib
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from sora.metrics.document import FAMILIES, rows_of
from trial_tests.support.http_api import ask
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres, free_port
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN

ETC = Path(__file__).parents[2] / "etc"
KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
WAIT_SECONDS = 60


class PrometheusTests(SynchronousTestCase):
    timeout = 180

    def setUp(self) -> None:
        self.promtool = require_program(self, "promtool", "prometheus")
        self.prometheus = require_program(self, "prometheus", "prometheus")
        postgres = ScramPostgres(temporary_directory("sora-test-scram-"))
        self.addCleanup(postgres.remove)
        postgres.start()
        self.directory = Path(tempfile.mkdtemp(prefix="sora-prometheus-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        (self.directory / "objects").mkdir()
        (self.directory / "relay").mkdir(mode=0o700)
        database = {"host": postgres.host, "dbname": DATABASE, "user": ROLE, "password": PASSWORD}
        self.node = SoraNode(
            str(self.directory),
            {
                "database": database,
                "s3": {"provider": "filesystem", "path": f"{self.directory}/objects"},
                "relay": {
                    "type": "smtp",
                    "smtp_host": f"127.0.0.1:{free_port()}",
                    "queue": {"path": f"{self.directory}/relay"},
                },
                "health": {"check_interval": "1s"},
            },
        )
        self.addCleanup(self.node.cleanup)
        self.port = free_port()
        self.node.servers.append(
            {"type": "http_api", "addr": f"127.0.0.1:{self.port}", "api_key": KEY}
        )
        self.node.write()
        self.node.start()
        self.node.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)

    def test_a_server_is_scraped(self) -> None:
        """Without a warning, with every metric of the manual, and the rules have names that exist."""
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(EMAIL, LOGIN)
        client.xatom("ID", '("name" "a client" "version" "3")')
        client.select("INBOX")
        client.send(b"i1 IDLE\r\n")
        self.assertTrue(client.readline().startswith(b"+ "))
        _, listed = ask(self.port, KEY, "GET", f"/admin/connections?user={EMAIL}")
        (row,) = listed["items"]
        self.assertEqual((row["state"], row["client"]), ("idle INBOX", "a client 3"))

        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        done = subprocess.run(
            [self.promtool, "check", "metrics"], input=text, capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        described = set(re.findall(r"^# HELP (\S+) ", text, re.MULTILINE))
        documented = {row[0].strip("`") for _, kinds in FAMILIES for row in rows_of(kinds)}
        self.assertEqual(documented - described, set())
        self.assertIn("\nsora_imap_idle_connections_current 1.0\n", text)
        self.assertRegex(text, r"\nsora_memory_mailboxes_bytes [1-9]")

        address = self.scrape()
        self.assertEqual(self.value(address, 'up{job="sora"}'), "1")
        self.assertEqual(self.value(address, "sora_imap_idle_connections_current"), "1")
        for group in self.asked(address, "rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual(rule["health"], "ok", rule)
        log = (self.directory / "prometheus.log").read_text()
        self.assertEqual([line for line in log.splitlines() if "level=warn" in line], [], log)
        client.send(b"DONE\r\n")
        client.shutdown()

    def scrape(self) -> str:
        """Start Prometheus; gives where it answers, after its first scrape and rules."""
        settings = (ETC / "prometheus.yml").read_text()
        settings = settings.replace("localhost:8080", f"127.0.0.1:{self.port}")
        settings = settings.replace("15s", "1s")
        (self.directory / "prometheus.yml").write_text(settings)
        shutil.copy(ETC / "prometheus-rules.yml", self.directory)
        address = f"127.0.0.1:{free_port()}"
        with (self.directory / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    self.prometheus,
                    f"--config.file={self.directory}/prometheus.yml",
                    f"--storage.tsdb.path={self.directory}/tsdb",
                    f"--web.listen-address={address}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.has_scraped(address):
            self.assertLess(time.monotonic(), deadline, log)
            time.sleep(0.2)
        return address

    def has_scraped(self, address: str) -> bool:
        try:
            rules = self.asked(address, "rules")["groups"]
            seen = self.value(address, "sora_imap_idle_connections_current")
        except OSError:
            return False
        return bool(seen) and all(
            rule["health"] != "unknown" for group in rules for rule in group["rules"]
        )

    def value(self, address: str, query: str) -> str:
        found = self.asked(address, f"query?query={query}")["result"]
        return str(found[0]["value"][1]) if found else ""

    def asked(self, address: str, path: str) -> Any:
        with urlopen(f"http://{address}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]
