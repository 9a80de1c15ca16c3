"""mailboxid (RFC 9042): mailboxes by their ids (RFC 8474)."""

from typing import Final

from attrs import evolve

from sora.sieve.call import Call
from sora.sieve.effects import FileInto, MailboxIdExists
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Tag, Test
from sora.sieve.extensions.special_use import TARGET
from sora.sieve.run import Run


def _apply(run: Run, call: Call, action: FileInto) -> FileInto:
    return evolve(action, mailbox_id=call.string(run, "mailboxid"))


def _mailboxidexists(run: Run, call: Call) -> Asking[bool]:
    for id in dict.fromkeys(call.strings(run, "ids")):
        run.spend(1)
        if not (yield MailboxIdExists(id)):
            return False
    return True


EXTENSION: Final = Extension(
    "mailboxid",
    words=(Test("mailboxidexists", _mailboxidexists, (Parameter("ids", Kind.STRINGS),)),),
    tags={"fileinto": (Tag("mailboxid", Kind.STRING, TARGET, apply=_apply),)},
)
