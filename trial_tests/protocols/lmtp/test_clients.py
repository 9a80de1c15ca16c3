"""Programs that speak LMTP, over a real port."""

import smtplib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from prometheus_client import CollectorRegistry
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from sora.config.limits import LimitsConfig
from sora.config.servers import ServerConfig
from sora.config.units import Endpoint
from sora.errors import OverQuota
from sora.mail.numbers import NumberSet
from sora.mailbox.delivery import Delivery
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.spool import Spool
from sora.metrics.connections import ConnectionMetrics
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.limits import ConnectionLimits
from sora.net.listener import Listener
from sora.net.networks import Networks
from sora.net.tracker import Tracker
from sora.protocols.lmtp.protocol import refusal
from sora.protocols.lmtp.service import lmtp_factory
from sora.storage.rows import Want
from sora.threads import Threads
from sora.tls.contexts import ServerTLS
from sora.tls.self_signed import self_signed
from trial_tests.mailbox.bodies_world import World
from trial_tests.protocols.lmtp.postroom import Postroom
from trial_tests.support.programs import require_program

reactor: Any = global_reactor
MESSAGE = b"From: a@b.c\r\nSubject: x\r\n\r\n.dot\r\n..\r\n\xe4\xff\r\n"


class LMTPServerTestCase(TestCase):
    implicit_tls = False

    def setUp(self) -> None:
        self.room = Postroom()
        self.listen(self.room)

    def listen(self, deliveries: Any) -> None:
        files = self_signed(Path(self.mktemp()), "mx.example.com", datetime.now(UTC))
        self.certificate = files.cert_file
        tls = ServerTLS(files.cert_file, files.key_file)
        factory = lmtp_factory(
            clock=reactor,
            server=ServerConfig(type="lmtp", addr=Endpoint("127.0.0.1", 0), tls=self.implicit_tls),
            limits=LimitsConfig(),
            hostname="mx.example.com",
            deliveries=deliveries,
            spool=Spool,
            commands=CommandMetrics(CollectorRegistry()),
            messages=MessageMetrics(CollectorRegistry()),
            metrics=DeliveryMetrics(CollectorRegistry()),
            tls=tls,
        )
        self.listener = Listener(
            reactor,
            name="lmtp-0",
            protocol="lmtp",
            endpoint=Endpoint("127.0.0.1", 0),
            factory=factory,
            tracker=Tracker(reactor.seconds, ConnectionMetrics(CollectorRegistry())),
            limits=ConnectionLimits(total=20, per_address=20, exempt=Networks([])),
            metrics=ConnectionMetrics(CollectorRegistry()),
            tls=tls if self.implicit_tls else None,
            refusal=refusal,
        )
        self.listener.startService()
        self.addCleanup(self.listener.stopService)


class SmtplibTests(LMTPServerTestCase):
    async def test_three_recipients_over_starttls(self) -> None:
        self.room.outcomes["full@example.com"] = OverQuota()
        context = ssl.create_default_context(cafile=str(self.certificate))

        def send() -> list[int]:
            # `sendmail` reads one reply after the message, so its steps are taken one by one.
            with smtplib.LMTP("localhost", self.listener.port) as client:
                client.starttls(context=context)
                client.ehlo("client")
                client.mail("a@b.c")
                names = ("u@example.com", "full@example.com", "nobody@example.com")
                codes = [client.rcpt(name)[0] for name in names]
                codes.append(client.data(MESSAGE)[0])
                codes.append(client.getreply()[0])
                return codes

        codes = await deferToThread(send)
        self.assertEqual(codes, [250, 250, 550, 250, 452])
        (delivered,) = self.room.delivered
        self.assertEqual(delivered.message, MESSAGE)
        self.assertEqual(delivered.origin.protocol, "LMTPS")

    async def test_a_large_message_is_spooled_and_intact(self) -> None:
        message = b"Subject: large\r\n\r\n" + b".x" * 36 + b"\r\n" + b"..abc\r\n" * 700_000

        def send() -> Any:
            with smtplib.LMTP("127.0.0.1", self.listener.port) as client:
                return client.sendmail("a@b.c", ["u@example.com"], message)

        self.assertEqual(await deferToThread(send), {})
        self.assertEqual(self.room.delivered[0].message, message)


