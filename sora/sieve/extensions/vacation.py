"""vacation (RFC 5230) and vacation-seconds (RFC 6131).

A script only says what the answer would be; whether the message gets one, and whether its sender
had it before, is for whoever acts (RFC 5230 §4.2, §4.5, §4.6; G43).
"""

from hashlib import sha256
from typing import Final

from attrs import frozen

from sora.mail.headers import header_end
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import Vacation
from sora.sieve.extension import Command, Extension, Kind, Parameter, Tag
from sora.sieve.mailboxes import mailbox_list
from sora.sieve.outbound import outbound
from sora.sieve.run import Run

DAY: Final = 86_400
INTERVAL: Final = "interval"


@frozen
class Periods:
    """What the operator has set (`settings["vacation"]`): seconds between two answers to the same
    sender, when a script does not say it, at least and at most; at most is a day or more (RFC 6131
    §2). `:days` is never less than one (RFC 5230 §4.1)."""

    default: int = 7 * DAY
    least: int = 0
    most: int = 365 * DAY


def _vacation(run: Run, call: Call) -> None:
    reason = call.string(run, "reason")
    sender = call.string(run, "from") if call.has("from") else None
    if sender is not None and mailbox_list(sender) is None:
        raise run.problem(_no_mailboxes(sender))
    mime = call.has("mime")
    if mime and not _is_entity(reason):
        raise run.problem(_NO_ENTITY)
    run.act(
        Vacation(
            reason,
            call.string(run, "handle") if call.has("handle") else _handle(call),
            _seconds(run, call),
            call.string(run, "subject") if call.has("subject") else None,
            sender,
            call.strings(run, "addresses") if call.has("addresses") else (),
            mime,
            message=run.snapshot(),
        ),
        keeps=True,
    )


def _seconds(run: Run, call: Call) -> int:
    periods: Periods = run.context.settings.get("vacation", Periods())
    if call.has("seconds"):
        wanted = call.number("seconds")
    elif call.has("days"):
        wanted = max(call.number("days"), 1) * DAY
    else:
        wanted = periods.default
    return min(max(wanted, periods.least), periods.most)


def _handle(call: Call) -> str:
    """What tells this answer from others: its arguments, variables not expanded; each with its
    length, so that none can be taken for another (RFC 5230 §4.2)."""
    parts = [call.source(name) for name in ("subject", "from", "reason")]
    octets = [None if part is None else part.encode("utf-8", "surrogateescape") for part in parts]
    counted = [b"-" if one is None else b"%d:%s" % (len(one), one) for one in octets]
    counted.append(b"mime" if call.has("mime") else b"text")
    return f"reply {sha256(b''.join(counted)).hexdigest()}"


def _is_entity(text: str) -> bool:
    """Whether a MIME entity has a header in 7 bits (RFC 5230 §5)."""
    octets = text.encode("utf-8", "replace")
    return octets[: header_end(octets)].isascii()


_NO_ENTITY: Final = "The header of the MIME entity of ':mime' must be in ASCII"


def _no_mailboxes(text: str) -> str:
    return f"{shown(text)} is not an address, nor a list of addresses"


def check_mailboxes(checking: Checking, at: int, text: str) -> None:
    """A mailbox-list (RFC 5322 §3.4)."""
    if mailbox_list(text) is None:
        checking.error(at, _no_mailboxes(text))


def _check_address(checking: Checking, at: int, text: str) -> None:
    if outbound(text) is None:
        checking.warn(at, f"{shown(text)} is not an address")


def _check(checking: Checking, call: Call) -> None:
    reason = call.constant("reason")
    if reason is not None and call.has("mime") and not _is_entity(reason):
        checking.error(call.ats["reason"], _NO_ENTITY)


def _check_days(checking: Checking, call: Call) -> None:
    if call.number("days") < 1:
        checking.warn(call.ats["days"], "':days' is at least 1")


EXTENSION: Final = Extension(
    "vacation",
    words=(
        Command(
            "vacation",
            _vacation,
            (Parameter("reason", Kind.STRING),),
            (
                Tag("days", Kind.NUMBER, INTERVAL, check=_check_days),
                Tag("subject", Kind.STRING),
                Tag("from", Kind.STRING, check_text=check_mailboxes),
                Tag("addresses", Kind.STRINGS, check_text=_check_address),
                Tag("mime"),
                Tag("handle", Kind.STRING),
            ),
            check=_check,
        ),
    ),
)

SECONDS: Final = Extension(
    "vacation-seconds",
    tags={"vacation": (Tag("seconds", Kind.NUMBER, INTERVAL),)},
    implies=("vacation",),
)
