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
    if text is None or call.has("list"):
        return
    address = outbound(text)
    if address is None:
        text = f"{shown(text)} is not an address that mail can be sent to"
        checking.error(call.ats["address"], text)
    else:
        _count(checking, call, address)


def _count(checking: Checking, call: Call, address: str) -> None:
    """Warn of the first address that is one too many, if the message gets so far."""
    seen = checking.notes.setdefault(REDIRECT, set())
    assert isinstance(seen, set)
    most = checking.limits.redirects
    if address not in seen and len(seen) == most:
        text = f"A message is sent on to at most {most} addresses: this may be one too many"
        checking.warn(call.ats["address"], text)
    seen.add(address)


REDIRECT: Final = Command("redirect", _redirect, (Parameter("address", Kind.STRING),), check=_check)
