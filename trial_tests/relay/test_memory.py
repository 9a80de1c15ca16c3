"""The relay in memory holds, releases and drops as the real one does."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sora.errors import Unavailable
from sora.relay.interfaces import (
    Content,
    IRelay,
    Outgoing,
    OutgoingRecipient,
    RelayFull,
    RelayOff,
    in_memory,
)
from sora.relay.memory import MemoryRelay


def redirect(octets: bytes, *addresses: str) -> tuple[Outgoing, Content]:
    recipients = tuple(OutgoingRecipient(address) for address in addresses)
    return Outgoing("redirect", "ann@example.com", recipients), in_memory(octets)


class MemoryRelayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.relay = MemoryRelay()
        verifyObject(IRelay, self.relay)

    def test_what_is_held_is_sent_when_it_is_released(self) -> None:
        held = self.successResultOf(self.relay.hold([redirect(b"one", "a@b"), redirect(b"two")]))
        self.assertEqual(self.relay.sent, [])
        self.successResultOf(self.relay.release(held))
        self.assertEqual([kept.octets for kept in self.relay.sent], [b"one", b"two"])
        self.successResultOf(self.relay.release(held))
        self.assertEqual(len(self.relay.sent), 2)

    def test_what_is_dropped_is_not_sent(self) -> None:
        held = self.successResultOf(self.relay.hold([redirect(b"one")]))
        self.successResultOf(self.relay.drop(held))
        self.relay.restart()
        self.assertEqual(self.relay.sent, [])

    def test_what_is_held_at_the_end_is_sent_by_the_next_start(self) -> None:
        """G48"""
        self.successResultOf(self.relay.hold([redirect(b"one")]))
        self.relay.restart()
        self.assertEqual([kept.octets for kept in self.relay.sent], [b"one"])

    def test_it_refuses(self) -> None:
        self.relay.room = 1
        self.failureResultOf(self.relay.send([redirect(b"1"), redirect(b"2")]), RelayFull)
        self.relay.is_broken = True
        self.failureResultOf(self.relay.send([redirect(b"1")]), Unavailable)
        self.relay.is_off = True
        self.failureResultOf(self.relay.send([redirect(b"1")]), RelayOff)
        self.assertEqual((self.relay.sent, self.relay.held), ([], {}))
