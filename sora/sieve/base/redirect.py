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
    run.act(Redirect(address, message=run.snapshot()), keeps=call.has("copy"))


def check_address(checking: Checking, at: int, text: str) -> None:
    """An address for outbound use (RFC 5228 §2.4.2.3)."""
    if outbound(text) is None:
        checking.error(at, f"{shown(text)} is not an address that mail can be sent to")


REDIRECT: Final = Command(
    "redirect", _redirect, (Parameter("address", Kind.STRING, check=check_address),)
)
