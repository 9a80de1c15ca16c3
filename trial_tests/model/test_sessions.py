"""Any order of what several clients do: each believes what is true (G24 to G30, G16, G39).

`SORA_MODEL_EXAMPLES` and `SORA_MODEL_STEPS` make it longer; `SORA_MODEL_SEED` takes other
examples than the ones of each run (`random` for ever new ones); the seed is printed.
"""

import os
import random

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from trial_tests.model.machine import InMemory

EXAMPLES = int(os.environ.get("SORA_MODEL_EXAMPLES", "60"))
STEPS = int(os.environ.get("SORA_MODEL_STEPS", "50"))


class SessionsTests(SynchronousTestCase):
    def test_every_client_believes_what_is_true(self) -> None:
        """Thousands of steps: 60 lives of at most 50 steps each."""
        chosen = os.environ.get("SORA_MODEL_SEED")
        machine = InMemory
        if chosen:
            number = random.randrange(2**32) if chosen == "random" else int(chosen)
            print(f"SORA_MODEL_SEED={number}")
            machine = seed(number)(machine)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not chosen,
                database=None,
                print_blob=True,
                report_multiple_bugs=False,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
        self.assertEqual(self.flushLoggedErrors(), [])
