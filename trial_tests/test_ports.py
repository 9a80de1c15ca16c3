"""Ports for tests: no two processes of this machine have one in common."""

import json
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from sora.app.embedded_mode import PORTS
from trial_tests.support import ports

TAKES = """
import json, sys
from trial_tests.support.ports import free_base_port, free_port, loopback
few = [free_port() for _ in range(300)]
bases = [free_base_port() for _ in range(12)]
print(json.dumps([few, bases, loopback()]), flush=True)
sys.stdin.read()
"""


class PortTests(SynchronousTestCase):
    timeout = 120

    def process(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", TAKES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def taken(self, process: "subprocess.Popen[str]") -> tuple[list[int], list[int], str]:
        assert process.stdout is not None
        few, bases, address = json.loads(process.stdout.readline())
        return few, bases, address

    def test_processes_that_run_at_the_same_time(self) -> None:
        """They have different ones, of which none is given to outgoing connections."""
        every: list[int] = []
        addresses = set()
        for process in [self.process() for _ in range(4)]:
            few, bases, address = self.taken(process)
            every += few
            every += [base + offset for base in bases for offset in PORTS.values()]
            addresses.add(address)
        self.assertEqual(len(every), len(set(every)))
        self.assertEqual(len(addresses), 4)
        self.assertTrue(all(port < ports.end_of_ports() for port in every))

    def test_what_a_killed_one_had_is_free_again(self) -> None:
        """Nothing has to be cleaned up."""
        process = self.process()
        few, _, _ = self.taken(process)
        theirs = {f"@sora-tests-ports-{port // ports.BLOCK * ports.BLOCK}" for port in few}
        self.assertLessEqual(theirs, self.marks())
        process.kill()
        process.communicate()
        # Others may have taken some since, but not all.
        self.assertFalse(theirs <= self.marks())

    def marks(self) -> set[str]:
        """The names of what marks blocks."""
        with open("/proc/net/unix") as file:
            return {line.split()[-1] for line in file if "@sora-tests-ports-" in line}
