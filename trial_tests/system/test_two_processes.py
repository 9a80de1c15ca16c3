"""Two processes on one database, and the clients of the model on both of them."""

import imaplib
import os
import shutil
import tempfile
import time

from hypothesis.stateful import initialize

from sora.operations.accounts import FIRST_MAILBOXES
from trial_tests.model.machine import Sessions
from trial_tests.model.running import play_lives
from trial_tests.model.socket_world import SocketWorld
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import PASSWORD
from trial_tests.system.test_nodes import WAIT_SECONDS, NodesTestCase

LIVES = int(os.environ.get("SORA_MODEL_EXAMPLES", "5"))
STEPS = 60


class TwoProcessesTests(NodesTestCase):
    def setUp(self) -> None:
        super().setUp()
        objects = tempfile.mkdtemp(prefix="sora-objects-")
        self.addCleanup(shutil.rmtree, objects, True)
        store = {"provider": "filesystem", "path": objects}
        limits = {"max_connections_per_user": 1000}
        nodes = [self.node(s3=store, limits=limits) for _ in range(2)]
        for node in nodes:
            node.spawn()
        self.wait_ready(*nodes)
        self.nodes: list[SoraNode] = nodes
        for number in range(LIVES):
            self.account(number)

    def account(self, number: int) -> str:
        address = f"user{number}@example.com"
        self.nodes[0].admin("accounts", "create", "--email", address, "--password", PASSWORD)
        return address

    def test_every_client_believes_what_is_true(self) -> None:
        """G24 to G30, G21, G16: also of what was done through the other process. A number of
        steps, not of seconds; each life has an account of its own."""
        self.wait_until_they_know_each_other()
        lives = iter(range(LIVES))
        nodes = self.nodes

        class OnTwoProcesses(Sessions):
            @initialize()
            def start(self) -> None:
                world = SocketWorld(nodes, f"user{next(lives)}@example.com", PASSWORD)
                self.begin(world, *(box.name for box in FIRST_MAILBOXES if box.name != "INBOX"))

        play_lives(OnTwoProcesses, LIVES, STEPS, shrinks=False)

    def wait_until_they_know_each_other(self) -> None:
        """Each asks what others did at every NOOP as soon as it has heard of another one; until
        then it would have to be told."""
        deadline = time.monotonic() + WAIT_SECONDS
        for here, there in (self.nodes, self.nodes[::-1]):
            watching, writing = self.user(here), self.user(there)
            watching.select("Known", readonly=True)
            told: list[object] = [None]
            while told == [None]:
                self.assertLess(time.monotonic(), deadline)
                writing.append("Known", "", None, b"Subject: known\r\n\r\n")
                watching.noop()
                told = watching.response("EXISTS")[1]

    def user(self, node: SoraNode) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", node.imap, timeout=60)
        self.addCleanup(client.shutdown)
        client.login("user0@example.com", PASSWORD)
        client.create("Known")
        return client
