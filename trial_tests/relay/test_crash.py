"""G48: kill -9 at any instant, while mail is queued and sent: nothing is lost, and what is sent twice
is sent twice at most.

`SORA_RELAY_CRASH_ROUNDS=50` before a release.
"""

import os
import random
import re
import shutil
import sys
from collections import Counter
from tempfile import mkdtemp
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.trial.unittest import TestCase

from sora.retry import pause
from trial_tests.relay.smtp_server import ScriptedServer, reactor

ROUNDS = int(os.environ.get("SORA_RELAY_CRASH_ROUNDS", "5"))
PER_ROUND = 400
"""messages of each of three writers: more than there is time for"""


class Killed(ProcessProtocol):
    """The process, and what it has said."""

    def __init__(self) -> None:
        self.said = b""
        self.errors = b""
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.said += data

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(None)

    def numbers(self, word: bytes) -> set[int]:
        return {int(number) for number in re.findall(rb"(?m)^%s (\d+)$" % word, self.said)}


class CrashTests(TestCase):
    timeout = 60 + 10 * ROUNDS

    async def test_kill_9_at_any_instant(self) -> None:
        path = mkdtemp(prefix="sora-relay-")
        self.addCleanup(shutil.rmtree, path, True)
        server = ScriptedServer()
        await server.listen()
        self.addCleanup(lambda: Deferred.fromCoroutine(server.close()))
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        released: set[int] = set()
        held: set[int] = set()
        dropped: set[int] = set()
        for number in range(ROUNDS):
            process = self.start(path, server.number, number * 3 * PER_ROUND, PER_ROUND)
            while not process.said and not process.ended.called:
                await pause(reactor, 0.01)
            await pause(reactor, chance.random() ** 2 * 0.8)
            self.transport.signalProcess("KILL")
            await process.ended
            self.assertEqual(process.errors, b"")
            released |= process.numbers(b"sent")
            held |= process.numbers(b"held")
            dropped |= process.numbers(b"dropped")
        process = self.start(path, server.number, 0, 0)
        await process.ended
        self.assertIn(b"empty", process.said, process.errors)
        arrived = Counter(
            int(re.findall(rb"Subject: (\d+)", message.data)[0]) for message in server.messages
        )
        whole = [one.data for one in server.messages]
        for data in whole:
            number = int(re.findall(rb"Subject: (\d+)", data)[0])
            self.assertEqual(data.count(b"..line\r\n"), number % 50)
        twice = [number for number, count in arrived.items() if count == 2]
        figures = (
            f"seed {seed}: {ROUNDS} rounds, {len(held)} held, {len(released)} released,"
            f" {len(dropped)} dropped, {len(arrived)} arrived, {len(twice)} of them twice"
        )
        if "SORA_RELAY_CRASH_ROUNDS" in os.environ:
            sys.stderr.write(f"\n{figures}\n")
        self.assertGreater(len(released), ROUNDS)
        self.assertEqual(released - set(arrived), set(), seed)
        # What was held when the process died is sent, unless it was being dropped just then.
        self.assertLess(len(held - dropped - set(arrived)), 3 * ROUNDS + 1, seed)
        self.assertEqual(dropped & set(arrived), set(), seed)
        self.assertEqual([number for number, count in arrived.items() if count > 2], [], seed)

    def start(self, path: str, port: int, first: int, count: int) -> Killed:
        process = Killed()
        program = [sys.executable, "-m", "trial_tests.relay.crash_program"]
        arguments = [*program, path, str(port), str(first), str(count)]
        self.transport = reactor.spawnProcess(
            process, sys.executable, arguments, env=dict(os.environ), path=_root()
        )
        return process


def _root() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
