"""`keep` (RFC 5228 §4.3)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.effects import Keep
from sora.sieve.extension import Command
from sora.sieve.run import Run


def _keep(run: Run, call: Call) -> None:
    run.keep(Keep(run.flags, run.snapshot()))


KEEP: Final = Command("keep", _keep)
