"""COMPRESS=DEFLATE with a client that others wrote, over TLS."""

import json
import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.messages import sample_messages
from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess

PYTHON = "/usr/bin/python3"
"""Debian's own, for which python3-imaplib2 is a package"""

CLIENT = """
import hashlib, json, sys
import imaplib2

port, user, password, directory, many = json.loads(sys.argv[1])
letters = [open(f"{directory}/{n}.eml", "rb").read() for n in range(many)]
client = imaplib2.IMAP4_SSL("127.0.0.1", port)
client.login(user, password)
client.enable_compression()
for letter in letters:
    status, said = client.append("INBOX", None, None, letter)
    assert status == "OK", said
client.select("INBOX")
status, answer = client.fetch("1:*", "(BODY.PEEK[])")
assert status == "OK"
bodies = [item[1] for item in answer if isinstance(item, tuple)]
# Many at the same time: each in a thread of the client, pipelined on one connection.
heard = []
for n in range(1, many + 1):
    client.fetch(str(n), "(BODY.PEEK[])", callback=lambda given: heard.append(given[0]))
client.noop()
while len(heard) < many:
    client.noop()
alone = [item[1] for _, answer in heard for item in answer if isinstance(item, tuple)]
client.logout()
digest = lambda octets: hashlib.sha256(octets).hexdigest()
print(json.dumps([list(map(digest, bodies)), sorted(map(digest, alone))]))
"""


class CompressTests(SynchronousTestCase):
    timeout = 300

    def setUp(self) -> None:
        found = os.path.exists(PYTHON) and not subprocess.call(
            [PYTHON, "-I", "-c", "import imaplib2"], stderr=subprocess.DEVNULL
        )
        if not found:
            text = "imaplib2 is not installed: apt-get install python3-imaplib2"
            if os.environ.get("CI") == "true":
                self.fail(text)
            raise SkipTest(text)
        self.directory = tempfile.mkdtemp(prefix="sora-compress-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.sora = SoraProcess(self.directory)
        self.addCleanup(self.sora.cleanup)
        self.sora.start()

    def test_imaplib2_reads_what_it_wrote(self) -> None:
        letters = sample_messages(200, seed=11, wire_safe=True)
        letters.append(b"Subject: noise\r\n\r\n" + os.urandom(300_000).hex().encode())
        for number, letter in enumerate(letters):
            Path(self.directory, f"{number}.eml").write_bytes(letter)
        given = json.dumps([self.sora.imaps, EMAIL, PASSWORD, self.directory, len(letters)])
        done = subprocess.run(
            [PYTHON, "-I", "-c", CLIENT, given], capture_output=True, timeout=120, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        together, alone = json.loads(done.stdout)
        self.assertEqual(len(together), len(letters))
        self.assertEqual(sorted(together), alone)
        self.assertEqual(together, [sha256(letter).hexdigest() for letter in letters])
