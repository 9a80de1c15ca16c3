"""Damage to what is stored, found and mended by the command and by the server itself."""

import imaplib
import json
import os
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess

WAIT_SECONDS = 60
LETTERS = 6


def letter(number: int) -> bytes:
    """Two of three small, the third larger than what goes through the database."""
    body = f"line {number}\r\n" * (20 if number % 3 else 9000)
    return f"Subject: {number}\r\nFrom: a@example.org\r\n\r\n{body}".encode()


class IntegrityTests(SynchronousTestCase):
    """G6, G8: nothing is lost without proof, and nothing damaged is served as if it were mail."""

    timeout = 180

    def setUp(self) -> None:
        directory = tempfile.mkdtemp(prefix="sora-integrity-")
        self.addCleanup(shutil.rmtree, directory, True)
        self.sora = SoraProcess(directory, ["--set", "integrity.objects_per_second=1000"])
        self.addCleanup(self.sora.cleanup)
        self.sora.start()
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=60) as client:
            for number in range(LETTERS):
                client.sendmail("a@example.org", [EMAIL], letter(number))
        self.wait_for(lambda: len(self.objects()) == LETTERS)

    def test_what_is_damaged_is_found_told_and_mended(self) -> None:
        """By `sora-admin verify`; what cannot be mended is never served."""
        done = self.verify("--json")
        self.assertEqual((done["objects"], done["damaged"], done["bodiless"]), (LETTERS, 0, 0))

        large = max(self.objects(), key=lambda path: path.stat().st_size)
        intact = large.read_bytes()
        large.write_bytes(intact.replace(b"line", b"lime", 1))
        lost = min(self.objects(), key=lambda path: path.stat().st_size)
        kept = lost.read_bytes()
        lost.unlink()
        done = self.verify("--email", EMAIL, "--json", code=1)
        self.assertEqual(done["damaged"], 2)
        known = self.verify("--known", "--json", code=1)
        self.assertEqual({row["fault"] for row in known}, {"damaged", "missing"})
        self.assertEqual({row["account"] for row in known}, {EMAIL})

        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        self.addCleanup(client.logout)
        client.login(EMAIL, PASSWORD)
        client.select("INBOX")
        for row in known:
            # From the cache, where it is intact, or not at all.
            status, answer = client.uid("fetch", str(row["uid"]), "(BODY.PEEK[])")
            if status == "OK":
                self.assertTrue(answer[0][1].endswith((intact, kept)), answer)
            else:
                self.assertIn(b"UNAVAILABLE", answer[0])

        # A backup brings one back; the other is mended from nowhere, and stays known.
        lost.write_bytes(kept)
        done = self.verify("--repair", "--json", code=1)
        self.assertEqual(done["damaged"], 1)
        (row,) = self.verify("--known", "--json", code=1)
        self.assertEqual(row["fault"], "damaged")
        large.write_bytes(intact)
        self.assertEqual(self.verify("--repair", "--json")["damaged"], 0)
        (sweep,) = self.verify("--known", "--json") or [{"store": "filesystem"}]
        self.assertEqual(sweep["store"], "filesystem")

    def test_strangers_are_told_and_removed(self) -> None:
        """What the database does not know of: not what is young."""
        directory = self.sora.data / "objects"
        old, young = str(uuid4()), str(uuid4())
        for name in (old, young):
            (directory / name[:3] / name).write_bytes(b"nobody's")
        yesterday = time.time() - 2 * 86400
        os.utime(directory / old[:3] / old, (yesterday, yesterday))
        found = self.verify("--strangers", "--json")["stores"]["filesystem"]
        self.assertEqual(found["names"], [old])
        self.assertEqual((found["listed"], found["young"]), (LETTERS + 2, 1))
        self.assertEqual(self.run_verify("--remove-strangers").returncode, 1)
        found = self.verify("--remove-strangers", "--yes", "--json")["stores"]["filesystem"]
        self.assertEqual(found["removed"], 1)
        self.assertFalse((directory / old[:3] / old).exists())
        self.assertEqual(len(self.objects()), LETTERS + 1)
        self.assertEqual(self.verify("--json")["damaged"], 0)

    # ------------------------------------------------------------ around

    def objects(self) -> list[Path]:
        return [path for path in (self.sora.data / "objects").glob("???/*") if path.is_file()]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def run_verify(self, *words: str) -> "subprocess.CompletedProcess[str]":
        twistd = str(Path(sys.executable).parent / "twistd")
        return subprocess.run(
            [twistd, "sora-admin", "verify", "--dir", str(self.sora.data), *words],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def verify(self, *words: str, code: int = 0) -> Any:
        done = self.run_verify(*words)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return json.loads(done.stdout)
