"""`redirect` (RFC 5228 §4.2)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import Redirect
from sora.sieve.extension import Command, Kind, Parameter
from sora.sieve.outbound import outbound
from sora.sieve.run import Run


def _redirect(run: Run, call: Call) -> None:
    text = call.string(run, "address")
    address = outbound(text)
    if address is None:
        raise run.problem(f"{shown(text)} is not an address that mail can be sent to")
    run.act(Redirect(address, message=run.snapshot(sent_on=True)), keeps=call.has("copy"))


def _check(checking: Checking, call: Call) -> None:
    """An address for outbound use (RFC 5228 §2.4.2.3), or with `:list` (RFC 6134 §2.3) none."""
    text = call.constant("address")
    if text is not None and not call.has("list") and outbound(text) is None:
        text = f"{shown(text)} is not an address that mail can be sent to"
        checking.error(call.ats["address"], text)


REDIRECT: Final = Command("redirect", _redirect, (Parameter("address", Kind.STRING),), check=_check)
