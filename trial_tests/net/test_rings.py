from uuid import UUID

from twisted.trial.unittest import SynchronousTestCase

from sora.net.rings import Kind, Ring, RingReader, Waiting, hello, introduced, written

RINGS = [
    Ring(Kind.MAILBOX, 7, 123),
    Ring(Kind.NAMES, 2**40, 0),
    Ring(Kind.MAILBOX, 2**63 - 1, 2**63 - 1),
    Ring(Kind.ANNOTATED, 7, 0, b"/shared/comment"),
    Ring(200, 1, 2, b"x" * 1000),
]


class RingsTests(SynchronousTestCase):
    def test_there_and_back_split_at_every_octet(self) -> None:
        octets = written(RINGS)
        for at in range(len(octets) + 1):
            reader = RingReader()
            read = [*reader.receive(octets[:at]), *reader.receive(octets[at:])]
            self.assertEqual(read, RINGS)

    def test_a_process_introduces_itself(self) -> None:
        for process in (UUID(int=1), UUID("f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f")):
            [ring] = RingReader().receive(written([hello(process)]))
            self.assertEqual((ring.kind, introduced(ring)), (Kind.HELLO, process))

    def test_each_thing_waits_once_with_its_highest_number(self) -> None:
        waiting = Waiting(10)
        for ring in (
            Ring(Kind.MAILBOX, 1, 5),
            Ring(Kind.MAILBOX, 2, 6),
            Ring(Kind.MAILBOX, 1, 8),
            Ring(Kind.MAILBOX, 1, 7),
            Ring(Kind.NAMES, 1, 0),
            Ring(Kind.ANNOTATED, 1, 0, b"/shared/a"),
            Ring(Kind.ANNOTATED, 1, 0, b"/shared/a"),
            Ring(Kind.ANNOTATED, 1, 0, b"/shared/b"),
        ):
            self.assertTrue(waiting.add(ring))
        self.assertEqual(len(waiting), 5)
        self.assertEqual(
            list(RingReader().receive(waiting.take())),
            [
                Ring(Kind.MAILBOX, 1, 8),
                Ring(Kind.MAILBOX, 2, 6),
                Ring(Kind.NAMES, 1, 0),
                Ring(Kind.ANNOTATED, 1, 0, b"/shared/a"),
                Ring(Kind.ANNOTATED, 1, 0, b"/shared/b"),
            ],
        )
        self.assertEqual((len(waiting), waiting.take()), (0, b""))

    def test_what_waits_is_bounded(self) -> None:
        waiting = Waiting(2)
        self.assertTrue(waiting.add(Ring(Kind.MAILBOX, 1, 1)))
        self.assertTrue(waiting.add(Ring(Kind.MAILBOX, 2, 1)))
        self.assertFalse(waiting.add(Ring(Kind.MAILBOX, 3, 1)))
        self.assertTrue(waiting.add(Ring(Kind.MAILBOX, 2, 9)))
        self.assertEqual(len(waiting), 2)
