"""The health of a whole server, and what else is asked of it while it runs, by the command line."""

import imaplib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.seaweedfs import s3_settings, seaweedfs
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL, PASSWORD, SoraProcess

WAIT_SECONDS = 60


class LiveCommandTests(SynchronousTestCase):
    """`sora-admin health`, `connections`, `stats`."""

    timeout = 240

    def start(self, *settings: str) -> SoraProcess:
        directory = tempfile.mkdtemp(prefix="sora-health-")
        self.addCleanup(shutil.rmtree, directory, True)
        sora = SoraProcess(directory, ["--set", "health.check_interval=1s", *settings])
        self.addCleanup(sora.cleanup)
        sora.start()
        return sora

    def admin(self, sora: SoraProcess, *words: str) -> "subprocess.CompletedProcess[str]":
        twistd = str(Path(sys.executable).parent / "twistd")
        return subprocess.run(
            [twistd, "sora-admin", *words, "--dir", str(sora.data)],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def asked(self, sora: SoraProcess, *words: str, code: int = 0) -> Any:
        done = self.admin(sora, *words, "--json")
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return json.loads(done.stdout)

    def states(self, sora: SoraProcess) -> dict[str, str]:
        found = json.loads(self.admin(sora, "health", "--json").stdout)
        return {one["name"]: one["status"] for one in found["components"]}

    def wait_for(self, sora: SoraProcess, component: str, status: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while (found := self.states(sora)).get(component) != status:
            self.assertLess(time.monotonic(), deadline, found)
            time.sleep(0.5)

    def check_certificates(self, sora: SoraProcess) -> None:
        """The one that was made for it, on all servers that speak TLS, as clients get it."""
        [row] = self.asked(sora, "tls", "list")
        self.assertIn("localhost", row["names"])
        self.assertIn("imaps", row["servers"])
        checked = self.asked(sora, "tls", "check")
        self.assertEqual({one["server"] for one in checked}, set(row["servers"]))
        self.assertEqual({one["served"] for one in checked}, {"same"})

    def test_who_is_connected_and_ending_it(self) -> None:
        """And all is well."""
        cache = tempfile.mkdtemp(prefix="sora-cache-")
        self.addCleanup(shutil.rmtree, cache, True)
        sora = self.start("--set", f"cache.path={cache}")
        self.wait_for(sora, "reactor", "healthy")
        health = self.asked(sora, "health")
        self.assertEqual(health["status"], "healthy", health)
        done = self.admin(sora, "health", "--detailed")
        self.assertIn("database", done.stdout)
        self.assertIn("server_version", done.stdout)

        client = imaplib.IMAP4("127.0.0.1", sora.imap, timeout=30)
        client.login(EMAIL, PASSWORD)
        (row,) = self.asked(sora, "connections", "list", "--user", EMAIL)
        self.assertEqual((row["protocol"], row["tls"]), ("imap", False))
        self.assertEqual(self.asked(sora, "stats", "connection", "--user", EMAIL)["users"], 1)
        self.assertEqual(self.admin(sora, "connections", "kick").returncode, 1)
        self.assertEqual(self.asked(sora, "connections", "kick", "--user", EMAIL)["kicked"], 1)
        self.assertRaises(imaplib.IMAP4.abort, self.use, client)
        self.assertEqual(self.asked(sora, "connections", "list", "--user", EMAIL), [])
        self.check_cache(sora, cache)
        self.check_certificates(sora)

        self.assertIn(sora.stop(), CLEAN_ENDS)
        done = self.admin(sora, "health")
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not run", done.stderr)

    def check_cache(self, sora: SoraProcess, cache: str) -> None:
        """What was read is kept; after a purge it is read all the same."""
        client = imaplib.IMAP4("127.0.0.1", sora.imap, timeout=30)
        client.login(EMAIL, PASSWORD)
        client.append("INBOX", None, None, b"Subject: kept\r\n\r\n" + b"words " * 20_000)
        client.select()

        def read() -> bytes:
            _, ((_, octets), _) = client.fetch("1", "(BODY.PEEK[])")  # type: ignore[misc]
            return bytes(octets)

        octets = read()
        read()
        stats = self.asked(sora, "cache", "stats")
        self.assertEqual(stats["path"], cache)
        self.assertEqual(stats["octets"], len(octets))
        self.assertEqual(self.admin(sora, "cache", "purge").returncode, 1)
        self.assertEqual(self.asked(sora, "cache", "purge", "--yes")["objects"], 1)
        self.assertEqual(self.asked(sora, "cache", "stats")["octets"], 0)
        self.assertEqual(read(), octets)
        self.assertEqual(self.asked(sora, "cache", "stats")["octets"], len(octets))
        client.logout()
        self.assertIn("1 bodies", self.admin(sora, "cache", "stats").stdout)
        (row,) = self.asked(sora, "cache", "metrics")
        self.assertEqual((row["instance"], row["hits"]), (stats["instance"], 0))
        self.assertIn("HIT RATIO", self.admin(sora, "cache", "metrics", "--history").stdout)
        self.assertEqual(self.admin(sora, "cache", "metrics", "--since", "soon").returncode, 2)

    def test_the_object_store_is_named_while_it_is_away(self) -> None:
        """With what to do about it; and it is healthy again when it is back."""
        store = seaweedfs(self)
        self.addCleanup(store.start)
        directory = tempfile.mkdtemp(prefix="sora-health-s3-")
        self.addCleanup(shutil.rmtree, directory, True)
        sora = self.start(*s3_settings(store, directory))
        self.wait_for(sora, "object store s3", "healthy")
        store.stop()
        self.wait_for(sora, "object store s3", "unhealthy")
        done = self.admin(sora, "health")
        self.assertEqual(done.returncode, 1)
        self.assertIn("object store s3", done.stderr)
        self.assertIn("-> Look at [s3]", done.stdout)
        log = (sora.data / "sora.log").read_text()
        self.assertIn("health: object store s3 is unhealthy", log)
        store.start()
        self.wait_for(sora, "object store s3", "healthy")
        self.assertIn(
            "health: object store s3 is healthy again", (sora.data / "sora.log").read_text()
        )

    def use(self, client: imaplib.IMAP4) -> None:
        while True:
            client.noop()
            time.sleep(0.1)
