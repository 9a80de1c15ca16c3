"""`sora-admin relay`, on a real directory: with and without a process that has the queue."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

from attrs import fields_dict
from twisted.internet.defer import Deferred, execute
from twisted.trial.unittest import SynchronousTestCase

from sora.admin.command import CommandFailed, Store, Terminal
from sora.admin.main import parse, prepare, run
from sora.operations.relay import RelayOperations
from sora.relay.directory import Lane, State
from sora.relay.entry import Answer, Attempt, Fate
from sora.relay.interfaces import in_memory
from trial_tests.relay.world import MESSAGE, NO, mail

NOW = 1_700_000_000.0


class RelayAdminTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())
        os.makedirs(self.path)
        operations = RelayOperations(self.path, execute, lambda: NOW)
        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        self.store = Store(**others | {"relay": operations, "close": self.close})
        self.lane = Lane.claim(self.path)
        self.addCleanup(self.lane.close)
        self.put("a-1", State.WAITING)
        refused = Attempt(NOW - 50, NOW, True, {0: NO, 1: Answer(Fate.SENT, 250)})
        self.put("b-2", State.FAILED, refused)
        self.put("b-3", State.HELD)

    def put(self, name: str, state: State, *attempts: Attempt) -> None:
        outgoing = mail("bob@example.org", "c@example.org")[0]
        self.lane.write(name, outgoing, in_memory(MESSAGE), NOW - 100)
        for attempt in attempts:
            self.lane.append(State.HELD, name, attempt)
        self.lane.move(name, State.HELD, state)

    async def close(self) -> None:
        """There is nothing to close."""

    async def open(self, given: object) -> Store:
        """The queue of this test."""
        return self.store

    def admin(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        given = parse(["relay", *words])
        said = StringIO()
        try:
            prepare(given, Terminal(StringIO(), said))
        except CommandFailed as error:
            return 1, str(error)
        code = self.successResultOf(Deferred.fromCoroutine(run(given, self.open, said, said)))
        return code, said.getvalue()

    def names(self, state: State) -> list[str]:
        return self.lane.names(state)

    def test_the_list(self) -> None:
        code, text = self.admin("list")
        self.assertEqual(code, 0)
        self.assertRegex(text, r"(?m)^b-2 +failed +redirect +<ann@example.com> +bob@example.org")
        rows = json.loads(self.admin("list", "--json")[1])
        self.assertEqual([row["id"] for row in rows], ["b-3", "a-1", "b-2"])
        self.assertEqual(rows[2]["error"], "550 5.1.1 no such user")
        self.assertEqual((rows[2]["due"], rows[2]["size"]), (None, len(MESSAGE)))
        rows = json.loads(self.admin("list", "--state", "failed", "--json")[1])
        self.assertEqual([row["id"] for row in rows], ["b-2"])
        self.assertEqual(len(json.loads(self.admin("list", "--limit", "1", "--json")[1])), 1)

    def test_one_message(self) -> None:
        """Also by the beginning of its id."""
        code, text = self.admin("show", "--id", "b-2")
        self.assertEqual(code, 0)
        self.assertIn("  <bob@example.org> refused: 550 5.1.1 no such user\n", text)
        self.assertIn("  <c@example.org> sent: 250\n", text)
        shown = json.loads(self.admin("show", "--id", "a", "--json")[1])
        self.assertEqual([one["fate"] for one in shown["recipients"]], ["waiting", "waiting"])
        for unclear in ("b", "z", ""):
            self.assertEqual(self.admin("show", "--id", unclear)[0], 1)

    def test_counts(self) -> None:
        rows = json.loads(self.admin("stats", "--json")[1])
        self.assertEqual(
            [(row["state"], row["messages"], row["size"], row["age"]) for row in rows],
            [
                ("held", 1, len(MESSAGE), 100),
                ("waiting", 1, len(MESSAGE), 100),
                ("sending", 0, 0, None),
                ("failed", 1, len(MESSAGE), 100),
            ],
        )

    def test_where_a_sora_runs_it_is_asked(self) -> None:
        """Nothing is changed behind its back."""
        code, text = self.admin("retry", "--id", "b-2")
        self.assertEqual(
            (code, text), (0, "tried again within seconds by the Sora that runs: 1 messages\n")
        )
        self.assertEqual(self.admin("delete", "--state", "waiting", "--yes")[0], 0)
        self.assertEqual(self.names(State.FAILED), ["b-2"])
        self.assertEqual(self.lane.take_orders(), [("delete", "a-1"), ("retry", "b-2")])

    def test_where_none_runs_it_is_done(self) -> None:
        self.lane.close()
        self.assertEqual(self.admin("retry", "--id", "b-2"), (0, "tried again: 1 messages\n"))
        self.assertEqual(self.names(State.WAITING), ["a-1", "b-2"])
        entry = self.lane.read(State.WAITING, "b-2")
        self.assertEqual((entry.remaining, entry.attempts, entry.due), ((0,), 0, NOW))
        self.assertEqual(
            self.admin("delete", "--state", "waiting", "--yes"), (0, "deleted: 2 messages\n")
        )
        self.assertEqual(self.names(State.WAITING), [])

    def test_deleting_asks(self) -> None:
        code, text = self.admin("delete", "--id", "a-1")
        self.assertEqual(
            (code, text), (1, "Delete the message a-1? Nobody will be told. Say so with --yes")
        )
        self.assertEqual(self.names(State.WAITING), ["a-1"])

    def test_damaged_files_are_shown_and_deleted(self) -> None:
        Path(self.lane.file(State.FAILED, "d-4")).write_bytes(b"nonsense")
        self.assertIn("the file is damaged", self.admin("list")[1])
        self.lane.close()
        self.assertEqual(self.admin("retry", "--id", "d-4")[0], 0)
        self.assertEqual(self.admin("delete", "--id", "d-4", "--yes")[0], 0)
        self.assertEqual(self.names(State.FAILED), ["b-2"])

    def test_a_directory_that_is_not_there(self) -> None:
        operations = RelayOperations("/nonexistent/relay", execute, lambda: NOW)
        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        self.store = Store(**others | {"relay": operations, "close": self.close})
        code, text = self.admin("stats")
        self.assertEqual(code, 1)
        self.assertIn("/nonexistent/relay", text)
