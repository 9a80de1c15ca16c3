"""Mail comes in: outcomes, batches, trace lines, loops, retries."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.deferreds import deferred
from sora.errors import MailLoop, OverQuota, SoraError, Unavailable
from sora.mailbox.delivery import LARGE, LARGE_AT_ONCE, Delivery
from sora.mailbox.envelope import Addressee
from sora.mailbox.placing import BATCH
from sora.storage.memory.messages import MemoryMessages
from sora.storage.rows import Claim, Delivered, Want
from trial_tests.mailbox.world import AtOnce, Process, World, envelope, message, spool
from trial_tests.storage.contracts.contract import EVERYTHING


class FailingMessages:
    """Storage whose `deliver` cannot reach some mailboxes, as with a lock that is held."""

    def __init__(self, messages: MemoryMessages) -> None:
        self._messages = messages
        self.locked: set[int] = set()
        self.sizes: list[int] = []

    @deferred
    async def deliver(self, arrivals: Any, claims: Sequence[Claim], operation: Any) -> Delivered:
        self.sizes.append(len(claims))
        if any(target.mailbox_id in self.locked for claim in claims for target in claim.targets):
            raise Unavailable("The mailbox is locked")
        return await self._messages.deliver(arrivals, claims, operation)


class DeliveryTestCase(TestCase):
    async def setUp(self) -> None:
        self.world = World()
        self.row = await self.world.add_account("ann@example.com", "Work")
        self.process: Process = self.world.process()
        self.delivery: Delivery = self.process.delivery

    async def resolved(self, *addresses: str) -> list[Addressee]:
        found = []
        for text in addresses:
            address = parse_address(text)
            recipient = await self.delivery.resolve(address)
            assert recipient is not None, text
            found.append(Addressee(address, recipient))
        return found

    async def deliver(
        self, data: bytes, *addresses: str, sender: str = "carl@example.net"
    ) -> list[type[SoraError] | None]:
        recipients = await self.resolved(*addresses)
        self.world.statements.clear()
        outcomes = await self.delivery.deliver(envelope(recipients, sender), spool(data))
        return [None if outcome is None else type(outcome) for outcome in outcomes]

    def cost(self) -> dict[str, int]:
        """The statements of the last delivery. How much is staged is asked every ten seconds
        for all deliveries together, and is not counted."""
        return {
            name: count
            for name, count in self.world.statements.items()
            if name != "uploads.backlog"
        }

    async def stored(self, account_id: int, name: str = "INBOX") -> list[bytes]:
        """The messages of a mailbox, whole."""
        storage = self.world.storage
        row = await storage.mailboxes.find(account_id, name)
        read = await storage.messages.read(row.id, EVERYTHING, frozenset({Want.BODY}))
        whole = []
        for one in read.messages:
            pieces = await storage.uploads.staged(one.body.content_id, 0, 99)
            whole.append(one.trace + b"".join(pieces))
        return whole


class DeliveryTests(DeliveryTestCase):
    async def test_the_message_is_stored_as_received_below_its_trace(self) -> None:
        """RFC 5321 §4.4, G46"""
        data = b"Subject: caf\xe9\r\n\r\n\0 as it is\n"
        self.assertEqual(await self.deliver(data, "Ann+tag@example.com"), [None])
        (whole,) = await self.stored(self.row.id)
        self.assertTrue(whole.endswith(data))
        trace = whole.removesuffix(data).decode()
        lines = trace.replace("\r\n\t", " ").split("\r\n")
        self.assertEqual(lines[0], "Return-Path: <carl@example.net>")
        self.assertEqual(lines[1], "Delivered-To: Ann+tag@example.com")
        self.assertTrue(
            lines[2].startswith(
                "Received: from mx.example.net ([192.0.2.7]) by sora.example.com with LMTP"
                " for <Ann+tag@example.com>; "
            ),
            lines[2],
        )
        self.assertEqual(lines[3:], [""])

    async def test_the_null_sender_stays_null(self) -> None:
        """G44"""
        await self.deliver(message(), "ann@example.com", sender="")
        (whole,) = await self.stored(self.row.id)
        self.assertTrue(whole.startswith(b"Return-Path: <>\r\n"))

    async def test_nobody_is_resolved_for_an_unknown_address(self) -> None:
        self.assertIsNone(await self.delivery.resolve(parse_address("nobody@example.com")))

    async def test_a_delivery_is_one_statement_and_an_idle_session_hears_of_it(self) -> None:
        selected = await self.process.session(self.row).select("INBOX", False)
        rings: list[str] = []
        selected.watch(lambda: rings.append("ring"))
        await self.deliver(message(), "ann@example.com")
        self.assertEqual(self.cost(), {"messages.deliver": 1})
        self.assertEqual(rings, ["ring"])
        updates = selected.updates(True)
        self.assertEqual((updates.exists, updates.recent), (1, 1))
        await selected.close()

    async def test_a_retry_after_a_lost_answer_delivers_once(self) -> None:
        """G42"""
        for _ in range(3):
            self.assertEqual(await self.deliver(message(), "ann@example.com"), [None])
        self.assertEqual(len(await self.stored(self.row.id)), 1)
        await self.deliver(message(2), "ann@example.com")
        self.assertEqual(len(await self.stored(self.row.id)), 2)

    async def test_a_retry_is_known_in_any_case_of_the_address(self) -> None:
        await self.deliver(message(), "ann@example.com")
        await self.deliver(message(), "ANN@Example.COM")
        self.assertEqual(len(await self.stored(self.row.id)), 1)

    async def test_a_recipient_named_twice_gets_it_once_and_two_answers(self) -> None:
        outcomes = await self.deliver(message(), "ann@example.com", "ann@example.com")
        self.assertEqual(outcomes, [None, None])
        self.assertEqual(len(await self.stored(self.row.id)), 1)

    async def test_the_client_that_hangs_up_stops_nothing(self) -> None:
        recipients = await self.resolved("ann@example.com")
        self.world.hold_answers()
        work = Deferred.fromCoroutine(self.delivery.deliver(envelope(recipients), spool(message())))
        work.addErrback(lambda failure: failure.trap(CancelledError))
        work.cancel()
        while self.world.held:
            self.world.let_go()
        self.world.answer_at_once()
        self.assertEqual(len(await self.stored(self.row.id)), 1)
        self.assertEqual(len(self.process.rings), 1)

    async def test_a_folder_named_by_the_detail(self) -> None:
        await self.deliver(message(1), "ann+Work@example.com")
        self.assertEqual(len(await self.stored(self.row.id, "Work")), 0)
        self.delivery = self.process.filtering_delivery(detail="existing")
        await self.deliver(message(2), "ann+Work@example.com", "ann+Nothing@example.com")
        self.assertEqual(len(await self.stored(self.row.id, "Work")), 1)
        self.assertEqual(len(await self.stored(self.row.id)), 2)

    async def test_of_large_messages_a_few_are_dealt_with_at_the_same_time(self) -> None:
        """The others wait, and small ones do not wait for them."""
        self.process.arrivals.deriving._threads = AtOnce()  # type: ignore[assignment]
        recipients = await self.resolved("ann@example.com")
        self.world.hold_answers()
        large = [b"Subject: %d\r\n\r\n" % n + b"x" * LARGE for n in range(LARGE_AT_ONCE + 2)]
        spools = [spool(data) for data in (*large, message())]
        works = [
            Deferred.fromCoroutine(self.delivery.deliver(envelope(recipients), each))
            for each in spools
        ]
        self.assertEqual(
            Counter(name for name, _ in self.world.held if name != "uploads.backlog"),
            {"uploads.known": LARGE_AT_ONCE, "messages.deliver": 1},
        )
        self.world.answer_at_once()
        while self.world.held:
            self.world.held.pop(0)[1].callback(None)
        for work in works:
            self.assertEqual(await work, [None])


class LoopTests(DeliveryTestCase):
    async def test_too_many_hosts(self) -> None:
        """RFC 5321 §6.3"""
        hop = b"Received: from a by b; today\r\n"
        self.assertEqual(await self.deliver(hop * 100 + message(), "ann@example.com"), [None])
        self.assertEqual(await self.deliver(hop * 101 + message(), "ann@example.com"), [MailLoop])
        self.assertEqual(self.cost(), {})

    async def test_a_message_that_was_delivered_here_before(self) -> None:
        """G44: only for the one it was delivered to."""
        await self.world.add_account("bob@example.com")
        data = b"Delivered-To: ANN@example.com\r\n" + message()
        outcomes = await self.deliver(data, "bob@example.com", "ann@example.com")
        self.assertEqual(outcomes, [None, MailLoop])

    async def test_what_stands_in_the_body_is_no_loop(self) -> None:
        data = message(text="Delivered-To: ann@example.com")
        self.assertEqual(await self.deliver(data, "ann@example.com"), [None])


class ManyRecipientsTests(DeliveryTestCase):
    """Each gets its own true answer (G41)."""

    async def setUp(self) -> None:
        await super().setUp()
        self.people = [f"p{number}@example.com" for number in range(2 * BATCH + 10)]
        self.ids = {}
        for address in self.people:
            self.ids[address] = (await self.world.add_account(address)).id
        self.failing = FailingMessages(self.world.storage.messages)

    def with_failing_storage(self) -> None:
        self.process.arrivals._messages = self.failing

    async def inbox(self, address: str) -> int:
        return (await self.world.storage.mailboxes.find(self.ids[address], "INBOX")).id

    async def messages(self) -> list[int]:
        return [len(await self.stored(self.ids[address])) for address in self.people]

    async def test_fifty_share_a_statement(self) -> None:
        self.assertEqual(await self.deliver(message(), *self.people), [None] * len(self.people))
        self.assertEqual(self.cost(), {"messages.deliver": 3})
        self.assertEqual(await self.messages(), [1] * len(self.people))
        self.assertEqual(len(self.world.storage.tables.contents), 1)

    async def test_recipients_of_different_scopes(self) -> None:
        eve = await self.world.add_account("eve@example.org")
        outcomes = await self.deliver(
            message(), "p1@example.com", "eve@example.org", "p2@example.com"
        )
        self.assertEqual(outcomes, [None] * 3)
        self.assertEqual(self.cost(), {"messages.deliver": 2})
        self.assertEqual(len(await self.stored(eve.id)), 1)

    async def test_one_over_quota(self) -> None:
        self.world.storage.tables.accounts[self.ids["p1@example.com"]].quota_storage = 10
        outcomes = await self.deliver(message(), *self.people[:3])
        self.assertEqual(outcomes, [None, OverQuota, None])
        self.assertEqual((await self.messages())[:3], [1, 0, 1])

    async def test_one_whose_mailbox_went_meanwhile(self) -> None:
        recipients = await self.resolved("p1@example.com", "p2@example.com")
        await self.world.storage.accounts.delete(parse_address("p1@example.com"))
        outcomes = await self.delivery.deliver(envelope(recipients), spool(message()))
        self.assertIsInstance(outcomes[0], Unavailable)
        self.assertIsNone(outcomes[1])

    async def test_one_locked_mailbox_does_not_keep_the_others(self) -> None:
        self.with_failing_storage()
        self.failing.locked.add(await self.inbox("p7@example.com"))
        outcomes = await self.deliver(message(), *self.people)
        expected: list[object] = [None] * len(self.people)
        expected[7] = Unavailable
        self.assertEqual(outcomes, expected)
        self.assertEqual(self.failing.sizes, [BATCH] + [1] * BATCH + [BATCH, 10])
        self.assertEqual(sum(await self.messages()), len(self.people) - 1)
        # The sender tries again for that one, or for all: nobody gets it twice.
        self.failing.locked.clear()
        self.assertEqual(await self.deliver(message(), *self.people), [None] * len(self.people))
        self.assertEqual(await self.messages(), [1] * len(self.people))

    async def test_when_storage_is_away_the_wait_is_bounded(self) -> None:
        self.with_failing_storage()
        for address in self.people[:BATCH]:
            self.failing.locked.add(await self.inbox(address))
        outcomes = await self.deliver(message(), *self.people[:BATCH])
        self.assertEqual(outcomes, [Unavailable] * BATCH)
        self.assertEqual(self.failing.sizes, [BATCH, 1, 1, 1])
