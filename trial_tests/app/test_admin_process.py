"""`twistd sora-admin` as a process among others: pipes that close, Ctrl-C, terminals without letters."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from sora.admin.failed import INTERRUPTED

TWISTD = str(Path(sys.executable).parent / "twistd")
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
"""no HOME, no LANG"""
ODD = "\x1b[31m" + "x" * 5000 + "\u202e"


class ProcessTests(SynchronousTestCase):
    timeout = 120

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="sora-admin-")
        self.addCleanup(rmtree, self.directory, True)

    def config(self, text: str = "") -> str:
        file = Path(self.directory, "config.toml")
        file.write_text(text)
        return str(file)

    def begin(self, *words: str, **options: object) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [TWISTD, "sora-admin", *words],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **{"stdout": subprocess.PIPE, "env": ENVIRONMENT, **options},  # type: ignore[call-overload]
        )
        self.addCleanup(self.end, process)
        return process

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()

    def test_who_has_read_enough_is_not_told_of_it(self) -> None:
        """`| head -1` closes the pipe; so it is with help, and with what a command prints."""
        config = self.config()
        for words, code in ((("help",), 0), (("config", "show", "--config", config), 1)):
            reading, writing = os.pipe()
            os.close(reading)
            process = self.begin(*words, stdout=writing)
            os.close(writing)
            _, said = process.communicate(timeout=60)
            self.assertEqual((process.returncode, said), (code, b""), words)

    def test_a_full_disk_is_told_in_a_line(self) -> None:
        with open("/dev/full", "wb") as full:
            process = self.begin("config", "show", "--config", self.config(), stdout=full)
            _, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, said.count(b"\n")), (1, 1), said)
        self.assertIn(b"No space left on device", said)

    def test_an_interruption(self) -> None:
        """While the database does not answer: not 0, since nothing was done."""
        self.check_interruption(["accounts", "list"])

    def test_an_interruption_of_what_would_end_by_itself(self) -> None:
        """It has some time for that, and a second Ctrl-C ends it at once."""
        words = ["import-mbox", "--email", "ann@example.com", "--path", self.directory]
        self.check_interruption(words)
        self.check_interruption(words, times=2)

    def check_interruption(self, words: list[str], times: int = 1) -> None:
        """Ctrl-C is told in one line."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            silent.settimeout(60)
            port = silent.getsockname()[1]
            config = self.config(f'[database]\nhost = "127.0.0.1"\nport = {port}\n')
            process = self.begin(*words, "--config", config)
            connection, _ = silent.accept()
            with connection:
                for _ in range(times):
                    process.send_signal(signal.SIGINT)
                    time.sleep(0.3)
                printed, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, printed), (INTERRUPTED, b""), said)
        self.assertIn(b"interrupted", said)
        self.assertEqual(said.count(b"\n"), 1, said)

    def test_what_was_typed_does_not_reach_the_terminal_as_it_is(self) -> None:
        """Control characters and endless words, in an encoding that has no letters for them."""
        environment = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
        process = self.begin("accounts", ODD, env=environment)
        _, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, said.count(b"\n")), (2, 1), said)
        self.assertNotIn(b"\x1b", said)
        self.assertTrue(said.isascii())
        self.assertLess(len(said), 1000)
