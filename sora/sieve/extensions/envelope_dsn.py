"""envelope-dsn and envelope-deliverby (RFC 6009 §4, §5): parts of the envelope that extensions of
SMTP brought. What the transport did not say matches nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sora.sieve.call import Call
from sora.sieve.date_parts import iso8601, shifted
from sora.sieve.extension import EnvelopePart, Extension
from sora.sieve.extensions.date import ZONE_TAG, wanted_zone
from sora.sieve.run import Run


def _notify(run: Run, call: Call) -> Sequence[str]:
    return run.message.envelope.notify or ()


def _orcpt(run: Run, call: Call) -> Sequence[str]:
    return _given(run.message.envelope.orcpt)


def _ret(run: Run, call: Call) -> Sequence[str]:
    return _given(run.message.envelope.ret)


def _envid(run: Run, call: Call) -> Sequence[str]:
    return _given(run.message.envelope.envid)


def _given(value: str | None) -> Sequence[str]:
    return () if value is None else (value,)


DSN: Final = Extension(
    "envelope-dsn",
    envelope_parts=(
        EnvelopePart("notify", _notify),
        EnvelopePart("orcpt", _orcpt),
        EnvelopePart("ret", _ret),
        EnvelopePart("envid", _envid),
    ),
)


def _absolute(run: Run, call: Call) -> Sequence[str]:
    seconds = run.message.envelope.by_time
    zone = wanted_zone(run, call)
    if seconds is None:
        return ()
    try:
        at = run.context.now + timedelta(seconds=seconds)
    except OverflowError:
        return ()
    moved = shifted(at, zone)
    return () if moved is None else (iso8601(moved),)


def _relative(run: Run, call: Call) -> Sequence[str]:
    seconds = run.message.envelope.by_time
    return () if seconds is None else (str(seconds),)


def _mode(run: Run, call: Call) -> Sequence[str]:
    mode = run.message.envelope.by_mode
    return () if mode is None else ({"N": "notify", "R": "return"}.get(mode, mode),)


def _trace(run: Run, call: Call) -> Sequence[str]:
    envelope = run.message.envelope
    return () if envelope.by_time is None else ("trace" if envelope.by_trace else "",)


DELIVERBY: Final = Extension(
    "envelope-deliverby",
    tags={"envelope": (ZONE_TAG,)},
    envelope_parts=(
        EnvelopePart("bytimeabsolute", _absolute),
        EnvelopePart("bytimerelative", _relative),
        EnvelopePart("bymode", _mode),
        EnvelopePart("bytrace", _trace),
    ),
)
