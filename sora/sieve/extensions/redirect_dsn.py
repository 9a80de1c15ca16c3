"""redirect-dsn and redirect-deliverby (RFC 6009 §6, §7): what a redirected message asks of the
transport. Who sends it sees to the envelope sender (§6.1)."""

from datetime import datetime
from typing import Final, Literal, cast

from attrs import evolve

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.date_parts import moment
from sora.sieve.effects import DeliverBy, Redirect
from sora.sieve.extension import Extension, Kind, Tag
from sora.sieve.run import Run

_CONDITIONS: Final = frozenset(["SUCCESS", "FAILURE", "DELAY"])
_TIME: Final = "time"


def _conditions(text: str) -> tuple[str, ...] | None:
    """NEVER, or some of the others separated by commas (RFC 3461 §4.1)."""
    names = tuple(name.strip() for name in text.upper().split(","))
    if names == ("NEVER",) or (_CONDITIONS.issuperset(names) and len(names) == len(set(names))):
        return names
    return None


def _notify(run: Run, call: Call, action: Redirect) -> Redirect:
    text = call.string(run, "notify")
    names = _conditions(text)
    if names is None:
        raise run.problem(_no_conditions(text))
    return evolve(action, notify=names)


def _ret(run: Run, call: Call, action: Redirect) -> Redirect:
    text = call.string(run, "ret").upper()
    if text not in ("FULL", "HDRS"):
        raise run.problem(_no_ret(text))
    return evolve(action, ret=cast(Literal["FULL", "HDRS"], text))


def _no_conditions(text: str) -> str:
    return f'{shown(text)} is not "NEVER", nor a list of "SUCCESS", "FAILURE" and "DELAY"'


def _no_ret(text: str) -> str:
    return f'{shown(text)} is not "FULL" or "HDRS"'


def _check_notify(checking: Checking, at: int, text: str) -> None:
    if _conditions(text) is None:
        checking.error(at, _no_conditions(text))


def _check_ret(checking: Checking, at: int, text: str) -> None:
    if text.upper() not in ("FULL", "HDRS"):
        checking.error(at, _no_ret(text))


DSN: Final = Extension(
    "redirect-dsn",
    tags={
        "redirect": (
            Tag("notify", Kind.STRING, apply=_notify, check_text=_check_notify),
            Tag("ret", Kind.STRING, apply=_ret, check_text=_check_ret),
        )
    },
)


def _by(run: Run, call: Call, action: Redirect) -> Redirect:
    at: datetime | int
    if call.has("bytimerelative"):
        at = call.number("bytimerelative")
    else:
        text = call.string(run, "bytimeabsolute")
        found = moment(text)
        if found is None:
            raise run.problem(_no_moment(text))
        at = found
    mode = call.string(run, "bymode").lower() if call.has("bymode") else "return"
    if mode not in ("notify", "return"):
        raise run.problem(_no_mode(mode))
    by = DeliverBy(at, cast(Literal["notify", "return"], mode), call.has("bytrace"))
    return evolve(action, by=by)


def _no_moment(text: str) -> str:
    return f"{shown(text)} is not a date and time, such as 2026-11-27T20:00:00Z"


def _no_mode(text: str) -> str:
    return f'{shown(text)} is not "notify" or "return"'


def _check_moment(checking: Checking, at: int, text: str) -> None:
    if moment(text) is None:
        checking.error(at, _no_moment(text))


def _check_mode(checking: Checking, at: int, text: str) -> None:
    if text.lower() not in ("notify", "return"):
        checking.error(at, _no_mode(text))


def _check_time(checking: Checking, call: Call) -> None:
    for name in ("bymode", "bytrace"):
        if call.has(name) and not (call.has("bytimerelative") or call.has("bytimeabsolute")):
            text = f"':{name}' needs ':bytimerelative' or ':bytimeabsolute'"
            checking.error(call.ats[name], text)
            return


DELIVERBY: Final = Extension(
    "redirect-deliverby",
    tags={
        "redirect": (
            Tag("bytimerelative", Kind.NUMBER, _TIME, apply=_by),
            Tag("bytimeabsolute", Kind.STRING, _TIME, apply=_by, check_text=_check_moment),
            Tag("bymode", Kind.STRING, check=_check_time, check_text=_check_mode),
            Tag("bytrace", check=_check_time),
        )
    },
)
