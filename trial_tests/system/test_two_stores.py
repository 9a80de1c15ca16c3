"""Encrypted bodies in two buckets of two real stores: one of them stops, loses what it had, and the
key changes, while mail is delivered and read."""

import imaplib
import json
import os
import random
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

from trial_tests.support.scram_postgres import DATABASE
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY, SeaweedFS, seaweedfs
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN
from trial_tests.system.test_nodes import NodesTestCase

WAIT_SECONDS = 90
LETTERS = 12
OLD = {"id": "2026", "key": b64encode(b"6" * 32).decode()}
NEW = {"id": "2027", "key": b64encode(b"7" * 32).decode()}


def letter(number: int) -> bytes:
    """Every fourth is larger than what is staged in one statement (1 MB)."""
    # Other tests have messages in the same store, which are not encrypted.
    rng = random.Random(f"two stores {number}")
    lines = 24_000 if number % 4 == 3 else 40
    body = "\r\n".join(f"{rng.getrandbits(200):050x}" for _ in range(lines))
    return f"Subject: {number}\r\nFrom: a@example.org\r\n\r\n{body}\r\n".encode()


class TwoStoresTests(NodesTestCase):
    """G4, G5, G6, G8, G11."""

    def setUp(self) -> None:
        super().setUp()
        self.first = seaweedfs(self)
        self.addCleanup(self.first.start)
        self.second = SeaweedFS(os.path.join(os.path.dirname(sys.executable), "weed"))
        self.addCleanup(self.second.remove)
        self.second.start()

    def s3(self, *keys: dict[str, str]) -> dict[str, Any]:
        def place(store: SeaweedFS) -> dict[str, Any]:
            return {
                "endpoint": store.endpoint,
                "bucket": BUCKET,
                "access_key": ACCESS_KEY,
                "secret_key": SECRET_KEY,
                "use_ssl": False,
                "path_style": True,
            }

        return {
            **place(self.first),
            "timeout": "3s",
            "encryption_keys": list(keys),
            "second": place(self.second),
        }

    def test_it_goes_on(self) -> None:
        """One story of an installation: nothing is lost, and nothing is read wrong."""
        node = self.node(s3=self.s3(OLD), cache={"path": ""})
        node.start()
        node.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)
        self.deliver(node, *(letter(number) for number in range(LETTERS)))
        self.wait_until_nothing_waits(node)
        self.assertEqual(self.keys(node), {("s3", "2026"): LETTERS, ("second", "2026"): LETTERS})
        for store in (self.first, self.second):
            self.assert_nothing_is_plain(store)

        # The first stops in the middle of reading, and comes back.
        reader = Reader(node)
        self.addCleanup(reader.end)
        reader.wait_for(LETTERS)
        self.first.stop()
        reader.wait_for(5 * LETTERS)
        self.deliver(node, letter(LETTERS), letter(LETTERS + 3))
        reader.wait_for(2 * LETTERS)
        self.first.start()
        self.wait_until_nothing_waits(node)
        reader.wait_for(2 * LETTERS)
        self.assertEqual(reader.end(), [])
        self.assertTrue("circuit breaker" in node.messages_of_log())

        # A new key, while Sora runs; then the old one is taken away.
        node.tables["s3"] = self.s3(NEW, OLD)
        self.restart(node)
        node.admin("objects", "reencrypt")
        self.assertEqual(
            self.keys(node), {("s3", "2027"): LETTERS + 2, ("second", "2027"): LETTERS + 2}
        )
        node.tables["s3"] = self.s3(NEW)
        self.restart(node)
        self.read_all(node)

        # The bucket of the first is destroyed.
        names = self.names(node, "s3")
        for name in names:
            self.first.delete(name)
        self.read_all(node)
        log = node.messages_of_log()
        missing = "object {} of s3: The object store answered 404 NoSuchKey"
        told = [name for name in names if missing.format(name.rpartition("/")[2]) in log]
        self.assertEqual(len(told), LETTERS)

        # Without the key nothing is empty, and nothing is lost.
        node.tables["s3"] = self.s3(OLD)
        self.restart(node)
        client = self.session(node)
        client.select("INBOX", readonly=True)
        status, answer = client.fetch("1", "(BODY.PEEK[])")
        self.assertEqual(status, "NO", answer)
        self.assertIn(b"UNAVAILABLE", answer[0])
        self.assertTrue("the key 2027" in node.messages_of_log())
        self.assertIn(
            "not all objects can be read", node.admin("objects", "status", succeeds=False)
        )

    # ------------------------------------------------------------ around

    def restart(self, node: SoraNode) -> None:
        self.assertIn(node.stop(), CLEAN_ENDS)
        node.write()
        node.start()

    def read_all(self, node: SoraNode) -> None:
        reader = Reader(node)
        reader.wait_for(LETTERS + 2)
        self.assertEqual(reader.end(), [])

    def wait_until_nothing_waits(self, node: SoraNode) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while any(
            row["contents"] for row in json.loads(node.admin("uploader", "status", "--json"))
        ):
            self.assertLess(time.monotonic(), deadline, node.messages_of_log()[-3000:])
            time.sleep(0.5)

    def keys(self, node: SoraNode) -> dict[tuple[str, str], int]:
        rows = json.loads(node.admin("objects", "status", "--json"))
        return {(row["store"], row["key"]): row["objects"] for row in rows}

    def names(self, node: SoraNode, store: str) -> list[str]:
        rows = self.postgres.administer(
            "select (select database_id from sora) || '/' || id from objects"
            f" where store = '{store}' and state = 'stored'",
            DATABASE,
        )
        return [name for (name,) in rows]

    def assert_nothing_is_plain(self, store: SeaweedFS) -> None:
        octets = b"".join(path.read_bytes() for path in Path(store.data).rglob("*.dat"))
        # Whether or not: what is compared is too long to be shown.
        self.assertTrue(b"SORAE\x01" in octets)
        for number in range(LETTERS):
            self.assertFalse(letter(number)[40:80] in octets, number)


class Reader:
    """A client that reads random messages until it is ended; notes what was not right."""

    def __init__(self, node: SoraNode) -> None:
        self._port = node.imap
        self._wrong: list[str] = []
        self._read = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_for(self, count: int) -> None:
        """Until so many more were read."""
        wanted, deadline = self._read + count, time.monotonic() + WAIT_SECONDS
        while self._read < wanted and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)

    def end(self) -> list[str]:
        """Stop; gives what was wrong."""
        self._stop.set()
        self._thread.join(WAIT_SECONDS)
        return self._wrong if self._read else ["nothing was read"]

    def _run(self) -> None:
        client = imaplib.IMAP4("127.0.0.1", self._port, timeout=WAIT_SECONDS)
        client.login(EMAIL, LOGIN)
        client.select("INBOX", readonly=True)
        try:
            while not self._stop.is_set():
                number = self._read % LETTERS
                status, answer = client.fetch(str(number + 1), "(BODY.PEEK[])")
                if status != "OK" or not answer[0][1].endswith(letter(number)):
                    self._wrong.append(f"message {number}: {status} {answer!r:.200}")
                self._read += 1
        finally:
            client.logout()
