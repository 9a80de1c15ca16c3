"""`header` and `exists` (RFC 5228 §5.7, §5.5)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.extension import Asking, Kind, Parameter, Test
from sora.sieve.fields import chosen
from sora.sieve.run import Run


def _header(run: Run, call: Call) -> Asking[bool] | bool:
    found = chosen(run, call, run.header, call.strings(run, "headers"))
    return run.matches_any(call, [one.value for one in found])


def _exists(run: Run, call: Call) -> bool:
    return all(run.header.named(name) for name in call.strings(run, "headers"))


HEADER: Final = Test(
    "header",
    _header,
    (Parameter("headers", Kind.STRINGS), Parameter("keys", Kind.STRINGS)),
    matching=True,
)
EXISTS: Final = Test("exists", _exists, (Parameter("headers", Kind.STRINGS),))
