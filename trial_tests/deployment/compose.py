"""`etc/container/compose.yaml` as it stands, brought up as its first lines say."""

import re
import time
from pathlib import Path
from typing import Final

from trial_tests.deployment.clients import USER, Clients, must, wait
from trial_tests.deployment.engine import Engine
from trial_tests.system.test_deployment import PASSWORD

COMPOSE: Final = "etc/container/compose.yaml"
SERVICES: Final = ("sora", "objects", "postgres")
AWAY: Final = 60
"""seconds without a database"""
_LINE: Final = re.compile(r"(?:.*\\\n)*.+\n")


def header(checkout: Path) -> list[str]:
    """The commands in the first lines of the file."""
    text = (checkout / COMPOSE).read_text()
    commands = "".join(f"{line}\n" for line in re.findall(r"^#   (.*)$", text, re.MULTILINE))
    return _LINE.findall(commands)


class Composed:
    """The services of the file, of a checkout, under podman."""

    def __init__(self, engine: Engine, checkout: Path) -> None:
        self._engine = engine
        self._checkout = checkout
        self._place = checkout / "etc/container"
        self.clients = Clients(engine)
        self.authorities = str(self._place / "tls/tls.crt")

    def compose(self, *words: str, typed: str = "") -> str:
        """`docker compose` with these words, in the directory of the file."""
        return self._engine.type(["podman-compose", *words], cwd=self._place, typed=typed)

    def follow(self) -> None:
        """Type the first lines: secrets and a certificate, the start, an account, the doctor. What
        is built is built first, in the machine's network."""
        for command in header(self._checkout):
            words = command.split()
            if words[:2] == ["docker", "compose"]:
                words = [word for word in words[2:] if word != "--build"]
                if words[0] == "up":
                    self._engine.type(["podman-compose", "build"], cwd=self._place, apart=False)
                    self.compose(*words)
                    self.wait_healthy()
                    self.wait_well()
                else:
                    must(words[0] == "exec", f"{words[0]} is known")
                    self.compose("exec", "-T", *words[1:], typed=PASSWORD)
            elif words[0] != "cd":
                shell = ["sh", "-euc", command.strip().removeprefix("sudo ")]
                self._engine.type(shell, cwd=self._place)

    def wait_healthy(self) -> None:
        """Until each service says so by its own health check."""
        for service in SERVICES:
            check = ["podman", "healthcheck", "run", f"sora_{service}_1"]
            wait(
                f"{service} is healthy", lambda check=check: not self._engine.ask(check).returncode
            )

    def wait_well(self) -> None:
        """Until Sora finds all well: it serves while its store is not there yet, but for bodies, and
        looks again half a minute later."""
        words = ["podman-compose", "exec", "-T", "sora", "twistd", "sora-admin", "doctor"]
        wait("all is well", lambda: not self._engine.ask(words, cwd=self._place).returncode)

    def is_delivered(self, subject: str) -> None:
        """A message is taken, and read over TLS."""
        said = self.clients.deliver(subject)
        must(said.startswith("250 "), f"it is taken: {said}")
        must(f"Subject: {subject}" in self.newest(), "it is read")

    def newest(self) -> str:
        """The last message."""
        return self.clients.newest(self.authorities)

    # ------------------------------------------------------------------ what happens to it

    def restart_each(self) -> None:
        """each service is started anew, and mail goes on"""
        self.is_delivered("the first")
        for service in SERVICES:
            self.compose("restart", service)
            self.wait_healthy()
            self.clients.wait_ready()
            self.is_delivered(f"after {service}")

    def lose_the_database(self) -> None:
        """without its database it puts mail off, and goes on by itself when it is back"""
        self._engine.type(["podman", "kill", "--signal", "KILL", "sora_postgres_1"])
        self._engine.ask(["podman", "stop", "sora_postgres_1"])
        begun = time.monotonic()
        said = self.clients.deliver("while it was away")
        must(re.match(r"4\d\d ", said) is not None, f"mail is put off: {said}")
        must(self.clients.probe("livez") == "200", "it lives")
        wait("it says that it does not serve", lambda: self.clients.probe("readyz") == "503")
        time.sleep(max(0.0, AWAY - (time.monotonic() - begun)))
        self._engine.type(["podman", "start", "sora_postgres_1"])
        self.clients.wait_ready()
        must("Subject: after postgres" in self.newest(), "what was there is there")
        self.is_delivered("after its return")

    def end_in_order(self) -> None:
        """an end says goodbye; after compose down and up the mail is there"""
        self.clients.goodbye(lambda: bool(self.compose("stop", "sora")))
        self.compose("down")
        must("sora_database" in self._engine.type(["podman", "volume", "ls"]), "volumes stay")
        self.compose("up", "-d")
        self.wait_healthy()
        self.clients.wait_ready()
        self.wait_well()
        must("the second half" in self.newest(), "the mail is there")
        said = self.compose("exec", "-T", "sora", "twistd", "sora-admin", "accounts", "list")
        must(USER in said, f"the account is there: {said}")
