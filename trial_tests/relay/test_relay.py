"""The whole relay with a server that is told what to say: from `hold` to the last report."""

import os
from email import message_from_bytes
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail
from zope.interface.verify import verifyObject

from sora.breaker import State as BreakerState
from sora.errors import Unavailable
from sora.relay import sending
from sora.relay.directory import Lane
from sora.relay.entry import Answer, Fate
from sora.relay.interfaces import (
    DeliverBy,
    Held,
    IRelay,
    OutgoingRecipient,
    Readable,
    RelayFull,
    RelayOff,
    in_memory,
)
from sora.relay.policy import Policy
from sora.relay.queue import RelayQueue
from sora.relay.relay import NoRelay, Relay
from sora.tracing.spans import Trace
from trial_tests.relay.world import LATER, MESSAGE, NO, OK, FakeTransport, RelayCase, mail, reactor
from trial_tests.support.traces import shown, traced, tracer_to


class HoldingTests(RelayCase):
    async def test_what_is_held_is_on_disk_and_not_sent(self) -> None:
        relay = await self.relay()
        verifyObject(IRelay, relay)
        held = await relay.hold([mail("a@x"), mail("b@x")])
        self.assertEqual(len(self.files("held")), 2)
        self.assertEqual(self.transport.tries, 0)
        await relay.release(held)
        await self.until(lambda: len(self.transport.sent) == 2)
        self.assertEqual(sorted(self.transport.addresses), ["a@x", "b@x"])
        self.assertEqual(self.transport.sent[0][1], MESSAGE)
        await self.until(lambda: not self.files("waiting"))
        await relay.release(held)
        await relay.release(Held(("unknown",)))
        self.assertEqual(relay.depth.waiting, 0)

    async def test_an_attempt_is_a_trace(self) -> None:
        """With the message as the log calls it, and without its recipients; one that does not reach
        the server is told with its reason's name. Holding is a part of the delivery's trace, and
        each attempt is linked to it there."""
        told: list[Trace] = []
        relay = await self.relay()
        relay.tracer = tracer_to(told)
        held: list[Held] = []

        async def hold() -> None:
            held.append(await relay.hold([mail("a@x"), mail("b@x")]))

        delivery = await traced(hold)
        self.assertEqual(shown(delivery)[0], "relay_queue hold")
        await relay.release(held[0])
        await self.until(lambda: len(told) == 2)
        for trace in told:
            self.assertEqual((trace.root.kind, trace.root.name), ("worker", "relay"))
            self.assertEqual(trace.cause, (delivery.id, delivery.spans[0].id))
            [sending] = [span for span in trace.spans if span.kind == "relay"]
            self.assertIn(sending.facts["sora.relay.message"], held[0].names)
            self.assertEqual(sending.facts["sora.relay.attempt"], 1)
            self.assertNotIn("@x", repr(sending.facts))

    async def test_what_is_dropped_is_gone(self) -> None:
        relay = await self.relay()
        await relay.drop(await relay.hold([mail(), mail()]))
        self.assertEqual((self.files("held"), self.files("waiting")), ([], []))
        self.assertEqual((relay.depth.held, relay.depth.octets), (0, 0))

    async def test_what_was_held_at_a_crash_is_sent_by_the_next_start(self) -> None:
        """G48: it is sent, though the delivery that held it may be tried again."""
        dead = Lane.claim(self.path)
        dead.write("a", mail("a@x")[0], in_memory(MESSAGE), 5.0)
        dead.close()
        await self.relay()
        await self.until(lambda: self.transport.addresses == ["a@x"])

    async def test_another_process_adopts_what_is_left(self) -> None:
        dead, first = Lane.claim(self.path), await self.relay()
        dead.write("a", mail("a@x")[0], in_memory(MESSAGE), 5.0)
        self.assertEqual(first.depth.waiting, 0)
        dead.close()
        await self.until(lambda: self.transport.addresses == ["a@x"])

    async def test_two_processes_have_a_lane_each(self) -> None:
        first, second = await self.relay(), await self.relay()
        await first.send([mail("a@x")])
        await second.send([mail("b@x")])
        await self.until(lambda: len(self.transport.sent) == 2)
        # More than two if the first one looked whether a new lane was a dead one's just then.
        self.assertNotEqual(first._queue.lane.place, second._queue.lane.place)

    async def test_a_directory_that_is_not_there(self) -> None:
        """The start says what mends it, and what has begun can be stopped."""
        queue = RelayQueue(
            f"{self.path}/no",
            self.threads(),
            clock=reactor,
            random=self.random,
            max_messages=9,
            max_size=99,
        )
        started = Deferred.fromCoroutine(self.relay(queue=queue))
        error = await self.assertFailure(started, Unavailable)
        self.assertIn("install -d", error.text)

    async def test_what_was_forgotten_is_sent(self) -> None:
        relay = await self.relay()
        await relay.hold([mail("a@x")])
        await relay._queue.release_forgotten(0.0)
        await self.until(lambda: self.transport.addresses == ["a@x"])

    async def test_limits(self) -> None:
        """A clear, temporary error; what was dropped makes room."""
        relay = await self.relay(limits={"max_messages": 2})
        held = await relay.hold([mail(), mail()])
        await self.assertFailure(relay.hold([mail()]), RelayFull)
        await relay.drop(held)
        await relay.drop(await relay.hold([mail()]))
        counted = {
            result: self.registry.get_sample_value(
                "sora_lmtp_external_relay_total", {"kind": "redirect", "result": result}
            )
            for result in ("ok", "full", "error")
        }
        self.assertEqual(counted, {"ok": 3, "full": 1, "error": None})

    async def test_limits_of_size(self) -> None:
        relay = await self.relay(limits={"max_size": 100})
        await relay.hold([mail(octets=b"x" * 100)])
        await self.assertFailure(relay.send([mail()]), RelayFull)

    async def test_a_message_that_cannot_be_read_is_not_held(self) -> None:
        """All or none."""

        def broken() -> Readable:
            raise Unavailable("the disk")

        relay = await self.relay()
        await self.assertFailure(relay.hold([mail(), (mail()[0], broken)]), Unavailable)
        self.assertEqual(self.files("held"), [])
        self.assertEqual(relay.depth.held, 0)

    async def test_many_at_the_same_time(self) -> None:
        relay = await self.relay(concurrency=3)
        sending: list[Deferred[None]] = [relay.send([mail(f"{n}@x")]) for n in range(100)]
        for one in sending:
            await one
        await self.until(lambda: len(self.transport.sent) == 100)
        self.assertEqual(len(set(self.transport.addresses)), 100)
        await self.until(lambda: not self.files("waiting"))

    async def test_without_a_relay(self) -> None:
        relay = NoRelay()
        verifyObject(IRelay, relay)
        await self.assertFailure(relay.hold([mail()]), RelayOff)
        await self.assertFailure(relay.send([mail()]), RelayOff)
        await relay.release(Held())
        await relay.drop(Held())


