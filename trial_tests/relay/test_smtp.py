"""SMTP towards a server that is told what to do, over real connections."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import TestCase

from sora.errors import Unavailable
from sora.relay.entry import Answer, Fate
from sora.relay.interfaces import Outgoing, OutgoingRecipient, in_memory
from sora.relay.smtp import SMTPTransport
from sora.relay.smtp_client import Login, Timeouts
from sora.relay.transport import Consignment
from sora.threads import Threads
from trial_tests.relay.smtp_server import GONE, SILENCE, ScriptedServer, reactor

QUICK = Timeouts(*[0.05] * 6)
BODY = b"Subject: x\r\n\r\n.dots\r\n..\r\nend"


def consignment(body: bytes, *addresses: str, **changes: Any) -> Consignment:
    recipients = tuple(OutgoingRecipient(address) for address in addresses or ("bob@example.org",))
    outgoing = evolve(Outgoing("redirect", "ann@example.com", recipients), **changes)
    return Consignment("n1", outgoing, len(body), not body.isascii(), in_memory(body))


class SMTPCase(TestCase):
    timeout = 30

    async def server(self, **replies: list[bytes]) -> ScriptedServer:
        server = ScriptedServer(**replies)
        await server.listen()
        self.addCleanup(lambda: Deferred.fromCoroutine(server.close()))
        return server

    def transport(
        self, server: ScriptedServer, login: Login | None = None, **options: Any
    ) -> SMTPTransport:
        threads = Threads(reactor, 1, "test")
        threads.startService()
        self.addCleanup(threads.stopService)
        transport = SMTPTransport(
            options.pop("host", "127.0.0.1"),
            server.number,
            login or Login("sora.example.com"),
            threads,
            reactor,
            **options,
        )
        self.addCleanup(transport.stop)
        return transport

    async def refusal(self, sending: Any) -> str:
        """What a sending that got nowhere says."""
        try:
            await sending
        except Unavailable as error:
            return error.text
        raise AssertionError("it was sent")


def fates(answers: Sequence[Answer]) -> list[str]:
    return [f"{answer.fate} {answer.code}" for answer in answers]


class SendingTests(SMTPCase):
    async def test_a_message(self) -> None:
        server = await self.server()
        answers = await self.transport(server).send(consignment(BODY, "b@x", "c@x"))
        self.assertEqual(
            server.commands,
            [
                b"EHLO sora.example.com",
                b"MAIL FROM:<ann@example.com> SIZE=28",
                b"RCPT TO:<b@x>",
                b"RCPT TO:<c@x>",
                b"DATA",
            ],
        )
        self.assertEqual(server.messages[0].data, b"Subject: x\r\n\r\n..dots\r\n...\r\nend\r\n")
        self.assertEqual(answers, [Answer(Fate.SENT, 250, "2.0.0", "queued", "test.example")] * 2)

    async def test_several_over_one_connection(self) -> None:
        server = await self.server()
        transport = self.transport(server)
        for _ in range(3):
            await transport.send(consignment(BODY))
        self.assertEqual((server.connections, len(server.messages)), (1, 3))

    async def test_a_large_message_with_long_lines(self) -> None:
        """G48"""
        server = await self.server()
        server.offers = [b"8BITMIME"]
        lines = b"." * 5000 + b"\r\n" + b"\xff" * 70_000 + b"\r\n"
        body = b"X: y\r\n\r\n" + lines * 20
        await self.transport(server).send(consignment(body))
        self.assertEqual(server.messages[0].data.replace(b"\r\n..", b"\r\n."), body)
        self.assertIn(b" BODY=8BITMIME", server.messages[0].mail)

    async def test_each_recipient_has_his_own_answer(self) -> None:
        """Some taken, some refused for good, some for now."""
        server = await self.server(RCPT=[b"250 ok", b"550 5.1.1 who?", b"450 4.2.1 later"])
        answers = await self.transport(server).send(consignment(BODY, "a@x", "b@x", "c@x"))
        self.assertEqual(fates(answers), ["sent 250", "refused 550", "waiting 450"])
        self.assertEqual(server.messages[0].recipients, [b"RCPT TO:<a@x>"])

    async def test_refusals_of_the_message(self) -> None:
        """4yz is for now, 5yz for good, at each phase; the connection is of use afterwards."""
        for word, reply, wanted in (
            ("MAIL", b"451 4.7.1 greylisted", "waiting 451"),
            ("MAIL", b"550 5.7.1 spam", "refused 550"),
            ("RCPT", b"452 4.2.2 full", "waiting 452"),
            ("RCPT", b"550 5.1.1 who?", "refused 550"),
            ("DATA", b"451 4.3.0 later", "waiting 451"),
            ("DATA", b"554 5.6.0 no", "refused 554"),
            ("body", b"452 4.3.1 disk", "waiting 452"),
            ("body", b"554 5.7.1 virus", "refused 554"),
            ("RCPT", b"530 5.7.0 authenticate first", "waiting 530"),
        ):
            server = await self.server(**{word: [reply, b"250 ok" if word != "DATA" else b"354 x"]})
            transport = self.transport(server)
            self.assertEqual(fates(await transport.send(consignment(BODY))), [wanted])
            self.assertEqual(server.messages, [])
            self.assertEqual(fates(await transport.send(consignment(BODY))), ["sent 250"])
            self.assertEqual(server.connections, 1, (word, reply))

    async def test_what_is_not_about_the_message_is_unavailable(self) -> None:
        """It never bounces mail (G5)."""
        for word, reply in (
            ("greeting", b"554 5.3.2 no service"),
            ("greeting", b"421 4.3.2 too busy"),
            ("greeting", b"HTTP/1.1 400 Bad Request"),
            ("greeting", GONE),
            ("MAIL", b"421 4.3.2 going down"),
            ("MAIL", b"530 5.7.0 authenticate first"),
            ("MAIL", GONE),
        ):
            server = await self.server(**{word: [reply]})
            text = await self.refusal(self.transport(server).send(consignment(BODY)))
            self.assertNotEqual(text, "")
        server = await self.server(EHLO=[b"502 what?"], HELO=[b"504 no"])
        await self.refusal(self.transport(server).send(consignment(BODY)))

    async def test_silence_at_each_phase(self) -> None:
        for word in ("greeting", "EHLO", "MAIL"):
            server = await self.server(**{word: [SILENCE]})
            transport = self.transport(server, timeouts=QUICK)
            self.assertIn("in time", await self.refusal(transport.send(consignment(BODY))))
        for word in ("RCPT", "DATA", "body"):
            server = await self.server(**{word: [SILENCE]})
            transport = self.transport(server, timeouts=QUICK)
            [answer] = await transport.send(consignment(BODY))
            self.assertEqual((answer.fate, answer.status), (Fate.WAITING, "4.4.2"))

    async def test_a_connection_that_ends_in_the_middle_is_counted(self) -> None:
        """It may have arrived, and it may be this message that does it."""
        for word in ("RCPT", "DATA", "body"):
            server = await self.server(**{word: [GONE]})
            [answer] = await self.transport(server).send(consignment(BODY))
            self.assertEqual((answer.fate, answer.status), (Fate.WAITING, "4.4.2"))

    async def test_a_server_that_answers_before_the_end(self) -> None:
        server = await self.server(DATA=[b"354 go on\r\n552 5.3.4 too much"])
        server.offers = []
        [answer] = await self.transport(server).send(consignment(b"x" * 3_000_000))
        self.assertEqual((answer.fate, answer.code), (Fate.REFUSED, 552))

    async def test_an_idle_connection_that_was_closed(self) -> None:
        """Nothing has happened: another one is opened."""
        server = await self.server(MAIL=[b"250 ok", GONE, b"250 ok"])
        transport = self.transport(server)
        for _ in range(2):
            self.assertEqual(fates(await transport.send(consignment(BODY))), ["sent 250"])
        self.assertEqual(server.connections, 2)

    async def test_a_server_without_ehlo(self) -> None:
        server = await self.server(EHLO=[b"502 what?"])
        await self.transport(server).send(consignment(b"a\r\n"))
        self.assertEqual(server.messages[0].mail, b"MAIL FROM:<ann@example.com>")

    async def test_all_at_once(self) -> None:
        """RFC 2920: this server answers MAIL and the first recipient when it has heard of the second;
        each has the answer that is his, and one who cannot be named to it has his own."""
        server = await self.server(
            MAIL=[b"250-wait"], RCPT=[SILENCE, b"250 sender\r\n550 5.1.1 who?\r\n250 ok"]
        )
        server.offers = [b"PIPELINING"]
        answers = await self.transport(server).send(consignment(BODY, "a@x", "no address", "b@x"))
        self.assertEqual(fates(answers), ["refused 550", "refused 0", "sent 250"])
        self.assertEqual(len(server.messages), 1)

    async def test_all_at_once_and_refused(self) -> None:
        """The replies to what came along are read, too: the next message is in step."""
        server = await self.server(
            MAIL=[b"451 4.7.1 later", b"250 ok"], RCPT=[b"503 5.5.1 MAIL first", b"250 ok"]
        )
        server.offers = [b"PIPELINING"]
        transport = self.transport(server)
        self.assertEqual(fates(await transport.send(consignment(BODY))), ["waiting 451"])
        self.assertEqual(fates(await transport.send(consignment(BODY))), ["sent 250"])
        self.assertEqual((server.connections, len(server.messages)), (1, 1))

    async def test_all_at_once_and_gone(self) -> None:
        """The connection ends while several replies are awaited."""
        server = await self.server(RCPT=[b"250 ok", GONE])
        server.offers = [b"PIPELINING"]
        sending = self.transport(server).send(consignment(BODY, "a@x", "b@x", "c@x"))
        self.assertIn("the connection ended", await self.refusal(sending))
        self.assertEqual(server.messages, [])

    async def test_a_server_that_takes_seven_bits(self) -> None:
        """RFC 6152 §3: what can be is said in 7 bits, and measured so."""
        server = await self.server()
        server.offers = [b"SIZE"]
        body = "Subject: x\r\nMIME-Version: 1.0\r\n\r\nGrüße\r\n".encode()
        transport = self.transport(server)
        self.assertEqual(fates(await transport.send(consignment(body))), ["sent 250"])
        sent = server.messages[0]
        self.assertEqual(
            sent.data,
            b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            b"Gr=C3=BC=C3=9Fe\r\n",
        )
        self.assertEqual(sent.mail, b"MAIL FROM:<ann@example.com> SIZE=%d" % len(sent.data))
        signed = body.replace(b"x\r\n", b"x\r\nContent-Type: multipart/signed; boundary=b\r\n", 1)
        [answer] = await transport.send(consignment(signed))
        self.assertEqual((answer.fate, answer.status), (Fate.REFUSED, "5.6.3"))
        self.assertEqual((server.connections, len(server.messages)), (1, 1))

    async def test_what_the_server_cannot_take(self) -> None:
        server = await self.server()
        server.offers = [b"SIZE 100"]
        transport = self.transport(server)
        for body, changes, status in (
            (b"\xff", {}, "5.6.3"),
            (b"x" * 101, {}, "5.3.4"),
            (b"x", {"sender": "jörg@example.com"}, "5.6.7"),
        ):
            [answer] = await transport.send(consignment(body, **changes))
            self.assertEqual((answer.fate, answer.status), (Fate.REFUSED, status))
        self.assertEqual(server.messages, [])
        [answer] = await transport.send(consignment(b"x", "jörg@example.com"))
        self.assertEqual(answer.status, "5.6.7")

    async def test_who_wants_to_hear_of_success(self) -> None:
        """RFC 3461 §5.2.2: the server does not tell, so we have to."""
        server = await self.server()
        server.offers = []
        recipient = OutgoingRecipient("b@x", ("SUCCESS",))
        [answer] = await self.transport(server).send(consignment(b"x", recipients=(recipient,)))
        self.assertTrue(answer.relayed)
        server.offers = [b"DSN"]
        [answer] = await self.transport(server).send(consignment(b"x", recipients=(recipient,)))
        self.assertFalse(answer.relayed)
        self.assertEqual(server.commands[-2], b"RCPT TO:<b@x> NOTIFY=SUCCESS")

    async def test_endless_replies(self) -> None:
        server = await self.server(EHLO=[b"250-X\r\n" * 1000 + b"250 x"])
        self.assertIn("without an end", await self.refusal(self.transport(server).probe()))
        server = await self.server(EHLO=[b"250 " + b"x" * 100_000])
        self.assertIn("without an end", await self.refusal(self.transport(server).probe()))

    async def test_a_message_that_cannot_be_read_is_not_sent_half(self) -> None:
        class Damaged:
            def __init__(self) -> None:
                self.reads = 0

            def read(self, size: int, /) -> bytes:
                self.reads += 1
                if self.reads == 2:
                    raise Unavailable("the disk")
                return b"half of it\r\n"

            def close(self) -> None:
                pass

        server = await self.server()
        one = evolve(consignment(BODY), open=Damaged)
        self.assertEqual(await self.refusal(self.transport(server).send(one)), "the disk")
        self.assertEqual(server.messages, [])

    async def test_a_probe_leaves_its_connection_to_the_next_message(self) -> None:
        server = await self.server()
        transport = self.transport(server)
        await transport.probe()
        await transport.send(consignment(BODY))
        self.assertEqual(server.connections, 1)

    async def test_a_probe_has_less_patience_than_mail(self) -> None:
        """One that greets and then says nothing is noticed in time; what has no part in it goes on."""
        server = await self.server(EHLO=[SILENCE, b"250 late"])
        transport = self.transport(server)
        self.assertIn("in time", await self.refusal(transport.probe(0.4)))
        await transport.send(consignment(BODY))
        self.assertEqual(len(server.messages), 1)

    async def test_a_probe_is_told_of_a_login_that_is_refused(self) -> None:
        """A password that was changed is found before there is mail."""
        server = await self.server(AUTH=[b"535 5.7.8 no"])
        server.mechanisms = [b"CRAM-MD5"]
        login = Login("sora.example.com", username="ann", password="wrong")
        transport = self.transport(server, login)
        self.assertIn("535", await self.refusal(transport.probe(5.0)))
        self.assertEqual(server.messages, [])

    async def test_nobody_listens(self) -> None:
        server = await self.server()
        transport = self.transport(server)
        await maybeDeferred(server.port.stopListening)
        self.assertIn("cannot be reached", await self.refusal(transport.send(consignment(BODY))))

    async def test_the_end_breaks_off_what_is_being_sent(self) -> None:
        server = await self.server(body=[SILENCE])
        transport = self.transport(server)
        server.after_mail = lambda: reactor.callLater(0.05, transport.stop)
        [answer] = await transport.send(consignment(BODY))
        self.assertEqual(answer.fate, Fate.WAITING)
        await self.refusal(transport.send(consignment(BODY)))
