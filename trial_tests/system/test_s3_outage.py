"""Bodies in S3, and S3 that goes away during deliveries: accepted, readable, uploaded later."""

import imaplib
import random
import shutil
import smtplib
import subprocess
import tempfile
import time

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.seaweedfs import s3_settings, seaweedfs
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL, PASSWORD, SoraProcess

WAIT_SECONDS = 60


def letter(number: int) -> bytes:
    """A message; every fifth is larger than what is staged in one statement (1 MB)."""
    rng = random.Random(number)
    lines = 24_000 if number % 5 == 4 else 40
    body = "\r\n".join(f"{rng.getrandbits(200):050x}" for _ in range(lines))
    return f"Subject: {number}\r\nFrom: a@example.org\r\n\r\n{body}\r\n".encode()


class S3OutageTests(SynchronousTestCase):
    """G5, G6, G8: a store that cannot be reached loses nothing and empties nothing."""

    timeout = 300

    def setUp(self) -> None:
        self.store = seaweedfs(self)
        self.addCleanup(self.store.start)
        directory = tempfile.mkdtemp(prefix="sora-s3-")
        self.addCleanup(shutil.rmtree, directory, True)
        self.sora = SoraProcess(directory, s3_settings(self.store, directory))
        self.addCleanup(self.sora.cleanup)

    def test_mail_is_taken_and_read_while_s3_is_down_and_uploaded_when_it_is_back(self) -> None:
        """Ten messages with S3, ten without it, all read at each point; then none is staged."""
        self.sora.start()
        self.deliver(range(10))
        self.read_back(10)
        self.wait_until_uploaded()
        self.store.stop()
        self.deliver(range(10, 20))
        self.read_back(20, of=range(10, 20))
        self.store.start()
        self.wait_until_uploaded()
        self.read_back(20)
        # Nothing but S3 and the database is needed: not what this process has cached.
        self.assertIn(self.sora.stop(), CLEAN_ENDS)
        shutil.rmtree(self.sora.directory / "cache", ignore_errors=True)
        self.sora.start()
        self.read_back(20)

    def deliver(self, numbers: range) -> None:
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=60) as client:
            for number in numbers:
                client.sendmail("a@example.org", [EMAIL], letter(number))

    def read_back(self, count: int, of: range | None = None) -> None:
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        client.login(EMAIL, PASSWORD)
        self.assertEqual(client.select("INBOX", readonly=True)[1], [b"%d" % count])
        for number in of or range(count):
            status, answer = client.fetch(str(number + 1), "(BODY.PEEK[])")
            self.assertEqual(status, "OK", answer)
            self.assertTrue(answer[0][1].endswith(letter(number)), f"message {number}")
        client.logout()

    def wait_until_uploaded(self) -> None:
        """Until no content is staged any more, as the database says."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.staged():
            self.assertLess(time.monotonic(), deadline, "the upload did not come to an end")
            time.sleep(0.2)

    def staged(self) -> int:
        """How many contents wait for their upload."""
        port_file = next(self.sora.data.rglob("postmaster.pid"))
        lines = port_file.read_text().splitlines()
        answer = subprocess.run(
            [
                "psql",
                "-h",
                lines[4],
                "-p",
                lines[3],
                "-U",
                "sora",
                "-d",
                "sora",
                "-AtXc",
                "select count(*) from contents where staging_slot is not null",
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        return int(answer.stdout)
