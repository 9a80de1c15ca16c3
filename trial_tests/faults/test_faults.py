"""Faults in random order under load, on real servers: nothing acknowledged is lost, nothing is there
twice, and all is as before when it is over.

G1 to G6, G8 to G11, G13 to G16, G23, G29, G39, G42: what each says of failures is what is checked
(`trial_tests/faults/checks.py`, `ledger.py`). `SORA_FAULT_SEED` and `SORA_FAULT_SEEDS` choose others;
`./dev faults` does as many as one likes, and `.ci/run` fifty.
"""

import os

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.faults.checks import check_objects, check_rows
from trial_tests.faults.quiet import wait_until_quiet
from trial_tests.faults.run import run_seed
from trial_tests.faults.seeds import weed
from trial_tests.faults.world import World
from trial_tests.support.seaweedfs import BUCKET

FIRST = int(os.environ.get("SORA_FAULT_SEED", "1"))
SEEDS = int(os.environ.get("SORA_FAULT_SEEDS", "3"))


class FaultTests(SynchronousTestCase):
    timeout = 1800

    def setUp(self) -> None:
        self.world = World.create(weed())
        self.addCleanup(self.world.remove)

    def test_seeds_one_after_the_other(self) -> None:
        """And then, on the same servers: what the checks are for, they see."""
        for seed in range(FIRST, FIRST + SEEDS):
            outcome = run_seed(self.world, seed)
            print(outcome.line())
            self.assertEqual(outcome.wrongs, [], outcome.report())
            self.assertGreater(outcome.acknowledged, 0)
        self.damage_is_seen()

    def damage_is_seen(self) -> None:
        """A counter, an object, a stranger, a lost body, each in its turn."""
        world = self.world
        self.assertEqual(check_rows(world) + check_objects(world), [])
        world.rows("UPDATE mailboxes SET unseen = unseen + 1 WHERE messages > 0")
        self.assertIn("counters are not recounts", check_rows(world)[0])
        world.rows("UPDATE mailboxes SET unseen = unseen - 1 WHERE messages > 0")

        ((name,),) = world.rows(
            "SELECT o.id::text FROM objects o JOIN messages m USING (content_id)"
            " WHERE o.state = 'stored' LIMIT 1"
        )
        assert world.store is not None
        world.store.delete(f"{world.database_id}/{name}")
        self.assertEqual(check_objects(world), [f"object {name} is missing in the bucket"])
        world.store._signed("PUT", f"/{BUCKET}/{world.database_id}/{name}")
        self.assertIn(f"object {name} has 0 octets", check_objects(world)[0])

        world.rows(f"UPDATE objects SET state = 'pending', content_id = NULL WHERE id = '{name}'")
        self.assertIn("a message without its body", check_rows(world)[0])
        world.rows(f"DELETE FROM objects WHERE id = '{name}'")
        self.assertIn("no row knows of it", check_objects(world)[0])
        self.assertEqual(wait_until_quiet(world), [])