class SendingTests(RelayCase):
    async def test_for_now_and_then_taken(self) -> None:
        answers = iter([LATER, LATER, OK])
        self.transport.answers = lambda address: next(answers)
        relay = await self.relay()
        await relay.send([mail()])
        await self.until(lambda: self.transport.sent)
        self.assertEqual(self.transport.tries, 3)
        await self.until(lambda: not self.files("waiting"))

    async def test_only_who_is_left_is_tried_again(self) -> None:
        later = iter([LATER, OK])
        self.transport.answers = lambda address: next(later) if address == "b@x" else OK
        relay = await self.relay()
        await relay.send([mail("a@x", "b@x", "c@x")])
        await self.until(lambda: len(self.transport.sent) == 2)
        self.assertEqual(self.transport.addresses, ["a@x", "c@x", "b@x"])

    async def test_not_more_than_allowed_at_a_time(self) -> None:
        self.transport.gate = Deferred()
        relay = await self.relay(concurrency=3)
        await relay.send([mail() for _ in range(10)])
        await self.until(lambda: self.transport.at_once == 3)
        self.assertEqual(relay.depth.sending, 3)
        self.transport.gate.callback(None)
        await self.until(lambda: len(self.transport.sent) == 10)
        self.assertEqual(self.transport.most, 3)

    async def test_a_server_that_is_away(self) -> None:
        """The breaker opens, nothing is used up; when it is back, all goes out at once."""
        self.transport.is_away = True
        relay = await self.relay(policy=Policy(retry_backoff=(3600.0,), max_attempts=1))
        await relay.send([mail(f"{number}@x") for number in range(20)])
        await self.until(lambda: relay.breaker is BreakerState.OPEN)
        await self.assertFailure(Deferred.fromCoroutine(relay.check()), Unavailable)
        tries = self.transport.tries
        self.assertLessEqual(tries, 5 + 5)
        await self.until(lambda: self.transport.probes)
        self.assertEqual(self.transport.tries, tries)
        self.assertEqual(len(self.files("waiting")), 20)
        self.transport.is_away = False
        await self.until(lambda: len(self.transport.sent) == 20)
        self.assertIn("0 messages wait", await relay.check())

    async def test_a_server_that_is_away_before_there_is_mail(self) -> None:
        """Health names it then, as often as it asks; the breaker is not moved by that."""
        self.transport.is_away = True
        relay = await self.relay()
        for _ in range(10):
            error = await self.assertFailure(Deferred.fromCoroutine(relay.check(5.0)), Unavailable)
            self.assertIn("cannot be reached", error.text)
        self.assertIs(relay.breaker, BreakerState.CLOSED)
        self.assertIn("0 messages wait", await relay.check())
        self.transport.is_away = False
        self.assertIn("0 messages wait", await relay.check(5.0))

    async def test_after_a_restart_all_is_known(self) -> None:
        self.transport.is_away = True
        relay = await self.relay()
        await relay.send([mail("a@x"), mail("b@x")])
        await self.until(lambda: self.transport.tries >= 2)
        await relay.stopService()
        self.assertTrue(self.transport.stopped)
        self.transport = FakeTransport()
        await self.relay()
        await self.until(lambda: len(self.transport.sent) == 2)

    async def test_stopping_lets_what_is_being_sent_end(self) -> None:
        self.transport.gate = Deferred()
        relay = await self.relay(drain=30.0)
        await relay.send([mail("a@x"), mail("b@x")])
        await self.until(lambda: self.transport.at_once == 2)
        stopped = relay.stopService()
        self.assertNoResult(stopped)
        self.transport.gate.callback(None)
        await stopped
        self.assertEqual(len(self.transport.sent), 2)
        self.assertEqual(self.files("waiting"), [])

    async def test_stopping_breaks_off_what_does_not_end(self) -> None:
        """It stays in the queue."""
        self.transport.gate = Deferred()
        relay = await self.relay(drain=0.05)
        await relay.send([mail("a@x")])
        await self.until(lambda: self.transport.at_once == 1)
        await relay.stopService()
        self.assertEqual(len(self.files("waiting")), 1)

    async def test_files_that_come_and_go_by_hand(self) -> None:
        """An operator's cp and rm."""
        self.transport.is_away = True
        relay = await self.relay(breaker_failures=1)
        await relay.send([mail("a@x"), mail("b@x")])
        await self.until(lambda: relay.breaker is BreakerState.OPEN)
        first, second = self.files("waiting")
        octets = first.read_bytes()
        first.unlink()
        Path(second.parent, "copied").write_bytes(octets)
        Path(second.parent, ".copying").write_bytes(b"not complete")
        Path(second.parent, "nonsense").write_bytes(b"nonsense")
        await self.until(lambda: self.files("failed"))
        self.transport.is_away = False
        await self.until(lambda: len(self.transport.sent) == 2)
        self.assertEqual(sorted(self.transport.addresses), ["a@x", "b@x"])
        self.assertEqual([file.name for file in self.files("failed")], ["nonsense"])

    async def test_what_cannot_be_removed_is_not_sent_again(self) -> None:
        """A disk that fails after the server has taken the message: that is remembered."""

        class Stubborn(RelayQueue):
            failures = 2

            def _settle(self, work: Any, *args: Any, **kwargs: Any) -> Any:
                if work is Lane.discard and self.failures:
                    self.failures -= 1
                    return fail(Unavailable("the disk"))
                return super()._settle(work, *args, **kwargs)

        queue = Stubborn(
            self.path,
            self.threads(),
            clock=reactor,
            random=self.random,
            max_messages=9,
            max_size=999,
        )
        self.patch(sending, "DISK_PAUSE", 0.02)
        relay = await self.relay(queue=queue)
        await relay.send([mail("a@x")])
        await self.until(lambda: not self.files("waiting"))
        self.assertEqual((self.transport.tries, queue.failures), (1, 0))

    async def test_by_a_certain_time(self) -> None:
        """RFC 2852: it is not even tried when it is too late."""
        relay = await self.relay()
        await relay.send([mail("a@x", sender="", by=DeliverBy(reactor.seconds() - 1.0))])
        await self.until(lambda: self.files("failed"))
        self.assertEqual(self.transport.tries, 0)


