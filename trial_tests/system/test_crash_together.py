"""`kill -9` of everything during commands that do several things at once: all of it, or nothing."""

import contextlib
import imaplib
import random
import re
import shutil
import tempfile
import threading
import time
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL, PASSWORD, SoraProcess
from trial_tests.system.test_crash import ROUNDS

BATCH = 3
"""messages of one APPEND"""
PLACES = ("Drafts", "INBOX.Other")


def literal(key: str, size: int = 100) -> bytes:
    """A message that says which one it is."""
    octets = f"X-Key: {key}\r\n\r\n".encode() + b"x" * size
    return b"{%d+}\r\n" % len(octets) + octets


class Client:
    """IMAP by hand: imaplib does not know these commands."""

    def __init__(self, port: int) -> None:
        self.imap = imaplib.IMAP4("127.0.0.1", port, timeout=30)
        self.imap.login(EMAIL, PASSWORD)

    def ask(self, command: bytes) -> bytes:
        """Send a command, and give its answer up to the tagged line."""
        self.imap.send(b"x " + command + b"\r\n")
        said = b""
        while not re.search(rb"(?:^|\n)x [A-Z]+ [^\n]*\n\Z", said):
            line = self.imap.readline()
            if not line:
                raise EOFError
            said += line
        return said

    def keys(self, name: str) -> list[str]:
        """The keys of the messages in a mailbox."""
        self.ask(b"EXAMINE " + name.encode())
        return [
            key.decode()
            for key in re.findall(
                rb"X-Key: (\S+)", self.ask(b"UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (X-Key)]")
            )
        ]


class Together:
    """Two clients until they are cut off: one replaces a draft, here and there, again and again;
    one appends batches."""

    def __init__(self, sora: SoraProcess, round_: int, version: int) -> None:
        self.sora = sora
        self.round = round_
        self.acknowledged = self.tried = version
        self.batches: set[str] = set()
        self.begun: set[str] = set()
        self.threads = [
            threading.Thread(target=self._run, args=(work,), daemon=True)
            for work in (self.replace, self.append)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, work) -> None:
        # Being cut off is the test.
        with contextlib.suppress(OSError, imaplib.IMAP4.error, EOFError):
            work(Client(self.sora.imap))

    def replace(self, client: Client) -> None:
        """UID REPLACE, now into this mailbox and now into that."""
        rng = random.Random(self.round)
        here = next(name for name in PLACES if client.keys(name))
        while True:
            client.ask(b"SELECT " + here.encode())
            uid = re.search(rb"SEARCH (\d+)", client.ask(b"UID SEARCH ALL"))
            assert uid is not None
            there = rng.choice(PLACES)
            self.tried += 1
            size = rng.choice((10, 1000, 300_000))
            said = client.ask(
                b"UID REPLACE %b %b " % (uid[1], there.encode())
                + literal(f"draft-{self.tried}", size)
            )
            if b"x OK" in said:
                self.acknowledged = self.tried
                here = there

    def append(self, client: Client) -> None:
        """APPEND of several messages."""
        for number in range(100_000):
            key = f"batch-{self.round}-{number}"
            self.begun.add(key)
            messages = b" ".join(literal(f"{key}-{n}", 50_000 * n) for n in range(BATCH))
            if b"x OK" in client.ask(b"APPEND INBOX " + messages):
                self.batches.add(key)

    def join(self) -> None:
        """Wait for them to notice."""
        for thread in self.threads:
            thread.join(30)


class CrashTogetherTests(SynchronousTestCase):
    timeout = 600

    def setUp(self) -> None:
        directory = tempfile.mkdtemp(prefix="sora-together-")
        self.addCleanup(shutil.rmtree, directory, True)
        self.sora = SoraProcess(directory)
        self.addCleanup(self.sora.cleanup)

    def test_one_draft_stays_and_batches_are_whole(self) -> None:
        """RFC 8508 §3.4, RFC 3502 §6.3.11: neither the old message nor the new one is lost, and
        both are never there; of a batch there is all or nothing. What was acknowledged is
        there (G14)."""
        rng = random.Random(20261127)
        self.sora.start()
        client = Client(self.sora.imap)
        client.ask(b"CREATE INBOX.Other")
        self.assertIn(b"x OK", client.ask(b"APPEND Drafts " + literal("draft-0")))
        version, whole, begun = 0, set[str](), set[str]()
        for round_ in range(ROUNDS):
            together = Together(self.sora, round_, version)
            time.sleep(rng.uniform(0.3, 1.5))
            if round_ % 3 == 2:
                self.sora.kill_sora()
            else:
                self.sora.kill_everything()
            together.join()
            whole |= together.batches
            begun |= together.begun
            self.sora.start()
            version = self.check(together, whole, begun)
        self.assertGreater(version, 0)
        self.assertTrue(whole)
        self.assertIn(self.sora.stop(), CLEAN_ENDS)

    def check(self, together: Together, whole: set[str], begun: set[str]) -> int:
        """Read everything back; gives the draft's version."""
        client = Client(self.sora.imap)
        drafts = [key for name in PLACES for key in client.keys(name)]
        self.assertEqual(len(drafts), 1, drafts)
        version = int(drafts[0].removeprefix("draft-"))
        self.assertIn(version, range(together.acknowledged, together.tried + 1))
        counts = Counter(key.rpartition("-")[0] for key in client.keys("INBOX"))
        self.assertEqual(set(counts.values()) - {BATCH}, set())
        self.assertEqual(whole - set(counts), set(), "acknowledged, and lost")
        self.assertEqual(set(counts) - begun, set())
        return version
