"""`if`, `elsif` and `else` (RFC 5228 §3.1)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.extension import Asking, Command
from sora.sieve.run import Run


def _if(run: Run, call: Call) -> Asking[None]:
    branch: Call | None = call
    while branch is not None:
        if not branch.tests or (yield from run.test(branch.tests[0])):
            yield from run.block(branch.block)
            return
        branch = branch.otherwise


IF: Final = Command("if", _if, test=True, block=True)
ELSIF: Final = Command("elsif", _if, test=True, block=True, follows=("if", "elsif"))
ELSE: Final = Command("else", _if, block=True, follows=("if", "elsif"))
