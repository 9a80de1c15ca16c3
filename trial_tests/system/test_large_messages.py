"""40 MB in and out, while the process grows by little: APPEND, FETCH, a client that is slow."""

import base64
import imaplib
import re
import shutil
import socket
import tempfile
import time
from pathlib import Path
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.seaweedfs import s3_settings, seaweedfs
from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess

SIZE = 40 * 1024 * 1024


def own(pid: int) -> int:
    """Octets of memory of its own: without the pages of files, which the kernel takes back."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(pid)


def large_letter() -> bytes:
    """A message with one attachment that does not compress."""
    line = Random(7).randbytes(38 * 1000).hex().encode()
    lines = b"".join(line[start : start + 76] + b"\r\n" for start in range(0, len(line), 76))
    head = (
        b"From: a@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n"
        b"--x\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    return head + lines * (SIZE // len(lines)) + b"--x--\r\n"


class LargeMessagesTestCase(SynchronousTestCase):
    timeout = 300

    def arguments(self, directory: str) -> list[str]:
        """Of the command line, beside the usual ones."""
        return []

    def setUp(self) -> None:
        directory = tempfile.mkdtemp(prefix="sora-large-")
        self.addCleanup(shutil.rmtree, directory, True)
        self.sora = SoraProcess(directory, self.arguments(directory))
        self.addCleanup(self.sora.cleanup)
        self.sora.start()
        self.letter = large_letter()

    @property
    def pid(self) -> int:
        assert self.sora.process is not None
        return self.sora.process.pid

    def come_and_go(self, growth: int) -> None:
        """APPEND, COPY, all ways of reading. The memory may grow by `growth` octets."""
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=120)
        self.addCleanup(client.shutdown)
        client.login(EMAIL, PASSWORD)
        client.append("INBOX", None, None, b"Subject: first\r\n\r\nsmall\r\n")
        client.select("INBOX")
        client.fetch("1", "(BODY.PEEK[] BODYSTRUCTURE)")
        before = own(self.pid)
        grown = []
        self.assertEqual(client.append("INBOX", None, None, self.letter)[0], "OK")
        grown.append(own(self.pid) - before)
        self.assertEqual(client.copy("2", "Archive")[0], "OK")
        _, answer = client.fetch("2", "(BODY.PEEK[])")
        self.assertTrue(answer[0][1] == self.letter, "not what was appended")
        grown.append(own(self.pid) - before)
        client.select("Archive", readonly=True)
        _, answer = client.fetch("1", "(BODY.PEEK[])")
        self.assertTrue(answer[0][1] == self.letter, "not what was copied")
        for start, count in ((0, 100), (0, 1), (SIZE // 2, 70_000), (len(self.letter) - 3, 9)):
            _, answer = client.fetch("1", f"(BODY.PEEK[]<{start}.{count}>)")
            self.assertTrue(answer[0][1] == self.letter[start : start + count], (start, count))
        _, answer = client.fetch("1", "(BODY.PEEK[1])")
        self.assertEqual(answer[0][1], b"See below.")
        grown.append(own(self.pid) - before)
        grown.append(self.slow_readers() - before)
        grown.append(own(self.pid) - before)
        self.assertLess(max(grown), growth, grown)

    def put_together_and_decoded(self, growth: int) -> None:
        """MULTIAPPEND, CATENATE, REPLACE, BINARY of large messages. The memory may grow by
        `growth` octets."""
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=120)
        self.addCleanup(client.shutdown)
        client.login(EMAIL, PASSWORD)
        client.append("INBOX", None, None, b"Subject: first\r\n\r\nsmall\r\n")
        client.select("INBOX")
        client.fetch("1", "(BINARY.PEEK[1])")
        before = own(self.pid)
        grown = []

        def ask(command: bytes) -> bytes:
            client.send(b"x " + command + b"\r\n")
            said = b""
            while not said.startswith(b"x "):
                said = client.readline()
                if found := re.search(rb"\{(\d+)\}\r\n$", said):
                    self.octets = client.read(int(found[1]))
            grown.append(own(self.pid) - before)
            return said

        literal = b"{%d+}\r\n" % len(self.letter) + self.letter
        self.assertIn(b"x OK", ask(b"APPEND INBOX " + literal + b" {2+}\r\nhi " + literal))
        client.noop()
        parts = b"TEXT {2+}\r\na\n URL /INBOX/;UID=2 TEXT {2+}\r\nz\n"
        self.assertIn(b"x OK", ask(b"UID REPLACE 2 INBOX CATENATE (" + parts + b")"))
        self.assertIn(b"x OK", ask(b"UID FETCH 5 BODY.PEEK[]"))
        self.assertTrue(self.octets == b"a\n" + self.letter + b"z\n", "not what was put together")
        lines = base64.encodebytes(self.letter[: SIZE // 2]).replace(b"\n", b"\r\n")
        head = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        encoded = head + lines
        self.assertIn(b"x OK", ask(b"APPEND INBOX {%d+}\r\n%b" % (len(encoded), encoded)))
        client.noop()
        self.assertIn(b"x OK", ask(b"UID FETCH 6 BINARY.SIZE[1]"))
        self.assertIn(b"x OK", ask(b"UID FETCH 6 BINARY.PEEK[1]"))
        self.assertTrue(self.octets == self.letter[: SIZE // 2], "not what was encoded")
        self.assertLess(max(grown), growth, grown)

    def slow_readers(self) -> int:
        """Five clients ask for all of it and read nothing for a while; then one reads it all.
        Gives what the process holds of its own while they wait."""
        sockets = []
        for _ in range(5):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            one.settimeout(120)
            one.connect(("127.0.0.1", self.sora.imap))
            self.addCleanup(one.close)
            one.sendall(f'a LOGIN {EMAIL} "{PASSWORD}"\r\nb SELECT Archive\r\n'.encode())
            one.sendall(b"c FETCH 1 (BODY.PEEK[])\r\n")
            sockets.append(one)
        time.sleep(2)
        waiting = own(self.pid)
        got = bytearray()
        while b"\r\nc OK" not in got[-200:]:
            piece = sockets[0].recv(65536)
            self.assertTrue(piece)
            got += piece
        self.assertTrue(self.letter in got, "not what was appended")
        return waiting


class InADirectoryTests(LargeMessagesTestCase):
    def test_forty_megabytes_come_and_go(self) -> None:
        """The spool is a file, and what is read is sent in pieces as the client takes them."""
        self.come_and_go(30_000_000)

    def test_large_messages_are_put_together_and_decoded(self) -> None:
        """In files and pieces too."""
        self.put_together_and_decoded(30_000_000)


class InS3Tests(LargeMessagesTestCase):
    def arguments(self, directory: str) -> list[str]:
        return s3_settings(seaweedfs(self), directory)

    def test_forty_megabytes_come_and_go(self) -> None:
        """It goes to S3 before its answer."""
        self.come_and_go(30_000_000)

    def test_large_messages_are_put_together_and_decoded(self) -> None:
        """Several in one command: each goes to S3, and nothing is a message before all are there."""
        self.put_together_and_decoded(40_000_000)

    def test_forty_megabytes_while_s3_is_down_are_staged_in_pieces(self) -> None:
        """They are copied and read before they are uploaded (G8)."""
        store = seaweedfs(self)
        store.stop()
        self.addCleanup(store.start)
        self.come_and_go(30_000_000)
