"""A message on its way in."""

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import StorageFull, TooBig, WrongState
from sora.mailbox.spool import Spool
from sora.protocols.lmtp.incoming import DRAINED, Incoming


class FullSpool(Spool):
    """A disk without room."""

    def write(self, data: bytes) -> None:
        raise StorageFull


class IncomingTests(SynchronousTestCase):
    def test_keeps_a_message_up_to_its_limit(self) -> None:
        incoming = Incoming(Spool(), 10)
        self.addCleanup(incoming.close)
        incoming.take(b"12345")
        incoming.take(b"67890")
        self.assertIsNone(incoming.failure)
        assert incoming.spool is not None
        self.assertEqual(bytes(incoming.spool.data()), b"1234567890")

    def test_drops_one_that_is_too_large_or_cannot_be_written_and_says_why(self) -> None:
        for spool, limit, kind in ((Spool(), 9, TooBig), (FullSpool(), 100, StorageFull)):
            incoming = Incoming(spool, limit)
            for _ in range(3):
                incoming.take(b"12345")
            self.assertIsInstance(incoming.failure, kind)
            self.assertTrue(spool.closed)
            self.assertFalse(incoming.is_hopeless)

    def test_gives_up_on_a_sender_who_does_not_end(self) -> None:
        incoming = Incoming(None, 0, WrongState())
        piece = bytes(1024 * 1024)
        for _ in range(DRAINED // len(piece)):
            incoming.take(piece)
        self.assertFalse(incoming.is_hopeless)
        incoming.take(b"x")
        self.assertTrue(incoming.is_hopeless)
        self.assertIsInstance(incoming.failure, WrongState)
