"""reject and ereject (RFC 5429). What they exclude is in `conflicts.py`; they refuse the message as
it arrived, whatever was edited (§2.4)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.effects import Reject
from sora.sieve.extension import Command, Extension, Kind, Parameter
from sora.sieve.run import Run


def _reject(run: Run, call: Call) -> None:
    run.act(Reject(call.string(run, "reason")))


def _ereject(run: Run, call: Call) -> None:
    run.act(Reject(call.string(run, "reason"), only_refuse=True))


_REASON: Final = (Parameter("reason", Kind.STRING),)
REJECT: Final = Extension("reject", words=(Command("reject", _reject, _REASON),))
EREJECT: Final = Extension("ereject", words=(Command("ereject", _ereject, _REASON),))
