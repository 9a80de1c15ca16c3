"""sora.app.supervisor"""

import os
import socket
from pathlib import Path
from tempfile import mkdtemp

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.app.supervisor import LONGEST, supervisor_of


class SupervisorTests(SynchronousTestCase):
    """Words that a socket of the kind of systemd's hears."""

    def setUp(self) -> None:
        directory = Path(mkdtemp(prefix="sora-notify-"))
        self.address = str(directory / "notify")
        self.clock = Clock()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(self.address)
        self.addCleanup(directory.rmdir)
        self.addCleanup(os.unlink, self.address)
        self.addCleanup(self.socket.close)

    def heard(self) -> list[str]:
        """What has come since the last time."""
        words = []
        while True:
            try:
                words.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return words

    def test_a_life(self) -> None:
        supervisor = supervisor_of({"NOTIFY_SOCKET": self.address}, self.clock)
        supervisor.startService()
        supervisor.doing("Migration 0001\ntables" + "x" * 1000)
        supervisor.ready("3 servers serve")
        supervisor.ending()
        supervisor.stopService()
        doing, *rest = self.heard()
        self.assertTrue(doing.startswith("STATUS=Migration 0001 tables"))
        self.assertEqual(len(doing), len("STATUS=") + LONGEST)
        self.assertEqual(
            rest,
            ["READY=1\nSTATUS=3 servers serve", "STOPPING=1\nSTATUS=saying goodbye to clients"],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_signs_of_life_come_twice_as_often_as_they_must(self) -> None:
        supervisor = supervisor_of(
            {
                "NOTIFY_SOCKET": self.address,
                "WATCHDOG_USEC": "30000000",
                "WATCHDOG_PID": str(os.getpid()),
            },
            self.clock,
        )
        supervisor.startService()
        self.clock.pump([15.0] * 3)
        self.assertEqual(self.heard(), ["WATCHDOG=1"] * 4)
        supervisor.stopService()
        self.clock.advance(60)
        self.assertEqual(self.heard(), [])

    def test_signs_of_life_that_are_not_ours_or_not_understood(self) -> None:
        """systemd names the process that it means."""
        for words in (
            {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
            {"WATCHDOG_USEC": "0"},
            {"WATCHDOG_USEC": "soon"},
            {},
        ):
            supervisor = supervisor_of({"NOTIFY_SOCKET": self.address, **words}, self.clock)
            supervisor.startService()
            self.clock.advance(100)
            supervisor.stopService()
        self.assertEqual(self.heard(), [])

    def test_what_is_started_does_not_speak_for_us(self) -> None:
        environ = {
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": "1",
            "WATCHDOG_PID": "1",
            "A": "",
        }
        supervisor_of(environ, self.clock)
        self.assertEqual(environ, {"A": ""})

    def test_an_abstract_address(self) -> None:
        name = f"sora-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
            abstract.bind(f"\0{name}")
            abstract.settimeout(5)
            supervisor_of({"NOTIFY_SOCKET": f"@{name}"}, self.clock).ready("now")
            self.assertEqual(abstract.recv(100), b"READY=1\nSTATUS=now")

    def test_nobody_to_be_told(self) -> None:
        """Neither without an address nor with one where nobody is: mail is served anyway."""
        for address in ("", self.address + "-gone"):
            supervisor = supervisor_of({"NOTIFY_SOCKET": address}, self.clock)
            supervisor.startService()
            supervisor.ready("now")
            supervisor.stopService()