class SwaksTests(LMTPServerTestCase):
    async def swaks(self, *arguments: str) -> str:
        swaks = require_program(self, "swaks", "swaks")
        output, errors, code = await getProcessOutputAndValue(
            swaks,
            ["--protocol", "LMTP", "--server", f"127.0.0.1:{self.listener.port}", *arguments],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        )
        text = (output + errors).decode()
        self.assertEqual(code, 0, text)
        return text

    async def test_two_recipients(self) -> None:
        text = await self.swaks("--to", "u@example.com,v+lists@example.com", "--from", "a@b.c")
        self.assertEqual(
            self.room.delivered[0].recipients, ("u@example.com", "v+lists@example.com")
        )
        self.assertIn("250 2.0.0 <v+lists@example.com> Delivered", text)

    async def test_xclient(self) -> None:
        """As swaks says it: everything begins anew, in the name of another client."""
        text = await self.swaks(
            *("--to", "u@example.com", "--from", "a@b.c", "--xclient-addr", "192.0.2.17"),
            *("--xclient-name", "spike.example.org", "--xclient-helo", "spike"),
        )
        self.assertIn("XCLIENT", text)
        origin = self.room.delivered[0].origin
        self.assertEqual(
            (origin.host, origin.name, origin.helo), ("192.0.2.17", "spike.example.org", "spike")
        )

    async def test_pipelining_and_tls(self) -> None:
        text = await self.swaks(
            "--to", "u@example.com,v@example.com", "--from", "a@b.c", "-tls", "--pipeline"
        )
        self.assertIn("250 2.0.0 <v@example.com> Delivered", text)
        self.assertEqual(self.room.delivered[0].origin.protocol, "LMTPS")


class ImplicitTLSTests(LMTPServerTestCase):
    implicit_tls = True

    async def test_swaks_over_tls_from_the_first_octet(self) -> None:
        text = await SwaksTests.swaks(
            self,  # type: ignore[arg-type]
            "--to",
            "u@example.com",
            "--tls-on-connect",
        )
        self.assertNotIn("STARTTLS", text)
        self.assertEqual(self.room.delivered[0].origin.protocol, "LMTPS")


class DeliveryTests(LMTPServerTestCase):
    """The whole way in: LMTP, delivery, memory storage."""

    async def setUp(self) -> None:  # type: ignore[override]
        threads = Threads(reactor, 2, "test")
        await maybeDeferred(threads.startService)
        self.addCleanup(threads.stopService)
        self.world = await World(threads, reactor).open("user@example.com")
        self.arrivals = self.world.arrivals("direct")
        self.open_mailboxes = OpenMailboxes(self.world.storage.mailboxes, reactor, uuid4())
        self.listen(
            Delivery(self.world.storage.accounts, self.arrivals, self.open_mailboxes, reactor)
        )

    async def send(self, *recipients: str) -> list[int]:
        def send() -> list[int]:
            with smtplib.LMTP("127.0.0.1", self.listener.port, local_hostname="here") as client:
                client.ehlo()
                client.mail("a@b.c")
                codes = [client.rcpt(each)[0] for each in recipients]
                codes.append(client.data(MESSAGE)[0])
                codes += [client.getreply()[0] for _ in range(codes.count(250) - 2)]
                return codes

        return await deferToThread(send)

    async def received(self) -> list[tuple[bytes, bytes]]:
        """The trace and the body of each message."""
        storage, inbox = self.world.storage, self.world.inbox
        wants = frozenset({Want.HEADER, Want.BODY})
        read = await storage.messages.read(inbox, NumberSet(((1, 1000),)), wants)
        found = []
        for each in read.messages:
            assert each.body is not None and each.trace is not None
            (place,) = each.body.objects
            found.append((each.trace, await self.world.objects.get(place.id, 0, len(MESSAGE))))
        return found

    async def test_a_message_arrives_byte_for_byte_with_its_trace(self) -> None:
        codes = await self.send("User+lists@Example.com", "nobody@example.com")
        self.assertEqual(codes, [250, 550, 250])
        ((trace, body),) = await self.received()
        self.assertEqual(body, MESSAGE)
        self.assertTrue(trace.startswith(b"Return-Path: <a@b.c>\r\n"), trace)
        self.assertIn(b"Delivered-To: User+lists@example.com\r\n", trace)
        self.assertIn(b"from here", trace)
        self.assertIn(b"with LMTP", trace)

    async def test_a_repeated_delivery_arrives_once(self) -> None:
        """G42"""
        self.assertEqual(await self.send("user@example.com"), [250, 250])
        self.assertEqual(await self.send("user@example.com"), [250, 250])
        self.assertEqual(len(await self.received()), 1)

    async def test_the_same_recipient_twice_is_answered_twice_and_gets_it_once(self) -> None:
        """G41, G42"""
        codes = await self.send("user@example.com", "USER@example.com")
        self.assertEqual(codes, [250, 250, 250, 250])
        self.assertEqual(len(await self.received()), 1)
