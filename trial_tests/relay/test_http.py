"""The HTTP relay against a real server."""

from typing import Any

from attrs import evolve
from twisted.internet.defer import maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from sora.errors import Unavailable
from sora.relay.entry import Answer, Fate
from sora.relay.http import HTTPTransport
from sora.relay.interfaces import OutgoingRecipient, Readable
from sora.relay.tls import client_tls
from sora.threads import Threads
from trial_tests.relay.test_smtp import SMTPCase, consignment, fates, reactor

BINARY = b"Subject: x\r\n\r\n\x00\xff\n.\n\r\r" + bytes(range(256)) * 2000


class Endpoint(Resource):
    """Answers with `code` and `text`, or not at all."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.code = 202
        self.text = b"queued"
        self.is_silent = self.is_gone = False
        self.requests: list[tuple[bytes, Any, bytes]] = []

    def render(self, request: Any) -> Any:
        self.requests.append((request.method, request.requestHeaders, request.content.read()))
        if self.is_gone:
            request.transport.abortConnection()
        if self.is_gone or self.is_silent:
            return NOT_DONE_YET
        request.setResponseCode(self.code)
        request.setHeader(b"location", b"http://127.0.0.1:1/")
        return b"" if request.method == b"HEAD" else self.text


class HTTPTests(SMTPCase):
    async def endpoint(self, **options: Any) -> tuple[Endpoint, HTTPTransport]:
        endpoint = Endpoint()
        self.port = reactor.listenTCP(0, Site(endpoint), interface="127.0.0.1")
        self.addCleanup(lambda: maybeDeferred(self.port.stopListening))
        threads = Threads(reactor, 1, "test")
        threads.startService()
        self.addCleanup(threads.stopService)
        transport = HTTPTransport(
            f"http://127.0.0.1:{self.port.getHost().port}/send",
            "t0ken",
            threads,
            reactor,
            tls_for=lambda host: client_tls(host, verify=True),
            **options,
        )
        self.addCleanup(transport.stop)
        return endpoint, transport

    async def test_a_message(self) -> None:
        """Its octets are those that arrived; the envelope is what SMTP would have said."""
        endpoint, transport = await self.endpoint()
        recipients = (
            OutgoingRecipient("bob@example.org", ("NEVER",)),
            OutgoingRecipient("jörg%x@example.org"),
        )
        answers = await transport.send(consignment(BINARY, recipients=recipients, ret="HDRS"))
        self.assertEqual(answers, [Answer(Fate.SENT, 202, "2.0.0", "queued")] * 2)
        [(method, headers, body)] = endpoint.requests
        self.assertEqual((method, body), (b"POST", BINARY))
        self.assertEqual(headers.getRawHeaders("content-type"), ["message/rfc822"])
        self.assertEqual(headers.getRawHeaders("content-length"), [str(len(BINARY))])
        self.assertEqual(headers.getRawHeaders("authorization"), ["Bearer t0ken"])
        self.assertEqual(
            headers.getRawHeaders("sora-envelope-from"),
            ["<ann@example.com> BODY=8BITMIME SMTPUTF8 RET=HDRS"],
        )
        self.assertEqual(
            headers.getRawHeaders("sora-envelope-to"),
            ["<bob@example.org> NOTIFY=NEVER", "<j%C3%B6rg%25x@example.org>"],
        )
        self.assertEqual(headers.getRawHeaders("sora-kind"), ["redirect"])

    async def test_the_key_is_the_same_for_the_same(self) -> None:
        endpoint, transport = await self.endpoint()
        one = consignment(b"x")
        for each in (one, one, consignment(b"x", "c@x"), evolve(one, name="n2")):
            await transport.send(each)
        keys = [request[1].getRawHeaders("idempotency-key")[0] for request in endpoint.requests]
        self.assertEqual(keys[0], keys[1])
        self.assertEqual(len(set(keys)), 3)

    async def test_answers(self) -> None:
        endpoint, transport = await self.endpoint()
        for code, wanted in (
            (200, "sent 200"),
            (400, "refused 400"),
            (422, "refused 422"),
            (408, "waiting 408"),
            (500, "waiting 500"),
            (502, "waiting 502"),
        ):
            endpoint.code = code
            self.assertEqual(fates(await transport.send(consignment(b"x"))), [wanted])

    async def test_what_is_not_about_the_message(self) -> None:
        """Wrong tokens, wrong addresses, throttling: nobody's mail bounces (G5)."""
        endpoint, transport = await self.endpoint()
        for code in (301, 307, 401, 403, 404, 429, 503):
            endpoint.code = code
            text = await self.refusal(transport.send(consignment(b"x")))
            self.assertIn(f"answers {code} queued", text)
            self.assertNotIn("t0ken", text)
        self.assertEqual(len(endpoint.requests), 7)

    async def test_endless_answers_are_cut(self) -> None:
        endpoint, transport = await self.endpoint()
        endpoint.code, endpoint.text = 422, b"no\n" * 1_000_000
        [answer] = await transport.send(consignment(b"x"))
        self.assertLessEqual(len(answer.text), 500)

    async def test_a_connection_that_ends_or_falls_silent(self) -> None:
        """It may have arrived: that is counted."""
        endpoint, transport = await self.endpoint(timeout=0.2)
        for name in ("is_gone", "is_silent"):
            setattr(endpoint, name, True)
            [answer] = await transport.send(consignment(b"x"))
            self.assertEqual((answer.fate, answer.status), (Fate.WAITING, "4.4.2"))
            setattr(endpoint, name, False)

    async def test_nobody_listens(self) -> None:
        _, transport = await self.endpoint()
        await maybeDeferred(self.port.stopListening)
        self.assertIn("cannot be reached", await self.refusal(transport.send(consignment(b"x"))))
        await self.refusal(transport.probe())

    async def test_a_probe_has_less_patience_than_mail(self) -> None:
        endpoint, transport = await self.endpoint(timeout=60.0)
        endpoint.is_silent = True
        self.assertIn("in time", await self.refusal(transport.probe(0.2)))

    async def test_probes(self) -> None:
        """Any answer is a good sign, but one that says to stay away."""
        endpoint, transport = await self.endpoint()
        for code in (200, 405, 401):
            endpoint.code = code
            await transport.probe()
        endpoint.code = 503
        await self.refusal(transport.probe())
        self.assertEqual({request[0] for request in endpoint.requests}, {b"HEAD"})

    async def test_a_message_that_cannot_be_read(self) -> None:
        def broken() -> Readable:
            raise Unavailable("the disk")

        _, transport = await self.endpoint()
        text = await self.refusal(transport.send(evolve(consignment(b"x"), open=broken)))
        self.assertIn("cannot be read", text)

    async def test_what_cannot_be_said(self) -> None:
        _, transport = await self.endpoint()
        [answer] = await transport.send(consignment(b"x", sender="no address"))
        self.assertEqual((answer.fate, answer.status), (Fate.REFUSED, "5.1.7"))
