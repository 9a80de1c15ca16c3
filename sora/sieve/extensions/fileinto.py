"""fileinto (RFC 5228 §4.1)."""

from typing import Final

from sora.errors import BadName
from sora.mail.mailbox_names import normalise
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.effects import FileInto
from sora.sieve.extension import Command, Extension, Kind, Parameter
from sora.sieve.run import Run


def _fileinto(run: Run, call: Call) -> None:
    mailbox = call.string(run, "mailbox")
    run.act(FileInto(mailbox, run.flags, message=run.snapshot()), keeps=call.has("copy"))


def check_mailbox(checking: Checking, at: int, text: str) -> None:
    """A name that no mailbox can have is probably not meant; mail is then kept in INBOX."""
    try:
        normalise(text)
    except BadName as error:
        checking.error(at, f"{shown(text)} cannot be the name of a mailbox: {error.text}")


EXTENSION: Final = Extension(
    "fileinto",
    words=(
        Command("fileinto", _fileinto, (Parameter("mailbox", Kind.STRING, check=check_mailbox),)),
    ),
)