class ReportTests(RelayCase):
    def report(self) -> Any:
        """The one report that was sent."""
        [(outgoing, octets)] = [one for one in self.transport.sent if one[0].kind == "report"]
        self.assertEqual((outgoing.sender, outgoing.recipients[0].notify), ("", ("NEVER",)))
        return message_from_bytes(octets)

    async def settled(self, state: str = "failed") -> None:
        await self.until(lambda: not self.files("waiting") and not self.files("held"))
        await self.until(lambda: len(self.files(state)) == 1)

    def refuse(self, *addresses: str) -> None:
        self.transport.answers = lambda address: NO if address in addresses else OK

    async def test_who_is_refused_is_reported(self) -> None:
        """RFC 3464; the others have got it, and the message is kept for a while."""
        self.refuse("b@x")
        relay = await self.relay()
        await relay.send([mail("a@x", "b@x", envid="e1")])
        await self.settled()
        report = self.report()
        self.assertEqual(report["To"], "ann@example.com")
        text = str(report)
        self.assertIn("Final-Recipient: rfc822; b@x\n", text)
        self.assertIn("Diagnostic-Code: smtp; 550 5.1.1 no such user\n", text)
        self.assertIn("Original-Envelope-Id: e1\n", text)
        self.assertIn("Action: failed\n", text)
        self.assertNotIn("a@x", text)
        self.assertNotIn("\nbody\n", text)

    async def test_expiry_is_reported(self) -> None:
        self.transport.answers = lambda address: LATER if address == "b@x" else OK
        relay = await self.relay(policy=Policy(retry_backoff=(0.01,), max_attempts=3))
        await relay.send([mail("b@x", ret="FULL")])
        await self.settled()
        self.assertIn("Status: 4.7.1\n", str(self.report()))
        self.assertIn("\nbody\n", str(self.report()))
        self.assertEqual(self.transport.tries, 3 + 1)

    async def test_nobody_is_told_of_what_has_no_sender(self) -> None:
        """G44: reports of reports would never end."""
        self.refuse("b@x")
        relay = await self.relay()
        await relay.send([mail("b@x", sender="")])
        await self.settled()
        self.assertEqual(self.transport.sent, [])

    async def test_a_report_that_is_refused_is_the_end(self) -> None:
        self.transport.answers = lambda address: NO
        relay = await self.relay()
        await relay.send([mail("b@x")])
        await self.until(lambda: len(self.files("failed")) == 2)
        self.assertEqual(self.files("waiting"), [])

    async def test_wishes(self) -> None:
        """RFC 3461 §4.1: NOTIFY says who hears of what."""
        for notify, is_told in (
            (("NEVER",), False), (("SUCCESS",), False), (("FAILURE", "DELAY"), True), (None, True),
        ):  # fmt: skip
            self.transport = FakeTransport()
            self.refuse("b@x")
            relay = await self.relay()
            failed = len(self.files("failed"))
            await relay.send([mail(recipients=(OutgoingRecipient("b@x", notify),))])
            await self.until(lambda: len(self.files("failed")) > failed)  # noqa: B023
            await self.until(lambda: not self.files("waiting"))
            self.assertEqual(len(self.transport.sent), int(is_told), notify)
            await relay.stopService()

    async def test_success_where_nobody_else_tells(self) -> None:
        """RFC 3461 §5.2.2."""
        relayed = Answer(Fate.SENT, 250, "2.0.0", "ok", "mx", relayed=True)
        self.transport.answers = lambda address: relayed if address == "b@x" else OK
        relay = await self.relay()
        await relay.send([mail(recipients=(OutgoingRecipient("b@x", ("SUCCESS",)),))])
        await self.until(lambda: len(self.transport.sent) == 2)
        self.assertIn("Action: relayed\n", str(self.report()))
        await self.until(lambda: not self.files("waiting"))
        self.assertEqual(self.files("failed"), [])

    async def test_a_delay_is_told_once(self) -> None:
        answers = iter([LATER, LATER, LATER])
        self.transport.answers = lambda address: next(answers, OK) if address == "b@x" else OK
        policy = Policy(retry_backoff=(0.02,), warn_after=0.0)
        relay = await self.relay(policy=policy)
        recipients = (OutgoingRecipient("b@x", ("DELAY",)), OutgoingRecipient("c@x"))
        await relay.send([mail(recipients=recipients)])
        await self.until(lambda: "b@x" in self.transport.addresses)
        text = str(self.report())
        self.assertIn("Action: delayed\n", text)
        self.assertIn("Will-Retry-Until: ", text)
        self.assertNotIn("c@x", text)

    async def test_a_sender_of_this_house_is_told_directly(self) -> None:
        told: list[tuple[str, bytes]] = []

        async def deliver(address: str, octets: bytes) -> bool:
            told.append((address, octets))
            return address == "ann@example.com"

        self.refuse("b@x")
        relay = await self.relay(deliver_locally=deliver)
        await relay.send([mail("b@x")])
        await self.settled()
        self.assertEqual([address for address, _ in told], ["ann@example.com"])
        self.assertEqual(self.transport.sent, [])
        await relay.send([mail("b@x", sender="else@where")])
        await self.until(lambda: self.transport.sent)

    async def test_a_report_that_cannot_be_made_now_is_made_later(self) -> None:
        """Nobody misses one: who was refused stays waiting, who got it does not get it again."""
        refusals = [Unavailable("the database"), None]

        async def deliver(address: str, octets: bytes) -> bool:
            error = refusals.pop(0)
            if error is not None:
                raise error
            return True

        class Full(RelayQueue):
            is_full = True

            async def hold(self, messages: Any, *, force: bool = False) -> Held:
                if force and self.is_full:
                    self.is_full = False
                    raise RelayFull("the disk is full")
                return await super().hold(messages, force=force)

        self.refuse("b@x")
        queue = Full(
            self.path,
            self.threads(),
            clock=reactor,
            random=self.random,
            max_messages=9,
            max_size=999,
        )
        relay = await self.relay(deliver_locally=deliver, queue=queue)
        await relay.send([mail("a@x", "b@x")])
        await self.settled()
        self.assertEqual(self.transport.addresses, ["a@x"])
        self.assertEqual(refusals, [])

    async def test_what_failed_is_kept_for_a_while(self) -> None:
        self.transport.answers = lambda address: NO
        relay = await self.relay(retention=1000.0)
        await relay.send([mail("b@x", sender="")])
        await self.settled()
        [file] = self.files("failed")
        os.utime(file, (1.0, 1.0))
        await self.until(lambda: not self.files("failed"))

    async def test_a_sender_that_is_no_address(self) -> None:
        self.refuse("b@x")
        relay = await self.relay()
        await relay.send([mail("b@x", sender="nobody")])
        await self.settled()
        self.assertEqual(self.transport.sent, [])


