import zlib

from twisted.trial.unittest import SynchronousTestCase

from sora.net.deflate import Deflaters, Garbled, Inflate

COMMANDS = [b"a NOOP\r\n", b"b FETCH 1:* (FLAGS)\r\n", b"c NOOP\r\n"]
PLAIN = b"d LOGIN fred secret\r\n"


class Peer:
    """The other side."""

    def __init__(self) -> None:
        self._out = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._in = zlib.decompressobj(-15)

    def says(self, data: bytes, how: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self._out.compress(data) + self._out.flush(how)

    def hears(self, data: bytes) -> bytes:
        return self._in.decompress(data)


def all_of(inflate: Inflate, limit: int = 100) -> list[bytes]:
    taken = []
    while inflate.has_more:
        taken.append(inflate.take(limit))
    return [data for data in taken if data]


class InflateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.inflate = Inflate()
        self.peer = Peer()

    def test_gives_what_was_said_flush_by_flush(self) -> None:
        self.inflate.receive(b"".join(map(self.peer.says, COMMANDS)))
        self.assertEqual(all_of(self.inflate), COMMANDS)
        self.assertEqual(self.inflate.held, 0)

    def test_split_at_every_octet(self) -> None:
        said = b"".join(map(self.peer.says, COMMANDS))
        for at in range(len(said)):
            inflate = Inflate()
            inflate.receive(said[:at])
            first = all_of(inflate)
            inflate.receive(said[at:])
            self.assertEqual(b"".join(first + all_of(inflate)), b"".join(COMMANDS), at)

    def test_octet_by_octet_whatever_the_flush(self) -> None:
        for how in (zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH):
            inflate, peer, heard = Inflate(), Peer(), []
            for octet in b"".join(peer.says(command, how) for command in COMMANDS):
                inflate.receive(bytes([octet]))
                heard += all_of(inflate, 1)
            self.assertEqual(b"".join(heard), b"".join(COMMANDS))

    def test_never_gives_more_than_was_asked_for(self) -> None:
        """A bomb: 10 MB in ten thousand octets."""
        said = self.peer.says(bytes(10_000_000))
        self.assertLess(len(said), 10_000)
        self.inflate.receive(said)
        sizes = []
        while self.inflate.has_more:
            sizes.append(len(self.inflate.take(4096)))
            self.assertLessEqual(self.inflate.held, len(said))
        self.assertLessEqual(max(sizes), 4096)
        self.assertEqual(sum(sizes), 10_000_000)

    def test_output_that_fills_the_room_exactly(self) -> None:
        self.inflate.receive(self.peer.says(b"x" * 64))
        self.assertEqual(self.inflate.take(64), b"x" * 64)
        self.assertEqual(all_of(self.inflate), [])

    def test_what_is_not_compressed(self) -> None:
        self.inflate.receive(b"\xff" * 10)
        self.assertRaises(Garbled, self.inflate.take, 100)

    def test_octets_behind_the_end(self) -> None:
        self.inflate.receive(self.peer.says(b"a", zlib.Z_FINISH))
        self.assertEqual(all_of(self.inflate), [b"a"])
        self.inflate.receive(b"b")
        self.assertRaises(Garbled, self.inflate.take, 100)


class EndTests(SynchronousTestCase):
    """RFC 8437 §4.1: compression ends behind a command's line; octets follow as they are."""

    def _heard(self, how: int, at: int) -> bytes:
        peer = Peer()
        compressed = peer.says(COMMANDS[0]) + peer.says(COMMANDS[1], how)
        said = compressed + PLAIN
        inflate = Inflate()
        heard = b""
        for part in (said[:at], said[at:]):
            inflate.receive(part)
            while inflate.has_more:
                heard += inflate.take(5)
                if heard == COMMANDS[0] + COMMANDS[1]:
                    inflate.end()
        self.assertTrue(inflate.is_done)
        return heard

    def test_pipelined_behind_a_flush_or_the_end_and_split_at_every_octet(self) -> None:
        for how in (zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH):
            for at in range(60):
                heard = self._heard(how, at)
                self.assertEqual(heard, COMMANDS[0] + COMMANDS[1] + PLAIN, (how, at))

    def test_what_is_still_compressed_is_refused(self) -> None:
        inflate, peer = Inflate(), Peer()
        inflate.receive(peer.says(b"ab", zlib.Z_PARTIAL_FLUSH))
        self.assertEqual(all_of(inflate), [b"ab"])
        inflate.end()
        inflate.receive(peer.says(b"c"))
        self.assertRaises(Garbled, inflate.take, 100)


class DeflatersTests(SynchronousTestCase):
    def test_each_batch_can_be_read_at_once(self) -> None:
        deflaters, peer = Deflaters(), Peer()
        for command in COMMANDS:
            self.assertEqual(peer.hears(deflaters.deflate(self, command)), command)

    def test_a_new_compressor_goes_on_where_the_old_one_was(self) -> None:
        """The many that idle share the memory of a few; no client can tell."""
        deflaters = Deflaters(kept=2)
        peers = [Peer() for _ in range(5)]
        for _ in range(4):
            for peer in peers:
                for text in (b"* 1 EXISTS\r\n", b"* 1 FETCH (FLAGS ())\r\n" * 50):
                    self.assertEqual(peer.hears(deflaters.deflate(peer, text)), text)
                self.assertLessEqual(len(deflaters), 2)

    def test_the_one_that_was_used_last_is_kept(self) -> None:
        deflaters = Deflaters(kept=2)
        text = bytes(range(256))
        for owner in ("a", "b", "a", "c"):
            deflaters.deflate(owner, text)
        self.assertLess(len(deflaters.deflate("a", text)), 100)
        self.assertGreater(len(deflaters.deflate("b", text)), 256)

    def test_lets_go(self) -> None:
        deflaters = Deflaters()
        deflaters.deflate(self, b"a")
        deflaters.let_go(self)
        deflaters.let_go(self)
        self.assertEqual(len(deflaters), 0)
