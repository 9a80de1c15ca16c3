"""What is read of the object store for a section of a large message: its own octets."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import UUID

from blake3 import blake3
from twisted.internet.defer import Deferred

from sora.storage.memory.objects import MemoryObjects
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.layout import CHUNK, HEAD
from sora.storage.sealed.objects import SealedObjects
from sora.storage.stores import ObjectStore
from trial_tests.support.transcript import ThreadsHere, TranscriptTestCase

MB = 1024 * 1024
LARGE = b"x" * 76 + b"\r\n"
MESSAGE = (
    b"Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n\r\n"
    + LARGE * (40 * MB // len(LARGE))
    + b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nThe second part.\r\n--b--\r\n"
)


class Counting(MemoryObjects):
    """Notes how many octets are read."""

    octets = 0

    def get(self, name: UUID, start: int, end: int) -> "Deferred[bytes]":
        self.octets += end - start
        return super().get(name, start, end)

    def stream(
        self, name: UUID, start: int, end: int, deliver: Callable[[bytes], Any]
    ) -> "Deferred[None]":
        self.octets += end - start
        return super().stream(name, start, end, deliver)


class RangeTests(TranscriptTestCase):
    """FETCH BODY[section] of a message of 40 MB."""

    def setUp(self) -> None:
        super().setUp()
        self.append(MESSAGE)
        self.objects = Counting()
        self.objects.objects = self.server.objects.objects

    def read_from(self, store: ObjectStore) -> None:
        """Let bodies come from this store."""
        self.server.bodies._stores = {"memory": store}

    def fetched(self, item: bytes) -> tuple[bytes, int]:
        """The answer, and how many octets were read for it."""
        before = self.objects.octets
        said = self.client.ask(b"f FETCH 1 " + item)
        self.assertIn(b"f OK", said)
        return said, self.objects.octets - before

    def check(self, head: int, grain: int) -> None:
        """`head` octets are read once, and a section in whole units of `grain`."""
        self.client.ask(b"s EXAMINE INBOX")
        said, octets = self.fetched(b"BODY.PEEK[2]")
        self.assertIn(b"BODY[2] {16}\r\nThe second part.", said)
        self.assertLessEqual(octets, 16 + head + 2 * grain)
        said, octets = self.fetched(b"BODY.PEEK[1]<30000000.100>")
        self.assertIn(b"{100}\r\n", said)
        self.assertLessEqual(octets, 100 + head + 2 * grain)
        said, octets = self.fetched(b"BODY.PEEK[HEADER]")
        self.assertEqual(octets, 0)

    def test_of_a_plain_object(self) -> None:
        self.read_from(ObjectStore("memory", self.objects))
        self.check(0, 0)

    def test_of_an_encrypted_object(self) -> None:
        """Its chunks, and once its head."""
        threads: Any = ThreadsHere()
        sealed = SealedObjects(self.objects, Keyring([("k", bytes(32))]), threads)
        [(name, body)] = self.objects.objects.items()
        self.successResultOf(
            sealed.put(name, lambda: BytesIO(body), len(body), blake3(body).digest())
        )
        entry = self.server.storage.tables.objects[name]
        entry.key_id = "k"
        self.read_from(ObjectStore("memory", self.objects, sealed=sealed))
        self.check(HEAD, CHUNK + 16)