class OrderTests(RelayCase):
    async def order(self, relay: Relay, verb: str, name: str) -> None:
        Path(self.path, "0", "orders", f"{verb}.{name}").touch()
        await relay._queue.obey()

    async def test_retry_and_delete_of_what_failed(self) -> None:
        self.transport.answers = lambda address: NO
        relay = await self.relay()
        await relay.send([mail("a@x", sender=""), mail("b@x", sender="")])
        await self.until(lambda: len(self.files("failed")) == 2)
        await self.until(lambda: relay.depth.failed == 2)
        first, second = self.files("failed")
        self.transport.answers = lambda address: OK
        await self.order(relay, "delete", first.name)
        await self.order(relay, "retry", second.name)
        await self.until(lambda: len(self.transport.sent) == 1)
        await self.until(lambda: not self.files("waiting"))
        self.assertEqual(self.files("failed"), [])

    async def test_retry_and_delete_of_what_waits(self) -> None:
        self.transport.answers = lambda address: LATER
        relay = await self.relay(policy=Policy(retry_backoff=(3600.0,)))
        await relay.send([mail("a@x"), mail("b@x")])
        await self.until(lambda: self.transport.tries == 2 and relay.depth.sending == 0)
        first, second = self.files("waiting")
        self.transport.answers = lambda address: OK
        await self.order(relay, "delete", first.name)
        await self.order(relay, "retry", second.name)
        await self.until(lambda: len(self.transport.sent) == 1)
        await self.until(lambda: not self.files("waiting"))

    async def test_what_is_being_sent_is_deleted_afterwards(self) -> None:
        self.transport.gate = Deferred()
        self.transport.answers = lambda address: LATER
        relay = await self.relay(policy=Policy(retry_backoff=(3600.0,)))
        await relay.send([mail("a@x")])
        await self.until(lambda: self.transport.at_once == 1)
        [file] = self.files("waiting")
        await self.order(relay, "delete", file.name)
        self.transport.gate.callback(None)
        await self.until(lambda: relay.depth.sending == 0)
        await relay._queue.obey()
        self.assertEqual(self.files("waiting"), [])

    async def test_orders_for_nothing(self) -> None:
        relay = await self.relay()
        await self.order(relay, "retry", "nothing")
        self.assertEqual(self.files("orders"), [])
