"""Senders who asked for it are told of deliveries (RFC 3461 §5.2.3), and of nothing else."""

from collections.abc import Sequence

from attrs import evolve

from sora.errors import SoraError
from sora.mail.dsn import Notify, OriginalRecipient, Ret
from sora.mailbox.envelope import Body
from trial_tests.mailbox.test_filtering import FilteringTestCase
from trial_tests.mailbox.world import envelope, message, spool

SUCCESS = Notify.SUCCESS
SENDER = "Alice@Example.ORG"


class SuccessReportTests(FilteringTestCase):
    async def setUp(self) -> None:
        await super().setUp()
        await self.world.add_account("bob@example.com")

    async def ask(
        self,
        *wishes: tuple[str, Notify | None],
        data: bytes | None = None,
        sender: str = SENDER,
    ) -> Sequence[SoraError | None]:
        """Deliver for recipients whose sender wants to hear so much."""
        found = await self.resolved(*(name for name, _ in wishes))
        made = envelope(
            [
                evolve(each, notify=notify, orcpt=OriginalRecipient("rfc822", f"was-{name}"))
                for each, (name, notify) in zip(found, wishes, strict=True)
            ],
            sender,
        )
        made = evolve(made, envid="QQ314159", ret=Ret.FULL)
        return await self.delivery.deliver(made, spool(message() if data is None else data))

    async def test_one_report_for_all_who_are_asked_about(self) -> None:
        await self.ask(("ann+lists@example.com", SUCCESS), ("bob@example.com", SUCCESS))
        (kept,) = self.sent("report")
        self.assertEqual(kept.outgoing.sender, "")
        (to,) = kept.outgoing.recipients
        self.assertEqual((to.address, to.notify), (SENDER, ("NEVER",)))
        text = kept.octets.decode()
        for line in (
            f"To: {SENDER}",
            "Content-Type: multipart/report; report-type=delivery-status",
            "Original-Envelope-Id: QQ314159",
            "Reporting-MTA: dns; sora.example.com",
            "Original-Recipient: rfc822; was-ann+lists@example.com",
            "Final-Recipient: rfc822; ann+lists@example.com",
            "Final-Recipient: rfc822; bob@example.com",
            "Content-Type: text/rfc822-headers",
            "Subject: number 0",
        ):
            self.assertIn(line, text.replace("\r\n ", " "))
        self.assertEqual(text.count("Action: delivered\r\nStatus: 2.0.0\r\n"), 2)

    async def test_nobody_else_is_told_anything(self) -> None:
        for notify in (None, Notify.NEVER, Notify.FAILURE | Notify.DELAY):
            await self.ask((f"ann+{notify}@example.com".replace("|", "-"), notify))
        await self.ask(("ann+null@example.com", SUCCESS), sender="")
        self.assertEqual(self.relay.sent, [])

    async def test_a_delivery_that_is_repeated_is_told_once(self) -> None:
        """G42"""
        for _ in range(3):
            self.assertEqual(await self.ask(("ann@example.com", SUCCESS)), [None])
        self.assertEqual(len(self.sent("report")), 1)

    async def test_what_failed_is_not_told_as_a_success(self) -> None:
        self.world.storage.tables.accounts[self.row.id].quota_storage = 1
        await self.ask(("ann@example.com", SUCCESS), ("bob@example.com", SUCCESS))
        (kept,) = self.sent("report")
        self.assertNotIn(b"rfc822; ann@", kept.octets)
        self.assertIn(b"rfc822; bob@example.com", kept.octets)

    async def test_filters_are_the_recipients_affair(self) -> None:
        for source, reports in (
            ("discard;", 1),
            ('require "fileinto"; fileinto "Spam";', 1),
            ('require "copy"; redirect :copy "eve@example.net";', 1),
            # The next system tells: the wish goes with the message.
            ('redirect "eve@example.net";', 0),
        ):
            with self.subTest(source):
                await self.script(source)
                self.relay.sent.clear()
                data = message(len(source))
                self.assertEqual(await self.ask(("ann@example.com", SUCCESS), data=data), [None])
                self.assertEqual(len(self.sent("report")), reports)
        (kept,) = self.sent("redirect")
        self.assertEqual(kept.outgoing.recipients[0].notify, ("SUCCESS",))
        self.assertEqual(kept.outgoing.recipients[0].orcpt, "rfc822;was-ann@example.com")

    async def test_a_relay_that_fails_fails_no_delivery(self) -> None:
        self.relay.is_broken = True
        self.assertEqual(await self.ask(("ann@example.com", SUCCESS)), [None])
        self.assertEqual(await self.counts(), {"INBOX": 1})


class BinaryTests(FilteringTestCase):
    HEAD = (
        b"Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n"
    )

    async def deliver_binary(self, data: bytes) -> bytes:
        """What is stored of it."""
        made = evolve(envelope(await self.resolved("ann@example.com")), body=Body.BINARY)
        before = await self.stored(self.row.id)
        self.assertEqual(await self.delivery.deliver(made, spool(data)), [None])
        return (await self.stored(self.row.id))[len(before)]

    async def test_binary_octets_are_stored_as_they_came(self) -> None:
        """RFC 3030 §3: all bits of each octet."""
        data = self.HEAD + bytes(range(1, 256)) * 3 + b"\n.\r.\r\n"
        self.assertTrue((await self.deliver_binary(data)).endswith(data))

    async def test_a_part_with_nuls_becomes_base64_as_with_append(self) -> None:
        """IMAP without BINARY cannot give NULs to anybody (RFC 3501 §4.3)."""
        stored = await self.deliver_binary(self.HEAD + b"a\0b")
        self.assertTrue(stored.endswith(b"Content-Transfer-Encoding: base64\r\n\r\nYQBi\r\n"))

    async def test_sent_again_it_is_the_same(self) -> None:
        """G42"""
        await self.deliver_binary(self.HEAD + b"a\0b")
        made = evolve(envelope(await self.resolved("ann@example.com")), body=Body.BINARY)
        await self.delivery.deliver(made, spool(self.HEAD + b"a\0b"))
        self.assertEqual(await self.counts(), {"INBOX": 1})
