"""A relay for tests: a queue in a directory of its own, and a server that answers as it is told."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from attrs import define, evolve, field
from prometheus_client import CollectorRegistry
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import Unavailable
from sora.metrics.relay import RelayMetrics
from sora.relay.directory import State
from sora.relay.entry import Answer, Fate
from sora.relay.interfaces import Content, Outgoing, OutgoingRecipient, in_memory
from sora.relay.policy import Policy
from sora.relay.queue import RelayQueue
from sora.relay.relay import Relay
from sora.relay.transport import Consignment, ITransport
from sora.retry import pause
from sora.threads import Threads

reactor: Any = _reactor
OK = Answer(Fate.SENT, 250, "2.0.0", "ok", "mx.example.net")
NO = Answer(Fate.REFUSED, 550, "5.1.1", "no such user", "mx.example.net")
LATER = Answer(Fate.WAITING, 451, "4.7.1", "later", "mx.example.net")
MESSAGE = b"From: ann@example.com\r\nMessage-ID: <1@x>\r\nSubject: x\r\n\r\nbody\r\n"


def mail(
    *addresses: str, octets: bytes = MESSAGE, sender: str = "ann@example.com", **changes: Any
) -> tuple[Outgoing, Content]:
    """A redirect to some addresses."""
    recipients = tuple(OutgoingRecipient(one) for one in addresses or ("bob@example.org",))
    outgoing = Outgoing("redirect", sender, changes.pop("recipients", recipients), **changes)
    return outgoing, in_memory(octets)


@implementer(ITransport)
@define(eq=False)
class FakeTransport:
    """`answers` decides for each address; `is_away` makes it unreachable; `gate`, if there is
    one, is waited for."""

    kind = "smtp"
    target = "relay.test:25"
    answers: Callable[[str], Answer] = lambda address: OK
    is_away: bool = False
    gate: "Deferred[None] | None" = None
    sent: list[tuple[Outgoing, bytes]] = field(factory=list)
    tries: int = 0
    probes: int = 0
    at_once: int = 0
    most: int = 0
    stopped: bool = False

    @deferred
    async def send(self, consignment: Consignment) -> Sequence[Answer]:
        """See ITransport."""
        self.tries += 1
        if self.is_away:
            raise Unavailable("relay.test:25 cannot be reached")
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if self.gate is not None:
                await self.gate
            body = consignment.open()
            octets = body.read(1 << 30)
            body.close()
            recipients = consignment.outgoing.recipients
            answers = [self.answers(one.address) for one in recipients]
            taken = tuple(
                one
                for one, answer in zip(recipients, answers, strict=True)
                if answer.fate is Fate.SENT
            )
            if taken:
                self.sent.append((evolve(consignment.outgoing, recipients=taken), octets))
            return answers
        finally:
            self.at_once -= 1

    @deferred
    async def probe(self, patience: float | None = None) -> None:
        """See ITransport."""
        self.probes += 1
        if self.is_away:
            raise Unavailable("relay.test:25 cannot be reached")

    @deferred
    async def stop(self) -> None:
        """See ITransport."""
        self.stopped = True
        if self.gate is not None and not self.gate.called:
            self.gate.errback(Unavailable("Sora stops"))

    @property
    def addresses(self) -> list[str]:
        """To whom it was sent."""
        return [one.address for outgoing, _ in self.sent for one in outgoing.recipients]


class RelayCase(TestCase):
    """Queues in `path`, on the real reactor."""

    timeout = 60

    def setUp(self) -> None:
        self.path = mkdtemp(prefix="sora-relay-")
        self.addCleanup(shutil.rmtree, self.path, True)
        self.transport = FakeTransport()
        self.random = Random(7)
        self.registry = CollectorRegistry()

    def threads(self) -> Threads:
        threads = Threads(reactor, 2, "relay")
        threads.startService()
        self.addCleanup(threads.stopService)
        return threads

    def queue(self, threads: Threads | None = None, **limits: int) -> RelayQueue:
        return RelayQueue(
            self.path,
            threads or self.threads(),
            clock=reactor,
            random=self.random,
            max_messages=limits.get("max_messages", 1000),
            max_size=limits.get("max_size", 1 << 30),
            suspect_pause=0.1,
        )

    async def relay(self, **options: Any) -> Relay:
        """A relay that runs until the test ends."""
        threads = self.threads()
        queue = options.pop("queue", None) or self.queue(threads, **options.pop("limits", {}))
        self.registry = CollectorRegistry()
        self.metrics = RelayMetrics(self.registry)
        defaults: dict[str, Any] = {
            "policy": Policy(retry_backoff=(0.02, 0.03)),
            "worker_interval": 0.05,
            "drain": 0.2,
            "metrics": self.metrics,
        }
        relay = Relay(
            queue,
            options.pop("transport", self.transport),
            threads,
            clock=reactor,
            random=self.random,
            host="sora.example.com",
            randomness=os.urandom,
            **{**defaults, **options},
        )
        await relay.startService()
        self.addCleanup(lambda: relay.running and relay.stopService())
        return relay

    def files(self, state: State | str, lane: int = 0) -> list[Path]:
        """What is in a directory of a lane; what is being sent waits, too."""
        states = ("waiting", "sending") if state == "waiting" else (state,)
        return sorted(
            file for each in states for file in Path(self.path, str(lane), each).iterdir()
        )

    async def until(self, truth: Callable[[], Any]) -> None:
        """Wait for something to become true; the test's own timeout ends it otherwise."""
        while not truth():
            await pause(reactor, 0.01)
