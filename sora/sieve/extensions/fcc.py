"""fcc (RFC 8580): a copy of what `vacation` and `notify` send is filed.

The tags that `fileinto` has with other extensions can stand beside `:fcc` and speak of the copy
(§3.1); each needs its extension.
"""

from typing import Any, Final

from attrs import evolve

from sora.sieve.call import Call
from sora.sieve.checking import Checking
from sora.sieve.effects import FileInto
from sora.sieve.extension import CheckCall, Extension, Kind, Tag
from sora.sieve.extensions.fileinto import check_mailbox
from sora.sieve.extensions.imap4flags import flags_of
from sora.sieve.extensions.special_use import TARGET, check_use, use_of
from sora.sieve.run import Run


def _apply(run: Run, call: Call, action: Any) -> Any:
    copy = FileInto(
        call.string(run, "fcc"),
        flags_of(call.strings(run, "flags")) if call.has("flags") else (),
        call.has("create"),
        use_of(run, call) if call.has("specialuse") else None,
        call.string(run, "mailboxid") if call.has("mailboxid") else None,
    )
    return evolve(action, fcc=copy)


def _with_fcc(name: str, extension: str) -> CheckCall:
    def check(checking: Checking, call: Call) -> None:
        at = call.ats[name]
        if not call.has("fcc"):
            checking.error(at, f"':{name}' of '{call.name}' needs ':fcc'")
        call.needs += checking.needs(at, f"':{name}'", extension)

    return check


TAGS: Final = (
    Tag("fcc", Kind.STRING, apply=_apply, check_text=check_mailbox),
    Tag("create", check=_with_fcc("create", "mailbox")),
    Tag("flags", Kind.STRINGS, check=_with_fcc("flags", "imap4flags")),
    Tag(
        "specialuse",
        Kind.STRING,
        TARGET,
        check=_with_fcc("specialuse", "special-use"),
        check_text=check_use,
    ),
    Tag("mailboxid", Kind.STRING, TARGET, check=_with_fcc("mailboxid", "mailboxid")),
)

EXTENSION: Final = Extension("fcc", tags={"vacation": TAGS, "notify": TAGS})
