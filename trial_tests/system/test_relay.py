"""Mail that leaves a whole Sora by a real Postfix, and comes back over LMTP."""

import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from sora.addresses import parse_address
from sora.retry import pause
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.scripts import Scripts
from sora.storage.rows import ScriptLimits, ScriptPosition
from trial_tests.relay.smtp_server import ScriptedServer
from trial_tests.support.postfix import PASSWORD, USER, Postfix, postfix_for
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase

reactor: Any = _reactor
LIMITS = ScriptLimits(10_000, 10, 100_000)
ANN, BOB = "ann@example.com", "bob@example.org"
LETTER = (
    b"From: <bob@example.org>\r\nTo: <ann@example.com>\r\nSubject: lunch\r\n"
    b"Message-ID: <1@example.org>\r\n\r\n.dots\r\n..\r\nend\r\n"
)


class RelayCase(WholeSoraTestCase):
    async def begin(self, relay: str) -> None:
        """A Sora with ann and bob, whose relay is configured so."""
        self.queue = mkdtemp(prefix="sora-relay-")
        self.addCleanup(shutil.rmtree, self.queue, True)
        self.extra = (
            f'[relay]\ntype = "smtp"\n{relay}\n[relay.queue]\npath = "{self.queue}"\n'
            'retry_backoff = ["1s"]\n'
        )
        self.one: WholeSora = await self.sora()
        for address in (ANN, BOB):
            await self.account(self.one, address)

    async def script(self, address: str, source: str) -> None:
        """Let a script run for a user."""
        recipient = await Accounts(self.one.database, "domain").recipient(parse_address(address))
        assert recipient is not None
        await Scripts(self.one.database).put(
            recipient.account_id, "main", source, LIMITS, ScriptPosition.ACTIVE
        )

    async def inbox(self, address: str, expected: int) -> list[bytes]:
        """Wait until INBOX has so many; gives them."""
        wire = await self.one.imap(address)
        while b"MESSAGES %d)" % expected not in await wire.ask(b"STATUS INBOX (MESSAGES)"):
            await pause(reactor, 0.1)
        await wire.ask(b"EXAMINE INBOX")
        found = [await wire.ask(b"FETCH %d (BODY.PEEK[])" % (n + 1)) for n in range(expected)]
        assert wire.transport is not None
        wire.transport.loseConnection()
        return found

    def waiting(self) -> list[Path]:
        """What is in the queue."""
        return [
            file
            for state in ("waiting", "sending")
            for file in Path(self.queue, "0", state).iterdir()
        ]


class PostfixTests(RelayCase):
    """By STARTTLS, with a certificate that is checked, and with a password."""

    timeout = 240

    async def circle(self, submission: bool = True) -> Postfix:
        """A Postfix that delivers to Sora, and Sora, which sends by it."""
        postfix = postfix_for(self)
        login = (
            f'smtp_host = "localhost:{postfix.submission}"\ntls_ca_file = "{postfix.ca_file}"\n'
            f'username = "{USER}@relay.example"\npassword = "{PASSWORD}"'
        )
        plain = f'smtp_host = "127.0.0.1:{postfix.port}"\ntls_use_starttls = false'
        await self.begin(login if submission else plain)
        postfix.deliver_to(self.one.lmtp_port)
        await deferToThread(postfix.start)
        return postfix

    async def test_a_redirect_and_a_vacation_travel_the_full_circle(self) -> None:
        """And while Postfix is stopped they wait (G48)."""
        postfix = await self.circle()
        await self.script(
            ANN,
            'require ["vacation", "copy", "environment", "variables", "editheader"];\r\n'
            'if environment :matches "remote-ip" "*" { addheader "X-Client" "${1}"; }\r\n'
            'redirect :copy "bob@example.org";\r\n'
            'vacation :subject "Away" :addresses "ann@example.com" "I am away.";\r\n',
        )
        await deferToThread(postfix.inject, BOB, ANN, LETTER, "127.0.0.5")
        [kept] = await self.inbox(ANN, 1)
        # XFORWARD: not Postfix is the client, but the one that it had it from.
        self.assertIn(b"X-Client: 127.0.0.5\r\n", kept)
        self.assertIn(b".dots\r\n..\r\nend\r\n", kept)
        found = await self.inbox(BOB, 2)
        [redirected] = [one for one in found if b"Subject: lunch" in one]
        [reply] = [one for one in found if b"Subject: Away" in one]
        self.assertIn(b"\r\n\r\n.dots\r\n..\r\nend\r\n", redirected)
        self.assertIn(b"Return-Path: <>", reply)
        self.assertIn(b"I am away.", reply)
        self.assertIn("sasl_username=sora@relay.example", postfix.log)
        while self.waiting():
            await pause(reactor, 0.05)
        await deferToThread(postfix.stop)
        second = LETTER.replace(b"lunch", b"dinner").replace(b"<1@", b"<2@")
        wire = await self.one.lmtp()
        wire.send(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (BOB.encode(), ANN.encode()))
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(second.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        self.assertIn(b"250", await wire.until(rb"\d{3} [^\r\n]*\r\n"))
        await self.inbox(ANN, 2)
        self.assertEqual(len(self.waiting()), 1)
        await deferToThread(postfix.start)
        found = await self.inbox(BOB, 3)
        self.assertEqual(len([one for one in found if b"Subject: dinner" in one]), 1)

    async def test_without_tls_from_a_trusted_network(self) -> None:
        await self.circle(submission=False)
        await self.script(ANN, 'redirect "bob@example.org";\r\n')
        wire = await self.one.lmtp()
        wire.send(b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n" % ANN.encode())
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(LETTER.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        await wire.until(rb"250 [^\r\n]*\r\n")
        [redirected] = await self.inbox(BOB, 1)
        self.assertIn(b"Return-Path: <>", redirected)

    async def test_a_wrong_password_keeps_the_mail(self) -> None:
        """Nothing bounces; the log says why."""
        postfix = postfix_for(self)
        await self.begin(
            f'smtp_host = "localhost:{postfix.submission}"\ntls_ca_file = "{postfix.ca_file}"\n'
            f'username = "{USER}@relay.example"\npassword = "wrong"'
        )
        postfix.deliver_to(self.one.lmtp_port)
        await deferToThread(postfix.start)
        await self.script(ANN, 'redirect "bob@example.org";\r\n')
        await deferToThread(postfix.inject, BOB, ANN, LETTER)
        while b"authentication failed" not in postfix.log.encode():
            await pause(reactor, 0.1)
        self.assertEqual(len(self.waiting()), 1)


class ReportTests(RelayCase):
    async def test_a_user_of_this_house_is_told_in_his_inbox(self) -> None:
        """A relay that refuses what ann sends on for bob: bob hears of it without a detour."""
        server = ScriptedServer(RCPT=[b"550 5.1.1 no such user"])
        await server.listen()
        self.addCleanup(lambda: Deferred.fromCoroutine(server.close()))
        await self.begin(f'smtp_host = "127.0.0.1:{server.number}"\ntls_use_starttls = false')
        await self.script(ANN, 'redirect "nobody@example.net";\r\n')
        wire = await self.one.lmtp()
        wire.send(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (BOB.encode(), ANN.encode()))
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(LETTER.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        await wire.until(rb"250 [^\r\n]*\r\n")
        [report] = await self.inbox(BOB, 1)
        self.assertIn(b"Return-Path: <>", report)
        self.assertIn(b"Final-Recipient: rfc822; nobody@example.net", report)
        self.assertIn(b"550 5.1.1 no such user", report)
        self.assertEqual(server.messages, [])
