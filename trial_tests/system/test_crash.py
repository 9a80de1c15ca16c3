"""`kill -9` of everything, at any time: what was acknowledged is there once, intact."""

import contextlib
import hashlib
import imaplib
import os
import random
import shutil
import smtplib
import tempfile
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.seaweedfs import s3_settings, seaweedfs
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL, PASSWORD, SoraProcess

ROUNDS = int(os.environ.get("SORA_CRASH_ROUNDS", "3"))
"""how often everything is killed; 20 before a release"""


def letter(key: str, rng: random.Random) -> bytes:
    """A message that says which one it is, with a body that is checked to the octet."""
    body = "\r\n".join(f"{rng.getrandbits(200):x}" for _ in range(rng.choice((3, 40, 400, 6000))))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return (
        f"From: crash@example.org\r\nTo: {EMAIL}\r\nSubject: {key}\r\n"
        f"X-Key: {key}\r\nX-Digest: {digest}\r\n\r\n{body}"
    ).encode()


class Writers:
    """Clients that deliver and append until they are cut off, and note what was acknowledged."""

    def __init__(self, sora: SoraProcess, round_: int) -> None:
        self.sora = sora
        self.round = round_
        self.acknowledged: list[str] = []
        self.tried: set[str] = set()
        self.stop = threading.Event()
        work = [self.deliver, self.deliver, self.append, self.append]
        self.threads = [
            threading.Thread(target=self._run, args=(each, number), daemon=True)
            for number, each in enumerate(work)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, work, number: int) -> None:
        # Being cut off is the test.
        with contextlib.suppress(OSError, smtplib.SMTPException, imaplib.IMAP4.error, EOFError):
            work(number, random.Random(self.round * 100 + number))

    def deliver(self, number: int, rng: random.Random) -> None:
        """LMTP, one message after the other."""
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=20) as client:
            for n in range(100_000):
                key = f"lmtp-{self.round}-{number}-{n}"
                self.tried.add(key)
                client.sendmail("crash@example.org", [EMAIL], letter(key, rng))
                self.acknowledged.append(key)

    def append(self, number: int, rng: random.Random) -> None:
        """APPEND, one message after the other."""
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=20)
        client.login(EMAIL, PASSWORD)
        for n in range(100_000):
            key = f"imap-{self.round}-{number}-{n}"
            self.tried.add(key)
            status, _ = client.append("INBOX", None, None, letter(key, rng))
            if status == "OK":
                self.acknowledged.append(key)

    def join(self) -> None:
        """Wait for them to notice."""
        for thread in self.threads:
            thread.join(30)


class CrashTestCase(SynchronousTestCase):
    """G1, G14, G29: nothing acknowledged is lost, nothing is there twice, UIDs ascend."""

    timeout = 1200

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="sora-crash-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.sora = SoraProcess(self.directory, self.arguments())
        self.addCleanup(self.sora.cleanup)

    def arguments(self) -> list[str]:
        """Of the command line, beside the usual ones."""
        return []

    def crash_and_check(self) -> None:
        """Deliveries and appends on four connections, everything killed, again and again."""
        rng = random.Random(20261122)
        acknowledged: list[str] = []
        tried: set[str] = set()
        uids: dict[str, int] = {}
        for round_ in range(ROUNDS):
            self.sora.start()
            writers = Writers(self.sora, round_)
            time.sleep(rng.uniform(0.3, 1.5))
            if round_ % 3 == 2:
                self.sora.kill_sora()
            else:
                self.sora.kill_everything()
            writers.join()
            acknowledged += writers.acknowledged
            tried |= writers.tried
        self.sora.start()
        self.check(acknowledged, tried, uids)
        self.assertIn(self.sora.stop(), CLEAN_ENDS)
        self.assertEqual(self.sora.postgres_pids(), [])

    def check(self, acknowledged: list[str], tried: set[str], uids: dict[str, int]) -> None:
        """Read everything back."""
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        client.login(EMAIL, PASSWORD)
        client.select("INBOX", readonly=True)
        found: dict[str, int] = {}
        last = 0
        _, data = client.uid("FETCH", "1:*", "(UID BODY.PEEK[])")
        for item in data:
            if not isinstance(item, tuple):
                continue
            uid = int(item[0].split(b"UID ")[1].split()[0])
            self.assertGreater(uid, last)
            last = uid
            header, _, body = item[1].partition(b"\r\n\r\n")
            fields = dict(
                line.split(": ", 1) for line in header.decode().split("\r\n") if ": " in line
            )
            key = fields["X-Key"]
            self.assertNotIn(key, found, f"{key} is there twice")
            found[key] = uid
            digest = hashlib.sha256(body.removesuffix(b"\r\n")).hexdigest()
            self.assertEqual(digest, fields["X-Digest"], f"{key} is not intact")
        client.logout()
        self.assertGreater(len(acknowledged), 0)
        self.assertEqual(set(acknowledged) - set(found), set(), "acknowledged, and lost")
        self.assertEqual(set(found) - tried, set())
        print(f"{len(acknowledged)} acknowledged, {len(found)} found, {len(tried)} tried")


class CrashTests(CrashTestCase):
    def test_what_was_acknowledged_survives_kill_9_of_everything(self) -> None:
        """With bodies in a directory."""
        self.crash_and_check()

    def test_a_first_start_that_is_killed_is_begun_again(self) -> None:
        """G19: at any moment: initdb, the first start of the database, each migration, the
        first account. What follows is a start like any other."""
        rng = random.Random(5)
        for _ in range(ROUNDS):
            seen, longest = False, 4.0
            while not seen:
                self.sora.spawn()
                ends = time.monotonic() + rng.uniform(0.1, longest)
                longest *= 1.1  # on a busy machine no start would ever come to its end
                while time.monotonic() < ends and not seen:
                    seen = self.sora.is_ready()
                    time.sleep(0.01)
                assert self.sora.process is not None
                self.assertIsNone(self.sora.process.poll(), self.sora.output())
                if rng.random() < 0.5:
                    self.sora.kill_sora()
                else:
                    self.sora.kill_everything()
            self.sora.start()
            writers = Writers(self.sora, 0)
            time.sleep(0.3)
            self.sora.kill_everything()
            writers.join()
            self.sora.start()
            self.check(writers.acknowledged, writers.tried, {})
            self.assertIn(self.sora.stop(), CLEAN_ENDS)
            shutil.rmtree(self.sora.data)


class CrashWithS3Tests(CrashTestCase):
    """Bodies are staged in the database, and uploaded while all of this goes on."""

    def arguments(self) -> list[str]:
        return s3_settings(seaweedfs(self), self.directory)

    def test_what_was_acknowledged_survives_kill_9_of_everything(self) -> None:
        """Whatever was staged, half uploaded or uploaded."""
        self.crash_and_check()
