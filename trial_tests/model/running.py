"""How the model is run: the same lives each time, unless another seed is asked for.

`SORA_MODEL_EXAMPLES` and `SORA_MODEL_STEPS` make it longer; `SORA_MODEL_SEED` takes other lives
(`random` for ever new ones); the seed is printed. What fails is told with its steps, with what
makes it happen again, and with what each client heard last.
"""

import os
import random

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from trial_tests.model.machine import Sessions

LAST_WORDS = 24


def play_lives(machine: type[Sessions], lives: int, steps: int, shrinks: bool = True) -> None:
    """Play so many lives of at most so many steps. Raises AssertionError."""
    chosen = os.environ.get("SORA_MODEL_SEED")
    if chosen:
        number = random.randrange(2**32) if chosen == "random" else int(chosen)
        print(f"SORA_MODEL_SEED={number}")
        machine = seed(number)(machine)
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=int(os.environ.get("SORA_MODEL_EXAMPLES", lives)),
                stateful_step_count=int(os.environ.get("SORA_MODEL_STEPS", steps)),
                deadline=None,
                derandomize=not chosen,
                database=None,
                print_blob=True,
                report_multiple_bugs=False,
                phases=phases,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Exception as error:
        told = "\n".join(getattr(error, "__notes__", ()))
        raise AssertionError(f"{error!r}\n{told}\n{_last_words(machine)}") from error


def _last_words(machine: type[Sessions]) -> str:
    if machine.latest is None or machine.latest.play is None:
        return ""
    lines = []
    for number, client in enumerate(machine.latest.play.everybody):
        lines.append(f"--- client {number} of process {client.process}: {client.belief}")
        lines += [repr(words) for words in client.log[-LAST_WORDS:]]
    return "\n".join(lines)
