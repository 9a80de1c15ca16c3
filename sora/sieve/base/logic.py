"""`true`, `false`, `not`, `anyof` and `allof` (RFC 5228 §5). From left to right, and no more tests
than needed (RFC 5229 §3.2, RFC 5463 §4)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.extension import Asking, Test
from sora.sieve.run import Run


def _true(run: Run, call: Call) -> bool:
    return True


def _false(run: Run, call: Call) -> bool:
    return False


def _not(run: Run, call: Call) -> Asking[bool] | bool:
    if not call.asks:
        return not run.holds(call.tests[0])
    return _ask_not(run, call)


def _ask_not(run: Run, call: Call) -> Asking[bool]:
    return not (yield from run.test(call.tests[0]))


def _anyof(run: Run, call: Call) -> Asking[bool] | bool:
    if not call.asks:
        return any(run.holds(test) for test in call.tests)
    return _ask_any(run, call, True)


def _allof(run: Run, call: Call) -> Asking[bool] | bool:
    if not call.asks:
        return all(run.holds(test) for test in call.tests)
    return _ask_any(run, call, False)


def _ask_any(run: Run, call: Call, wanted: bool) -> Asking[bool]:
    for test in call.tests:
        if (yield from run.test(test)) is wanted:
            return wanted
    return not wanted


TRUE: Final = Test("true", _true)
FALSE: Final = Test("false", _false)
NOT: Final = Test("not", _not, tests="one")
ANYOF: Final = Test("anyof", _anyof, tests="list")
ALLOF: Final = Test("allof", _allof, tests="list")
