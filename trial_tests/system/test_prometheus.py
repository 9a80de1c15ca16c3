"""Prometheus itself scrapes a running server, by the configuration, the rules and the dashboard of
`etc/`."""

import imaplib
import json
import poplib
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import managesieve
from twisted.trial.unittest import SynchronousTestCase

from sora.metrics.document import FAMILIES, rows_of
from trial_tests.support.http_api import ask
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN

ETC = Path(__file__).parents[2] / "etc"
KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SCRAPING = "5f0e1d2c3b4a59687786a5b4c3d2e1f0"
WAIT_SECONDS = 120
"""longer than it takes until the first object is verified: 75 seconds from the start"""
SCRIPT = 'require "fileinto"; if header :is "X-Spam" "yes" { fileinto "Junk"; }\r\n'
MAIL = "From: a@example.org\r\nTo: user@example.com\r\nSubject: hello\r\n\r\nHello\r\n"
QUIET = {
    "Parts that are not well": "the relay alone is not there",
    "Refused and timed out": "nobody is",
    "Open circuit breakers": "a store on a disk has none",
    "Relay queue": "",
    "Given to the relay and sent": "",
    "Lag of replicas": "there is none",
    "Statements that failed": "none does",
    "Sessions over their memory": "none is",
    "Scripts for what clients do": "there is none",
    "Reclaimed": "the first round of the cleaner is to come",
}
"""panels of the dashboard that may have nothing to show here, and why"""


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
        self.port, self.guarded = free_port(), free_port()
        self.node.servers += [
            self.node._server("pop3", self.node.pop3),
            self.node._server("managesieve", self.node.managesieve),
            {"type": "http_api", "addr": f"127.0.0.1:{self.port}", "api_key": KEY},
            self.with_keys(["127.0.0.1"]),
        ]
        self.node.write()
        self.begun = time.time()
        self.node.start()
        self.node.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)

    def with_keys(self, allowed: list[str]) -> dict[str, Any]:
        """The server that Prometheus asks, as etc/prometheus.yml says it should be."""
        key = {
            "name": "prometheus",
            "digest": f"sha256:{sha256(SCRAPING.encode()).hexdigest()}",
            "scopes": ["read"],
        }
        return {
            "type": "http_api",
            "name": "watched",
            "addr": f"127.0.0.1:{self.guarded}",
            "metrics_key": True,
            "api_keys": [key],
            "allowed_hosts": allowed,
        }

    def test_a_server_is_scraped(self) -> None:
        """Without a warning, with every metric of the manual; the rules have names that exist, and
        the dashboard shows what was done."""
        self.assertEqual(self.metrics(self.guarded)[0], 401)
        self.assertEqual(self.metrics(self.guarded, KEY)[0], 401)
        self.assertEqual(self.metrics(self.guarded, SCRAPING)[0], 200)

        client = self.use()
        _, listed = ask(self.port, KEY, "GET", f"/admin/connections?user={EMAIL}")
        row = next(one for one in listed["items"] if one["state"].startswith("idle"))
        self.assertEqual((row["state"], row["client"]), ("idle INBOX", "a client 3"))

        _, text = self.metrics(self.port)
        done = subprocess.run(
            [self.promtool, "check", "metrics"], input=text, capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        described = set(re.findall(r"^# HELP (\S+) ", text, re.MULTILINE))
        documented = {row[0].strip("`") for _, kinds in FAMILIES for row in rows_of(kinds)}
        self.assertEqual(documented - described, set())
        self.assertIn("\nsora_imap_idle_connections_current 1.0\n", text)
        self.assertIn("\n# TYPE sora_accounts_total untyped\n", text)
        self.assertRegex(text, r"\nsora_memory_mailboxes_bytes [1-9]")
        self.assertEqual([name for name in described if name.endswith("_created")], [])

        version = self.node.admin("version").removeprefix("sora ").strip()
        self.assertRegex(text, rf'\nsora_build_info{{python="3[^"]+",version="{version}"}} 1.0\n')
        since = float(re.findall(r"^process_start_time_seconds (\S+)$", text, re.M)[0])
        # The system tells it from its own start, which it knows to the second.
        self.assertTrue(self.begun - 2 <= since <= time.time() + 2, since)

        address = self.scrape()
        self.assertEqual(self.value(address, 'up{job="sora",hostname="127.0.0.1"}'), "1")
        self.assertEqual(self.value(address, "sora_imap_idle_connections_current"), "1")
        for group in self.asked(address, "rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual(rule["health"], "ok", rule)
        self.use().shutdown()
        self.wait_for(lambda: not self.empty_panels(address), lambda: self.empty_panels(address))
        log = (self.directory / "prometheus.log").read_text()
        self.assertEqual([line for line in log.splitlines() if "level=warn" in line], [], log)
        self.stays_right_after_a_reload(client)

    def stays_right_after_a_reload(self, client: imaplib.IMAP4) -> None:
        """Counters go on, and nobody is counted twice or forgotten."""
        before = self.metrics(self.port)[1]
        assert self.node.process is not None
        self.node.process.send_signal(1)
        self.wait_for(lambda: "the configuration was reloaded" in self.node.messages_of_log())
        after = self.metrics(self.port)[1]
        for line in (
            'sora_connections_total{protocol="imap"',
            "sora_imap_idle_connections_current",
            "sora_connection_tracker_users",
            'sora_authenticated_connections_current{protocol="imap"',
            'sora_authentication_attempts_total{protocol="imap",result="failed"}',
            "process_start_time_seconds",
        ):
            found = [re.findall(rf"^{re.escape(line)}.*$", text, re.M) for text in (before, after)]
            self.assertTrue(found[0], line)
            self.assertEqual(found[0], found[1])
        client.send(b"DONE\r\n")
        client.shutdown()
        gone = "\nsora_imap_idle_connections_current 0.0\n"
        self.wait_for(lambda: gone in self.metrics(self.port)[1])
        self.assertIn("\nsora_connection_tracker_users 0.0\n", self.metrics(self.port)[1])

    # ---------------------------------------------------------- something to see

    def use(self) -> imaplib.IMAP4:
        """A little of everything that clients do; gives one that is in IDLE."""
        with smtplib.LMTP("127.0.0.1", self.node.lmtp, timeout=20) as lmtp:
            lmtp.sendmail("a@example.org", [EMAIL], MAIL)
            with self.assertRaises(smtplib.SMTPRecipientsRefused):
                lmtp.sendmail("a@example.org", ["nobody@example.com"], MAIL)
        sieve = managesieve.MANAGESIEVE("localhost", self.node.managesieve, timeout=20)
        self.assertEqual(sieve.login("", EMAIL, LOGIN), "OK")
        self.assertEqual(sieve.putscript("a", SCRIPT), "OK")
        self.assertEqual(sieve.setactive("a"), "OK")
        sieve.logout()
        pop3 = poplib.POP3("127.0.0.1", self.node.pop3, timeout=20)
        pop3.user(EMAIL)
        pop3.pass_(LOGIN)
        pop3.retr(1)
        pop3.quit()
        wrong = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        with self.assertRaises(imaplib.IMAP4.error):
            wrong.login(EMAIL, "wrong")
        wrong.shutdown()
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(EMAIL, LOGIN)
        client.xatom("ID", '("name" "a client" "version" "3")')
        client.append("INBOX", "", "", MAIL.encode())
        client.select("INBOX")
        client.fetch("1:*", "(FLAGS BODY[])")
        client.send(b"i1 IDLE\r\n")
        while not client.readline().startswith(b"+ "):
            pass
        return client

    # ---------------------------------------------------------- Prometheus

    def scrape(self) -> str:
        """Start Prometheus; gives where it answers, after its first scrape and rules."""
        settings = (ETC / "prometheus.yml").read_text()
        settings = settings.replace("localhost:8080", f"127.0.0.1:{self.guarded}")
        settings = settings.replace("15s", "1s")
        settings = settings.replace("#authorization:", "authorization:")
        settings = re.sub("#( +credentials_file: ).*", rf"\1{self.directory}/key", settings)
        (self.directory / "prometheus.yml").write_text(settings)
        (self.directory / "key").write_text(SCRAPING)
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
        self.wait_for(lambda: self.has_scraped(address))
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

    def empty_panels(self, address: str) -> list[str]:
        """Those of the dashboard that show nothing, and should. All of what they ask is asked."""
        return [
            f"{title}: {query}"
            for title, query in self.panels()
            if not self.asked(address, f"query?query={quote(query)}")["result"]
            and title not in QUIET
        ]

    def panels(self) -> Iterator[tuple[str, str]]:
        """Title and query, as Grafana would ask."""
        for panel in json.loads((ETC / "grafana-dashboard.json").read_text())["panels"]:
            for target in panel.get("targets", ()):
                query = target["expr"].replace("$instance", ".*")
                yield panel["title"], query.replace("$__rate_interval", "30s")

    def value(self, address: str, query: str) -> str:
        found = self.asked(address, f"query?query={quote(query)}")["result"]
        return str(found[0]["value"][1]) if found else ""

    def asked(self, address: str, path: str) -> Any:
        """What Prometheus answers. A query that it does not understand fails."""
        with urlopen(f"http://{address}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    # ---------------------------------------------------------- asking

    def metrics(self, port: int, key: str = "") -> tuple[int, str]:
        """Status and text of `/metrics`."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        request = Request(f"http://127.0.0.1:{port}/metrics", headers=headers)
        try:
            with urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def wait_for(self, holds: Callable[[], object], missing: Callable[[], object] = str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                self.fail(f"waited in vain: {missing()}")
            time.sleep(0.2)
