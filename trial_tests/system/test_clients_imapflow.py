"""imapflow, of npm: installed as its lock file says, each package verified by its hash."""

import json
import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from unittest import SkipTest, TestCase

from trial_tests.support.client_case import ClientTestCase, Tap
from trial_tests.support.messages import sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD

HERE = Path(__file__).parent / "imapflow"
MANY = int(os.environ.get("SORA_CLIENT_MESSAGES", "2000"))


def imapflow(test: TestCase) -> Path:
    """The directory that has imapflow in `node_modules`: below the user's cache, made once for
    each lock file. Without npm or its registry the test is skipped, under `CI=true` it fails."""
    require_program(test, "node", "nodejs")
    npm = require_program(test, "npm", "npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sora-tests"
    place = cache / f"imapflow-{sha256((HERE / 'package-lock.json').read_bytes()).hexdigest()[:16]}"
    if (place / "node_modules" / "imapflow").is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="imapflow-", dir=cache))
    test.addCleanup(shutil.rmtree, made, True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, made)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=made,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        text = f"npm could not install imapflow: {done.stderr[-500:]}"
        if os.environ.get("CI") == "true":
            raise test.failureException(text)
        raise SkipTest(text)
    try:
        made.rename(place)
    except OSError:  # another run was faster
        return made
    return place


class ImapFlowTests(ClientTestCase):
    def exercise(self, count: int, **given: object) -> list[str]:
        """Run the exercise with `count` messages; gives its lines."""
        place = imapflow(self)
        self.start()
        letters = sample_messages(count, seed=47, wire_safe=True)
        self.fill(letters)
        tap = Tap(self, self.sora.imap)
        self.tap = tap
        arguments = {
            "port": self.sora.imaps if given.get("secure") else tap.port,
            "secure": False,
            "ca": self.certificate.read_text(),
            "user": EMAIL,
            "password": PASSWORD,
            "count": count,
            **given,
        }
        done = self.run_program(
            "node",
            str(HERE / "exercise.js"),
            NODE_PATH=str(place / "node_modules"),
            EXERCISE=json.dumps(arguments),
        )
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode()[-3000:])
        said = done.stdout.decode().splitlines()
        self.assertEqual(said[-1], "done")
        self.assertIn(f"size {sum(map(len, letters))}", said)
        self.assertIn("expunged 3 3", said)  # with QRESYNC, by UID
        self.assertIn("quota true", said)
        self.assertIn(f"exists {count - 2}", said)
        return said

    def test_compressed_over_tls(self) -> None:
        """COMPRESS=DEFLATE, QRESYNC, CHANGEDSINCE, MOVE, STATUS in LIST, IDLE, QUOTA."""
        said = self.exercise(300, secure=True, disableCompression=False)
        self.assertIn("QRESYNC", said[0])

    def test_a_large_mailbox(self) -> None:
        """Thousands of envelopes and structures, and all that was said to get them."""
        self.exercise(MANY, secure=False, disableCompression=True)
        said = self.tap.take()
        for words in (" ENABLE ", "RETURN (", " MOVE 1:2 ", "CHANGEDSINCE", " IDLE\r\n"):
            self.assertIn(words, said)
