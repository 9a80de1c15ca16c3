"""`stop` (RFC 5228 §3.3)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.extension import Command
from sora.sieve.problems import Stop
from sora.sieve.run import Run


def _stop(run: Run, call: Call) -> None:
    run.note("stop")
    raise Stop


STOP: Final = Command("stop", _stop, ends=True)
