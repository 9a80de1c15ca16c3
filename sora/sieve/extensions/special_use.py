"""special-use (RFC 8579): mailboxes by what they are for."""

import re
from typing import Final

from attrs import evolve

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import FileInto, SpecialUseExists
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Tag, Test
from sora.sieve.run import Run

TARGET: Final = "target"
"""Of `:specialuse` and `:mailboxid` there can be one (RFC 9042 §4.2)."""
_USE: Final = re.compile(r"\\[^\x00-\x20\x7f-\U0010ffff(){%*\"\\\]]+\Z")


def is_use(text: str) -> bool:
    """Whether it is written as a special use is: `\\Junk` (RFC 6154 §6)."""
    return _USE.match(text) is not None


def check_use(checking: Checking, at: int, text: str) -> None:
    """A special use that is none is treated as a name of a mailbox that is none (§4)."""
    if not is_use(text):
        checking.error(at, _no_use(text))


def use_of(run: Run, call: Call) -> str:
    """What `:specialuse` says."""
    use = call.string(run, "specialuse")
    if not is_use(use):
        raise run.problem(_no_use(use))
    return use


def _no_use(text: str) -> str:
    return f'{shown(text)} is not a special use of a mailbox, such as "\\\\Junk"'


def _apply(run: Run, call: Call, action: FileInto) -> FileInto:
    return evolve(action, special_use=use_of(run, call))


def _specialuse_exists(run: Run, call: Call) -> Asking[bool]:
    mailbox = call.string(run, "mailbox") if call.has("mailbox") else None
    uses = call.strings(run, "uses")
    if not all(is_use(use) for use in uses):
        return False
    return bool((yield SpecialUseExists(mailbox, uses)))


EXTENSION: Final = Extension(
    "special-use",
    words=(
        Test(
            "specialuse_exists",
            _specialuse_exists,
            (
                Parameter("mailbox", Kind.STRING, optional=True),
                Parameter("uses", Kind.STRINGS, check=check_use),
            ),
        ),
    ),
    tags={
        "fileinto": (Tag("specialuse", Kind.STRING, TARGET, apply=_apply, check_text=check_use),)
    },
)
