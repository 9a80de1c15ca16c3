"""Real programs against a whole Sora: the server, ways to fill it, and a tap on the line."""

import imaplib
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess


class ClientTestCase(SynchronousTestCase):
    """A server for each test, which `start` starts; a directory for the programs."""

    timeout = 600

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="sora-clients-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.sora = SoraProcess(self.directory)
        self.addCleanup(self.sora.cleanup)

    def start(self) -> None:
        """Start the server; tests look for their programs before."""
        self.sora.start()

    @property
    def certificate(self) -> Path:
        """What the server's TLS is to be trusted by; its name is localhost."""
        return self.sora.data / "tls" / "self-signed.pem"

    def session(self, email: str = EMAIL) -> imaplib.IMAP4:
        """A session of Python's imaplib, logged in."""
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        client.login(email, PASSWORD)
        return client

    def append(self, letters: Iterable[bytes], mailbox: str = "INBOX") -> None:
        """Put letters into a mailbox, in their order."""
        client = self.session()
        for letter in letters:
            status, _ = client.append(mailbox, None, None, letter)
            self.assertEqual(status, "OK")
        client.logout()

    def fill(self, letters: Sequence[bytes], mailbox: str = "INBOX") -> None:
        """Put many letters into a mailbox, 500 with one command (RFC 3502)."""
        client = self.session()
        for start in range(0, len(letters), 500):
            client.send(b"m APPEND " + mailbox.encode())
            for letter in letters[start : start + 500]:
                client.send(b" {%d+}\r\n%s" % (len(letter), letter))
            client.send(b"\r\n")
            while not (line := client.readline()).startswith(b"m "):
                self.assertTrue(line)
            self.assertTrue(line.startswith(b"m OK"), line)
        client.logout()

    def run_program(
        self, *command: str, timeout: float = 300, **environment: str
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a program to its end, with a home of its own."""
        return subprocess.run(
            command,
            capture_output=True,
            timeout=timeout,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "HOME": self.directory, **environment},
        )

    def succeed(self, *command: str) -> bytes:
        """Run a program that has to succeed; gives what it printed."""
        done = self.run_program(*command)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said.decode("utf-8", "replace")[-3000:])
        return said

    def write(self, name: str, text: str) -> str:
        """A file of the directory that only its owner may read; gives its path."""
        path = Path(self.directory, name)
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def screen(self, command: list[str], until: bytes, keys: bytes = b"") -> bytes:
        """What a program shows in a terminal until it shows `until`, or for 30 s. Then `keys`
        are typed, and it has to end."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.directory)
            os.environ.update(HOME=self.directory, TERM="xterm", LINES="40", COLUMNS="120")
            os.execvp(command[0], command)
        shown = b""
        deadline = time.monotonic() + 30
        typed = not keys
        try:
            while (until not in shown or not typed) and time.monotonic() < deadline:
                if until in shown:
                    os.write(terminal, keys)
                    typed = True
                if select.select([terminal], [], [], 0.5)[0]:
                    try:
                        shown += os.read(terminal, 65536)
                    except OSError:
                        break
            while keys and time.monotonic() < deadline:
                try:
                    if select.select([terminal], [], [], 0.5)[0] and not os.read(terminal, 65536):
                        break
                except OSError:
                    break
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
        return shown


class Tap:
    """A port that leads to another one, and remembers what clients said. Threads, no reactor."""

    def __init__(self, test: SynchronousTestCase, port: int) -> None:
        self._target = port
        self._said = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        test.addCleanup(self._stop)
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> str:
        """What was said since the last time."""
        said, self._said = bytes(self._said), bytearray()
        return said.decode("utf-8", "backslashreplace")

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(
                    target=self._copy, args=(source, sink, source is client), daemon=True
                ).start()

    def _copy(self, source: socket.socket, sink: socket.socket, noted: bool) -> None:
        try:
            while data := source.recv(65536):
                if noted:
                    self._said += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _stop(self) -> None:
        for one in (self._listener, *self._sockets):
            one.close()
