"""mailbox (RFC 5490 §3.1, §3.2): `mailboxexists`, and `fileinto :create`."""

from typing import Final

from attrs import evolve

from sora.sieve.call import Call
from sora.sieve.effects import FileInto, MailboxExists
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Tag, Test
from sora.sieve.run import Run


def _mailboxexists(run: Run, call: Call) -> Asking[bool]:
    return bool((yield MailboxExists(call.strings(run, "mailboxes"))))


def _create(run: Run, call: Call, action: FileInto) -> FileInto:
    return evolve(action, create=True)


EXTENSION: Final = Extension(
    "mailbox",
    words=(Test("mailboxexists", _mailboxexists, (Parameter("mailboxes", Kind.STRINGS),)),),
    tags={"fileinto": (Tag("create", apply=_create),)},
)
