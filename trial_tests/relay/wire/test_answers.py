"""Replies and offers of servers."""

from twisted.trial.unittest import SynchronousTestCase

from sora.relay.wire.answers import Reply, offers, reply_of


class ReplyTests(SynchronousTestCase):
    def test_replies(self) -> None:
        for code, lines, wanted in (
            (250, [b"2.1.0 Ok"], Reply(250, "2.1.0", "Ok")),
            (250, [b"Ok"], Reply(250, "", "Ok")),
            (550, [b"5.1.1 no such", b"5.1.1 user"], Reply(550, "5.1.1", "no such user")),
            (550, [b"5.1.1"], Reply(550, "5.1.1", "")),
            # A status of another class is not one (RFC 2034 §4).
            (450, [b"5.1.1 x"], Reply(450, "", "5.1.1 x")),
            (451, [b"4.7.1 gr\xfc\xdfe\x00\x1b[2J"], Reply(451, "4.7.1", "gr\ufffd\ufffde[2J")),
            (354, [b""], Reply(354, "", "")),
        ):
            self.assertEqual(reply_of(code, lines), wanted)
        self.assertEqual(len(reply_of(550, [b"x" * 5000]).text), 500)

    def test_what_a_reply_means(self) -> None:
        self.assertTrue(Reply(250, "", "").is_good and Reply(550, "", "").is_permanent)
        self.assertFalse(Reply(354, "", "").is_good or Reply(450, "", "").is_permanent)
        self.assertEqual(str(Reply(550, "5.1.1", "no")), "550 5.1.1 no")


class OffersTests(SynchronousTestCase):
    def test_of_a_server(self) -> None:
        """Caseless, the first line is the server's name (RFC 5321 §4.1.1.1)."""
        lines = [b"mx.example.com SIZE", b"size 1000", b"8BITMIME", b"Auth plain", b"AUTH=LOGIN"]
        self.assertEqual(
            offers(lines), {b"SIZE": b"1000", b"8BITMIME": b"", b"AUTH": b"plain LOGIN"}
        )
        self.assertEqual(offers([b"name"]), {})
