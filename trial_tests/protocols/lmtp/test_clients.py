"""Programs that speak LMTP, over a real port."""

import smtplib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet import reactor as global_reactor
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from sora.config.limits import LimitsConfig
from sora.config.servers import ServerConfig
from sora.config.units import Endpoint
from sora.errors import OverQuota
from sora.mailbox.spool import Spool
from sora.metrics.connections import ConnectionMetrics
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.limits import ConnectionLimits
from sora.net.listener import Listener
from sora.net.networks import Networks
from sora.net.tracker import Tracker
from sora.protocols.lmtp.protocol import refusal
from sora.protocols.lmtp.service import lmtp_factory
from sora.tls.contexts import ServerTLS
from sora.tls.self_signed import self_signed
from trial_tests.protocols.lmtp.test_session import Postroom
from trial_tests.support.programs import require_program

reactor: Any = global_reactor
MESSAGE = b"From: a@b.c\r\nSubject: x\r\n\r\n.dot\r\n..\r\n\xe4\xff\r\n"


class LMTPServerTestCase(TestCase):
    implicit_tls = False

    def setUp(self) -> None:
        self.room = Postroom()
        files = self_signed(Path(self.mktemp()), "mx.example.com", datetime.now(UTC))
        self.certificate = files.cert_file
        tls = ServerTLS(files.cert_file, files.key_file)
        factory = lmtp_factory(
            clock=reactor,
            server=ServerConfig(type="lmtp", addr=Endpoint("127.0.0.1", 0), tls=self.implicit_tls),
            limits=LimitsConfig(),
            hostname="mx.example.com",
            deliveries=self.room,
            spool=Spool,
            commands=CommandMetrics(CollectorRegistry()),
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
    async def test_two_recipients_over_starttls(self) -> None:
        self.room.outcomes["full@example.com"] = OverQuota()
        context = ssl.create_default_context(cafile=str(self.certificate))

        def send() -> Any:
            with smtplib.LMTP("localhost", self.listener.port) as client:
                client.starttls(context=context)
                return client.sendmail(
                    "a@b.c", ["u@example.com", "full@example.com", "nobody@example.com"], MESSAGE
                )

        refused = await deferToThread(send)
        codes = {name: reply[0] for name, reply in refused.items()}
        self.assertEqual(codes, {"full@example.com": 452, "nobody@example.com": 550})
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
