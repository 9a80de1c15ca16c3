"""`discard` (RFC 5228 §4.4)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.effects import Discard
from sora.sieve.extension import Command
from sora.sieve.run import Run


def _discard(run: Run, call: Call) -> None:
    run.act(Discard())


DISCARD: Final = Command("discard", _discard)
