"""envelope (RFC 5228 §5.4): tests of what the transport said."""

from collections.abc import Iterator, Sequence
from typing import Final

from sora.mail.address_list import parse
from sora.sieve.call import Call
from sora.sieve.checking import Checking, nearest, shown
from sora.sieve.extension import (
    ADDRESS_PART,
    Asking,
    EnvelopePart,
    Extension,
    Kind,
    Parameter,
    Test,
)
from sora.sieve.parts import counted, part_of
from sora.sieve.run import Run


def _envelope(run: Run, call: Call) -> Asking[bool] | bool:
    if run.context.is_event:
        # RFC 6785 §4.6
        raise run.problem("A message that was not just delivered has no envelope")
    found = [
        value for name in call.strings(run, "parts") for value in _values(run, call, name.lower())
    ]
    return run.matches_any(call, found)


def _values(run: Run, call: Call, name: str) -> Iterator[str]:
    part, extension = run.frame.script.dialect.envelope_parts.get(name, (None, ""))
    if part is None or not run.frame.has(extension):
        raise run.problem(f"There is no envelope part {shown(name)}")
    for value in part.values(run, call):
        if not part.addresses:
            yield value
            continue
        if not value:
            # The null reverse-path is the empty string, whatever the address part.
            if not call.counts:
                yield value
            continue
        for address in parse(f"<{value}>".encode("utf-8", "surrogateescape")):
            found = counted(address) if call.counts else part_of(run, call, address)
            if found is not None:
                yield found


def _check_part(checking: Checking, at: int, text: str) -> None:
    name = text.lower()
    if name not in checking.dialect.envelope_parts:
        near = nearest(name, list(checking.dialect.envelope_parts))
        raise checking.unknown(at, f"There is no envelope part {shown(text)}{near}")
    extension = checking.dialect.envelope_parts[name][1]
    checking.needs(at, f"The envelope part {shown(text)}", extension)


def _check(checking: Checking, call: Call) -> None:
    """What is no address has no parts of one (RFC 6009 §4)."""
    if not any(tag.group == ADDRESS_PART for tag in call.tags):
        return
    for name in call.constants("parts"):
        part = checking.dialect.envelope_parts.get(name.lower())
        if part is not None and not part[0].addresses:
            text = f"The envelope part {shown(name)} is no address: no part of it can be chosen"
            checking.error(call.ats["parts"], text)


def _from(run: Run, call: Call) -> Sequence[str]:
    return (run.message.envelope.sender,)


def _to(run: Run, call: Call) -> Sequence[str]:
    return (run.message.envelope.recipient,)


EXTENSION: Final = Extension(
    "envelope",
    words=(
        Test(
            "envelope",
            _envelope,
            (Parameter("parts", Kind.STRINGS, check=_check_part), Parameter("keys", Kind.STRINGS)),
            matching=True,
            addresses=True,
            check=_check,
        ),
    ),
    envelope_parts=(
        EnvelopePart("from", _from, addresses=True),
        EnvelopePart("to", _to, addresses=True),
    ),
)
