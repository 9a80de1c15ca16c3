"""mboxmetadata and servermetadata (RFC 5490 §3.3, §3.4, §4): annotations of mailboxes and of the
server. A temporary failure to read them is the driver's to treat: it ends the delivery, to be tried
again (RFC 5490 §5)."""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.effects import GetMetadata
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Test
from sora.sieve.run import Run


def _matches(run: Run, call: Call) -> Asking[bool]:
    mailbox = call.string(run, "mailbox") if call.has("mailbox") else None
    (value,) = yield GetMetadata(mailbox, (call.string(run, "annotation"),))
    return value is not None and run.matches_now(call, [value])


def _exist(run: Run, call: Call) -> Asking[bool]:
    mailbox = call.string(run, "mailbox") if call.has("mailbox") else None
    values = yield GetMetadata(mailbox, call.strings(run, "annotations"))
    return all(value is not None for value in values)


_MAILBOX: Final = Parameter("mailbox", Kind.STRING)
_VALUE: Final = (Parameter("annotation", Kind.STRING), Parameter("keys", Kind.STRINGS))
_NAMES: Final = Parameter("annotations", Kind.STRINGS)

MAILBOX: Final = Extension(
    "mboxmetadata",
    words=(
        Test("metadata", _matches, (_MAILBOX, *_VALUE), matching=True),
        Test("metadataexists", _exist, (_MAILBOX, _NAMES)),
    ),
)
SERVER: Final = Extension(
    "servermetadata",
    words=(
        Test("servermetadata", _matches, _VALUE, matching=True),
        Test("servermetadataexists", _exist, (_NAMES,)),
    ),
)
