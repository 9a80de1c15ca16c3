"""What a session that waits takes of memory: bounds above what was measured (docs/imap.md)."""

import gc
import tracemalloc
import zlib
from collections.abc import Callable

from trial_tests.support.transcript import Client, TranscriptTestCase

SESSIONS = 50
MAILBOXES = 60
MESSAGES = 200
NOTIFY = b"NOTIFY SET (selected (MessageNew MessageExpunge))"


class MemoryTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append_some(MESSAGES)
        for number in range(MAILBOXES):
            self.result(self.account().create(f"box {number}"))

    def idling(self) -> Client:
        client = self.selected()
        client.ask(b"i IDLE")
        return client

    def selected(self) -> Client:
        client = self.new_client()
        client.ask(b"s SELECT INBOX")
        return client

    def compressed(self) -> Client:
        client = self.selected()
        client.ask(b"c COMPRESS DEFLATE")
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        client.send(deflater.compress(b"i IDLE\r\n") + deflater.flush(zlib.Z_SYNC_FLUSH))
        client.take()
        return client

    def notified(self, groups: bytes = b"") -> Client:
        client = self.selected()
        client.ask(b"n " + NOTIFY + groups)
        return client

    def memory(self, make: Callable[[], Client]) -> float:
        """KiB of one more session."""
        clients = [make() for _ in range(10)]
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        clients += [make() for _ in range(SESSIONS)]
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        for client in clients:
            client.hang_up()
        return (after - before) / SESSIONS / 1024

    def test_idle(self) -> None:
        """All sessions share what the mailbox holds."""
        self.assertLess(self.memory(self.idling), 16)

    def test_idle_and_compressed(self) -> None:
        """zlib's window, of which what was never used is not in memory; compressors are shared."""
        deflaters = self.client.connection._session.services.deflaters  # type: ignore[union-attr]
        deflaters.kept = 1
        self.assertLess(self.memory(self.compressed), 64)

    def test_notify(self) -> None:
        self.assertLess(self.memory(self.notified), 20)

    def test_notify_of_many_mailboxes(self) -> None:
        groups = b" (personal (MessageNew MessageExpunge MailboxName))"
        self.assertLess(self.memory(lambda: self.notified(groups)), 20 + MAILBOXES)
