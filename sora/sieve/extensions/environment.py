"""environment (RFC 5183): tests of where the script runs, and of what has led to it (RFC 6785
§4)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Test
from sora.sieve.run import Run

_KNOWN: Final = {
    "name": "Sora",
    "location": "MS",
    "phase": "during",
    # RFC 6785 §4.2: empty at a delivery, and then the others are, too.
    "imap.user": "",
    "imap.email": "",
    "imap.cause": "",
    "imap.mailbox": "",
    "imap.changedflags": "",
    "vnd.sora.mailbox-from": "",
}


def _environment(run: Run, call: Call) -> Asking[bool] | bool:
    name = call.string(run, "name").lower()
    value = run.context.environment.get(name, _KNOWN.get(name))
    if value is None:
        # Unconditionally, also when counted.
        return False
    return run.matches_any(call, [value] if value or not call.counts else [])


EXTENSION: Final = Extension(
    "environment",
    words=(
        Test(
            "environment",
            _environment,
            (Parameter("name", Kind.STRING), Parameter("keys", Kind.STRINGS)),
            matching=True,
        ),
    ),
)
