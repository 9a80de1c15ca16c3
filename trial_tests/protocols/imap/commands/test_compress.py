"""COMPRESS=DEFLATE (RFC 4978)."""

import zlib

from sora.protocols.imap.services import Limits
from trial_tests.support.transcript import Client, TranscriptTestCase


class Compressed:
    """What a client does once DEFLATE is active."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._out = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._in = zlib.decompressobj(-15)

    def packed(self, data: bytes, how: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self._out.compress(data) + self._out.flush(how)

    def take(self) -> bytes:
        return self._in.decompress(self.client.take())

    def ask(self, command: bytes) -> bytes:
        self.client.send(self.packed(command + b"\r\n"))
        return self.take()


class CompressTestCase(TranscriptTestCase):
    def compressed(self) -> Compressed:
        self.assertEqual(self.client.ask(b"c compress deflate"), b"c OK DEFLATE active\r\n")
        return Compressed(self.client)


class CompressTests(CompressTestCase):
    def test_dialogue(self) -> None:
        """RFC 4978 §3: everything after the line of the OK is compressed."""
        client = self.compressed()
        self.assertEqual(client.ask(b"d NOOP"), b"d OK NOOP completed\r\n")

    def test_not_twice(self) -> None:
        """RFC 4978 §3: BAD, since it is COMPRESS itself that is active."""
        client = self.compressed()
        self.assertEqual(
            client.ask(b"d COMPRESS DEFLATE"),
            b"d BAD [COMPRESSIONACTIVE] DEFLATE is active already\r\n",
        )
        self.assertEqual(client.ask(b"e NOOP"), b"e OK NOOP completed\r\n")

    def test_other_algorithms(self) -> None:
        self.converse("""
            C: a COMPRESS ZSTD
            S: a BAD The only algorithm is DEFLATE
            C: b COMPRESS
            S: b BAD ...
            C: c COMPRESS DEFLATE 9
            S: c BAD ...
            C: d NOOP
            S: d OK NOOP completed
        """)

    def test_not_before_the_login(self) -> None:
        client = self.new_client(logs_in=False)
        self.assertNotIn(b"COMPRESS", client.ask(b"a CAPABILITY"))
        self.assertEqual(
            client.ask(b"b COMPRESS DEFLATE"),
            b"b BAD [CLIENTBUG] COMPRESS is not allowed before the login\r\n",
        )

    def test_literals_and_pipelining_at_every_split(self) -> None:
        packed = b"".join
        for at in range(1, 120, 3):
            self.client = self.new_client()
            client = self.compressed()
            said = packed(
                client.packed(data)
                for data in (
                    b"a APPEND INBOX {11+}\r\nSubject: x\n\r\n",
                    b'b STATUS INBOX (UIDVALIDITY)\r\nc LIST "" {5+}\r\n',
                    b"INBOX\r\nd NOOP\r\n",
                )
            )
            self.client.send(said[:at])
            self.client.send(said[at:])
            answers = [
                line.split(b" ")[:2]
                for line in client.take().split(b"\r\n")
                if line and line[:1] not in b"*+"
            ]
            self.assertEqual(answers, [[tag, b"OK"] for tag in (b"a", b"b", b"c", b"d")])

    def test_a_large_answer(self) -> None:
        self.append_some(300)
        client = self.compressed()
        client.ask(b"s SELECT INBOX")
        self.client.send(client.packed(b"f FETCH 1:* (ENVELOPE BODY.PEEK[])\r\n"))
        said = self.client.take()
        text = client._in.decompress(said)
        self.assertEqual(text.count(b"ENVELOPE"), 300)
        self.assertTrue(text.endswith(b"f OK FETCH completed\r\n"))
        self.assertLess(len(said), len(text) / 5)

    def test_idle_tells_at_once(self) -> None:
        client = self.compressed()
        client.ask(b"s SELECT INBOX")
        self.assertEqual(client.ask(b"i IDLE"), b"+ idling\r\n")
        self.append_some(1)
        self.assertEqual(client.take(), b"* 1 EXISTS\r\n* 1 RECENT\r\n")

    def test_garbage(self) -> None:
        client = self.compressed()
        self.client.send(b"d NOOP\r\n")
        self.assertEqual(client.take(), b"* BYE What was sent cannot be inflated\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_sessions_share_the_memory_of_compressors(self) -> None:
        deflaters = self.client.connection._session.services.deflaters  # type: ignore[union-attr]
        self.compressed().ask(b"d NOOP")
        self.assertEqual(len(deflaters), 1)
        self.client.hang_up()
        self.assertEqual(len(deflaters), 0)


class BombTests(CompressTestCase):
    """The limits of a session hold for octets as they are inflated (G37, G59)."""

    limits = Limits(skip=1_000_000, message=2_000_000)

    def test_a_line_without_an_end(self) -> None:
        client = self.compressed()
        said = client.ask(b"d NOOP" + b" " * 50_000_000)
        self.assertEqual(
            said,
            b"d BAD The line is too long\r\n* BYE Too much was sent that cannot be taken\r\n",
        )
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_message_without_an_end(self) -> None:
        client = self.compressed()
        said = client.ask(b"d APPEND INBOX {900000000+}\r\n" + bytes(50_000_000))
        self.assertEqual(said, b"* BYE The literal is too large to be taken or skipped\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_message_that_compresses_well_is_none(self) -> None:
        client = self.compressed()
        said = client.ask(b"d APPEND INBOX {1500012+}\r\nSubject: x\r\n" + bytes(1_500_000))
        self.assertIn(b"d OK [APPENDUID", said)
