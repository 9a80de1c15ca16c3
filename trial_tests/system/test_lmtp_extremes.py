"""LMTP at its edges, through a whole Sora: one packet, a hang-up, the limit, 1,000 recipients."""

from twisted.internet import reactor

from sora.retry import pause
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase, Wire

USER = "u@example.com"
LIMIT = 300_000


class LMTPExtremesTests(WholeSoraTestCase):
    extra = f'[limits]\nmax_message_size = "{LIMIT}b"\n'

    async def setUp(self) -> None:
        self.one: WholeSora = await self.sora()
        await self.account(self.one, USER)

    async def count(self, expected: int) -> bytes:
        """Wait until INBOX has so many; gives the last one."""
        wire = await self.one.imap(USER)
        while b"MESSAGES %d)" % expected not in await wire.ask(b"STATUS INBOX (MESSAGES)"):
            await pause(reactor, 0.02)  # type: ignore[arg-type]
        await wire.ask(b"EXAMINE INBOX")
        return await wire.ask(b"FETCH %d (BODY.PEEK[])" % expected)

    async def test_a_whole_session_in_one_packet(self) -> None:
        """LHLO to QUIT, DATA with its dot in between, two transactions (RFC 2920 §3.1 asks
        clients to wait at DATA; those that do not are served all the same)."""
        one = (
            b"MAIL FROM:<a@example.org>\r\nRCPT TO:<u@example.com>\r\n"
            b"RCPT TO:<nobody@example.com>\r\nRCPT TO:<u+x@example.com>\r\nDATA\r\n"
            b"Subject: in one\r\n\r\n..dot\r\n.\r\n"
        )
        wire = await self.one.client(self.one.lmtp_port)
        wire.send(b"LHLO client\r\n" + one + one.replace(b"in one", b"in two") + b"QUIT\r\n")
        said = await wire.until(rb"(?m)^221 [^\r\n]*\r\n")
        codes = [line[:3] for line in said.split(b"\r\n") if line[3:4] == b" "]
        transaction = [b"250", b"250", b"550", b"250", b"354", b"250", b"250"]
        self.assertEqual(codes, [b"220", b"250", *transaction, *transaction, b"221"])
        self.assertIn(b"Subject: in two\r\n\r\n.dot\r\n", await self.count(4))

    async def test_a_client_that_hangs_up_after_the_dot_has_delivered(self) -> None:
        """G15: what was begun is not cancelled; its repeated delivery arrives once (G42)."""
        whole = (
            b"MAIL FROM:<>\r\nRCPT TO:<u@example.com>\r\nDATA\r\nSubject: gone\r\n\r\nx\r\n.\r\n"
        )
        wire = await self.one.lmtp()
        wire.send(whole)
        assert wire.transport is not None
        wire.transport.loseConnection()
        self.assertIn(b"Subject: gone", await self.count(1))
        wire = await self.one.lmtp()
        wire.send(whole)
        for _ in range(4):
            await wire.until(rb"(250|354) [^\r\n]*\r\n")
        wire.send(whole.replace(b"gone", b"next"))
        for _ in range(4):
            await wire.until(rb"(250|354) [^\r\n]*\r\n")
        self.assertIn(b"Subject: next", await self.count(2))

    async def send(self, wire: Wire, letter: bytes) -> bytes:
        wire.send(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<u@example.com>\r\nDATA\r\n" + letter + b".\r\n")
        await wire.until(rb"354 [^\r\n]*\r\n")
        return (await wire.until(rb"\d{3} [^\r\n]*\r\n"))[:3]

    async def test_the_limit_is_the_limit(self) -> None:
        """An octet more is refused, and the session goes on."""
        wire = await self.one.lmtp()
        head = b"Subject: limit\r\n\r\n"
        exact = head + b"y" * (LIMIT - len(head) - 2) + b"\r\n"
        self.assertEqual(len(exact), LIMIT)
        self.assertEqual(await self.send(wire, exact), b"250")
        self.assertEqual(await self.send(wire, exact[:-2] + b"z\r\n"), b"552")
        self.assertEqual(await self.send(wire, head), b"250")
        self.assertIn(head, await self.count(2))

    async def test_a_thousand_recipients(self) -> None:
        """One reply each, twenty statements, one object."""
        wire = await self.one.lmtp()
        names = b"".join(b"RCPT TO:<u+%d@example.com>\r\n" % number for number in range(1000))
        wire.send(b"MAIL FROM:<a@b.c>\r\n" + names + b"DATA\r\nSubject: all\r\n\r\nx\r\n.\r\n")
        await wire.until(rb"354 [^\r\n]*\r\n")
        before = self.one.database.statements["deliver"]
        replies = [await wire.until(rb"\d{3} [^\r\n]*\r\n") for _ in range(1000)]
        self.assertEqual({reply[:3] for reply in replies}, {b"250"})
        self.assertIn(b"u+999@example.com", replies[-1])
        self.assertIn(b"Delivered-To: u+999@example.com", await self.count(1000))
        self.assertLessEqual(self.one.database.statements["deliver"] - before, 20)
