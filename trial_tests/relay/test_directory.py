"""Lanes on a real disk: who has one, what a crash leaves, what is damaged."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import StorageFull, Unavailable
from sora.relay.directory import Lane, State, lanes, open_message, read
from sora.relay.entry import Attempt, Fate, NotAnEntry
from sora.relay.interfaces import Readable, RelayFull, in_memory
from trial_tests.relay.world import MESSAGE, NO, mail


class LaneTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()
        os.makedirs(self.path)

    def lane(self) -> Lane:
        lane = Lane.claim(self.path)
        self.addCleanup(lane.close)
        return lane

    def write(self, lane: Lane, name: str, octets: bytes = MESSAGE) -> int:
        return lane.write(name, mail()[0], in_memory(octets), 5.0)

    def octets(self, lane: Lane, state: State, name: str) -> bytes:
        opened = lane.open_message(state, name)
        try:
            return b"".join(iter(lambda: opened.read(7), b""))
        finally:
            opened.close()

    def test_a_message_is_whole_or_not_there(self) -> None:
        lane = self.lane()
        self.assertEqual(self.write(lane, "a"), len(MESSAGE))
        self.assertEqual((lane.names(State.HELD), lane.names(State.WAITING)), (["a"], []))
        self.assertTrue(lane.move("a", State.HELD, State.WAITING))
        self.assertFalse(lane.move("a", State.HELD, State.WAITING))
        self.assertEqual(self.octets(lane, State.WAITING, "a"), MESSAGE)
        entry = lane.read(State.WAITING, "a")
        self.assertEqual(
            (entry.outgoing, entry.size, entry.eight_bit), (mail()[0], len(MESSAGE), False)
        )

    def test_eight_bit_messages_that_look_like_attempts(self) -> None:
        """What is in a message is never taken for what was noted about it."""
        lane = self.lane()
        octets = b'\n{"at":1,"due":1,"counted":true,"answers":{},"error":"","warned":true}\n\xff'
        self.write(lane, "a", octets)
        lane.append(State.HELD, "a", Attempt(10.0, 20.0, True, {0: NO}, "why"))
        lane.append(State.HELD, "a", Attempt(30.0, 40.0, False))
        entry = lane.read(State.HELD, "a")
        self.assertEqual((entry.tries, entry.attempts, entry.eight_bit), (2, 1, True))
        self.assertEqual((entry.answers[0].fate, entry.due), (Fate.REFUSED, 40.0))
        self.assertEqual(self.octets(lane, State.HELD, "a"), octets)

    def test_an_attempt_that_was_cut_short(self) -> None:
        """G48: a crash in the middle of a line; the next one is on a line of its own."""
        lane = self.lane()
        self.write(lane, "a")
        lane.append(State.HELD, "a", Attempt(10.0, 20.0))
        with open(lane.file(State.HELD, "a"), "ab") as file:
            file.write(b'\n{"at":30.0,"due')
        self.assertEqual(lane.read(State.HELD, "a").tries, 1)
        lane.append(State.HELD, "a", Attempt(50.0, 60.0))
        self.assertEqual(lane.read(State.HELD, "a").due, 60.0)

    def test_each_process_has_a_lane(self) -> None:
        first, second = self.lane(), self.lane()
        self.assertEqual([Path(one.place).name for one in (first, second)], ["0", "1"])
        self.assertIsNone(Lane.open(first.place))
        first.close()
        self.assertEqual(self.lane().place, first.place)

    def test_the_lane_of_a_dead_process_is_adopted(self) -> None:
        """What it held is to be sent."""
        dead, alive = self.lane(), self.lane()
        for name in ("a", "b", "c"):
            self.write(dead, name)
        dead.move("b", State.HELD, State.WAITING)
        dead.move("c", State.HELD, State.FAILED)
        Path(dead.place, "new", "d").write_bytes(b"half of a message")
        self.assertEqual(alive.adopt(dead.place), 0)
        dead.close()
        self.assertEqual(alive.adopt(dead.place), 3)
        self.assertEqual(alive.names(State.WAITING), ["a", "b"])
        self.assertEqual((alive.names(State.HELD), alive.names(State.FAILED)), ([], ["c"]))
        self.assertEqual(os.listdir(f"{dead.place}/new"), [])
        self.assertEqual(len(lanes(self.path)), 2)

    def test_what_fails_while_it_is_written_leaves_nothing(self) -> None:
        class Broken:
            def read(self, size: int, /) -> bytes:
                raise StorageFull("gone")

            def close(self) -> None:
                pass

        def broken() -> Readable:
            return Broken()

        lane = self.lane()
        self.assertRaises(StorageFull, lane.write, "a", mail()[0], broken, 5.0)
        self.assertEqual((lane.names(State.HELD), os.listdir(f"{lane.place}/new")), ([], []))

    def test_a_full_disk(self) -> None:
        """A real one: /dev/full refuses to be written."""
        lane = self.lane()
        os.symlink("/dev/full", lane.file(State.HELD, "a"))
        self.assertRaises(RelayFull, lane.append, State.HELD, "a", Attempt(1.0, 2.0))

    def test_damaged_files(self) -> None:
        lane = self.lane()
        self.write(lane, "a")
        file = Path(lane.file(State.HELD, "a"))
        whole = file.read_bytes()
        for damaged in (b"", whole[:20], whole[:60], whole[:-1], b"x" + whole[1:], b"\n" * 99):
            file.write_bytes(damaged)
            self.assertRaises(NotAnEntry, read, str(file))
        file.write_bytes(b"sora")
        self.assertRaises(Unavailable, open_message, str(file))
        self.assertRaises(FileNotFoundError, lane.read, State.HELD, "b")

    def test_a_directory_that_cannot_be_used(self) -> None:
        """The mend is in the text."""
        error = self.assertRaises(Unavailable, Lane.claim, "/nonexistent/relay")
        self.assertIn("install -d", error.text)
        self.assertRaises(Unavailable, lanes, "/nonexistent/relay")

    def test_old_failures_are_pruned(self) -> None:
        lane = self.lane()
        for name, moment in (("a", 100.0), ("b", 300.0)):
            self.write(lane, name)
            lane.move(name, State.HELD, State.FAILED)
            os.utime(lane.file(State.FAILED, name), (moment, moment))
        self.assertEqual(lane.prune(200.0), 1)
        self.assertEqual(lane.names(State.FAILED), ["b"])

    def test_orders(self) -> None:
        lane = self.lane()
        for order in ("retry.a-1", "delete.b-2"):
            Path(lane.place, "orders", order).touch()
        self.assertEqual(lane.take_orders(), [("delete", "b-2"), ("retry", "a-1")])
        self.assertEqual(lane.take_orders(), [])
