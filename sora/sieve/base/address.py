"""`address` (RFC 5228 §5.1)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.extension import Asking, Kind, Parameter, Test
from sora.sieve.fields import chosen
from sora.sieve.parts import counted, part_of
from sora.sieve.run import Run

ADDRESS_FIELDS: Final = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "resent-from",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "resent-sender",
        "resent-reply-to",
        "return-path",
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "x-envelope-to",
        "errors-to",
        "return-receipt-to",
        "disposition-notification-to",
        "mail-followup-to",
        "mail-reply-to",
        "apparently-to",
        "approved",
        "x-beenthere",
        "x-mailing-list",
        "original-recipient",
        "original-from",
        "author",
        "x-original-from",
    ]
)
"""Fields that hold addresses: those of RFC 5322 §3.6, and what is common."""


def _address(run: Run, call: Call) -> Asking[bool] | bool:
    names = [name for name in call.strings(run, "headers") if name.lower() in ADDRESS_FIELDS]
    found: list[str] = []
    for one in chosen(run, call, run.header, names):
        run.spend(len(one.addresses))
        for address in one.addresses:
            # All are counted, whatever part of them is asked for (RFC 5231 §4.2).
            part = counted(address) if call.counts else part_of(run, call, address)
            if part is not None:
                found.append(part)
    return run.matches_any(call, found)


def _check(checking: Checking, call: Call) -> None:
    """RFC 5228 §5.1: the test is restricted to fields that hold addresses; with `:mime` all fields
    are read as if they did (RFC 5703 §4.2)."""
    for name in () if call.has("mime") else call.constants("headers"):
        if name.lower() not in ADDRESS_FIELDS:
            text = f"{shown(name)} is not a header field with addresses; use 'header'"
            checking.error(call.ats["headers"], text)


ADDRESS: Final = Test(
    "address",
    _address,
    (Parameter("headers", Kind.STRINGS), Parameter("keys", Kind.STRINGS)),
    matching=True,
    addresses=True,
    check=_check,
)
