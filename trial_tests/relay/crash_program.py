"""A process that queues and sends mail until it is killed: `python -m … PATH PORT FIRST COUNT`.

It says on stdout what it knows to be durable: `held N`, `sent N` (released), `dropped N`, and `empty` when
there is nothing left in the queue.
"""

import os
import sys
from random import SystemRandom
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from sora.metrics.relay import RelayMetrics
from sora.relay.interfaces import Outgoing, OutgoingRecipient, in_memory
from sora.relay.policy import Policy
from sora.relay.queue import RelayQueue
from sora.relay.relay import Relay
from sora.relay.smtp import SMTPTransport
from sora.relay.smtp_client import Login
from sora.retry import pause
from sora.threads import Threads

reactor: Any = _reactor
SUSPECT_PAUSE = 2.0
"""seconds; longer than each process lives, as a minute is longer than what restarts a service"""


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def queue_mail(relay: Relay, first: int, count: int) -> None:
    """Messages, one hold and release after the other; every fifth one is dropped."""
    for number in range(first, first + count):
        outgoing = Outgoing("redirect", "", (OutgoingRecipient(f"m{number}@example.org"),))
        body = b"Subject: %d\r\n\r\n" % number + b".line\r\n" * (number % 50)
        held = await relay.hold([(outgoing, in_memory(body))])
        say(f"held {number}")
        if number % 5 == 4:
            await relay.drop(held)
            say(f"dropped {number}")
        else:
            await relay.release(held)
            say(f"sent {number}")


async def main(path: str, port: int, first: int, count: int) -> None:
    threads = Threads(reactor, 4, "relay")
    threads.startService()
    settling = Threads(reactor, 4, "settling")
    settling.startService()
    random = SystemRandom()
    queue = RelayQueue(
        path,
        threads,
        clock=reactor,
        random=random,
        max_messages=100_000,
        max_size=1 << 40,
        settling=settling,
        suspect_pause=SUSPECT_PAUSE,
    )
    relay = Relay(
        queue,
        SMTPTransport("127.0.0.1", port, Login("sora.example.com"), settling, reactor),
        settling,
        clock=reactor,
        random=random,
        host="sora.example.com",
        randomness=os.urandom,
        policy=Policy(retry_backoff=(0.05,), max_attempts=1_000_000),
        worker_interval=0.2,
        metrics=RelayMetrics(CollectorRegistry()),
    )
    await relay.startService()
    writing = [
        Deferred.fromCoroutine(queue_mail(relay, first + lane * count, count)) for lane in range(3)
    ]
    for one in writing:
        await one
    while any(
        os.listdir(f"{queue.lane.place}/{state}") for state in ("held", "waiting", "sending")
    ):
        await pause(reactor, 0.02)
    await relay.stopService()
    await threads.stopService()
    await settling.stopService()
    say("empty")


if __name__ == "__main__":
    given = sys.argv[1:]
    react(lambda _: Deferred.fromCoroutine(main(given[0], *map(int, given[1:]))))
