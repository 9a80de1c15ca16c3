"""What comes from outside: an MTA, a user, and who watches whether it serves."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from trial_tests.deployment.engine import Engine
from trial_tests.system.test_deployment import PASSWORD, PROJECT

USER: Final = "ann@example.com"
NAME: Final = "mail.example.com"
PATIENCE: Final = 90


def must(is_so: bool, what: str) -> None:
    """Ends the run where it is not so."""
    if not is_so:
        raise SystemExit(f"this is not so: {what}")


def wait(what: str, is_so: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Ends the run where it does not become so in that many seconds."""
    deadline = time.monotonic() + patience
    while not is_so():
        must(time.monotonic() < deadline, what)
        time.sleep(0.5)


class Clients:
    """Of one Sora, whose ports are those of the protocols and `above`."""

    def __init__(self, engine: Engine, above: int = 0) -> None:
        self._engine = engine
        self._above = above

    def probe(self, path: str) -> str:
        """The status of `/livez` or `/readyz`; 000 where nobody listens."""
        url = f"http://127.0.0.1:{8080 + self._above}/{path}"
        words = ["curl", "--silent", "--max-time", "6", "--output", "/dev/null"]
        return self._engine.ask([*words, "--write-out", "%{http_code}", url]).stdout

    def wait_ready(self) -> None:
        """Until it serves."""
        wait("it serves", lambda: self.probe("readyz") == "200")

    def deliver(self, subject: str) -> str:
        """What is said to a message for `USER`: the line after RCPT or the end of DATA."""
        words = ["swaks", "--protocol", "LMTP", "--server", "127.0.0.1"]
        words += ["--port", str(24 + self._above), "--to", USER, "--from", "you@example.org"]
        said = self._engine.ask([*words, "--header", f"Subject: {subject}"]).stdout
        answers = [line for line in said.splitlines() if f"<{USER}>" in line and line[0] == "<"]
        return answers[-1].lstrip("<-* ") if answers else said

    def newest(self, authorities: str) -> str:
        """The header and text of the last message of the INBOX, read over TLS."""
        port = 993 + self._above
        words = ["curl", "--silent", "--show-error", "--cacert", authorities]
        words += ["--resolve", f"{NAME}:{port}:127.0.0.1", "--user", f"{USER}:{PASSWORD}"]
        return self._engine.type([*words, f"imaps://{NAME}:{port}/INBOX;MAILINDEX=*"])

    def goodbye(self, end: Callable[[], None]) -> dict[str, list[str]]:
        """What an idling client and an MTA in the middle of DATA hear while `end` ends it."""
        ports = [str(993 + self._above), str(24 + self._above)]
        words = [sys.executable, "-m", "trial_tests.deployment.sessions", "127.0.0.1", *ports]
        sessions = subprocess.Popen(
            self._engine.words([*words, USER, PASSWORD], apart=True),
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert sessions.stdin is not None and sessions.stdout is not None
        must(sessions.stdout.readline() == "open\n", "both sessions are open")
        sessions.stdin.write("now\n")
        sessions.stdin.flush()
        end()
        heard: dict[str, list[str]] = json.loads(sessions.communicate(timeout=PATIENCE)[0])
        must(heard["lmtp"][0].startswith("250 "), f"the message was taken: {heard}")
        must(heard["imap"][-1].startswith("* BYE "), f"a goodbye: {heard}")
        return heard
