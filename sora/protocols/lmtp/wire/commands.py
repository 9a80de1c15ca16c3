"""The grammar of LMTP's commands (RFC 5321 §4.1, RFC 2033 §4): a line to a value."""

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from sora.errors import BadSyntax, UnknownCommand
from sora.mail.dsn import By, Notify, OriginalRecipient, Ret
from sora.mailbox.envelope import Body
from sora.protocols.lmtp.wire.attributes import XCLIENT, XFORWARD, Attributes, read_attributes
from sora.protocols.lmtp.wire.parameters import (
    read_body,
    read_by,
    read_envid,
    read_flag,
    read_notify,
    read_orcpt,
    read_ret,
    read_size,
    require_known,
    split_parameters,
)
from sora.protocols.lmtp.wire.paths import read_path

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DECIMAL: Final = re.compile(r"[0-9]{1,20}\Z")
_NAME: Final = re.compile(r"[\x21-\x7e\x80-\U0010ffff]{1,255}\Z")

MAIL_PARAMETERS: Final = ("SIZE", "BODY", "SMTPUTF8", "BY")
MAIL_REPORTS: Final = ("RET", "ENVID")
"""those of DSN"""
RCPT_REPORTS: Final = ("NOTIFY", "ORCPT")


@frozen
class Lhlo:
    """LHLO name"""

    name: str


@frozen
class Mail:
    """MAIL FROM:<sender>; `sender` is empty for the null path, None is what was not said."""

    sender: str
    size: int | None = None
    body: Body = Body.SEVEN_BITS
    utf8: bool = False
    ret: Ret | None = None
    envid: str | None = None
    by: By | None = None


@frozen
class Rcpt:
    """RCPT TO:<address>"""

    address: str
    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None


@frozen
class Bdat:
    """BDAT size [LAST]"""

    size: int
    last: bool


@frozen
class Xclient:
    """XCLIENT name=value ..."""

    attributes: Attributes


@frozen
class Xforward:
    """XFORWARD name=value ..."""

    attributes: Attributes


@frozen
class Plain:
    """A command without arguments, or whose arguments do not matter; `word` is in capitals."""

    word: str


Command = Lhlo | Mail | Rcpt | Bdat | Xclient | Xforward | Plain


def parse(line: bytes, reports: bool = True) -> Command:
    """Read a command line. `reports`: whether the parameters of DSN are offered.

    Raises:
        UnknownCommand: there is no such command.
        BadSyntax: the line does not follow the grammar.
        BadArgument: a parameter has a wrong value.
        UnknownParameter: a parameter was not offered.
    """
    try:
        text = line.decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        raise BadSyntax("The command is not UTF-8") from None
    if _CONTROL.search(text):
        raise BadSyntax("The command has a control character")
    word, _, rest = text.partition(" ")
    word = word.upper()
    match word:
        case "RCPT":
            return _rcpt(rest, RCPT_REPORTS if reports else ())
        case "MAIL":
            return _mail(rest, MAIL_REPORTS if reports else ())
        case "LHLO":
            return _lhlo(rest.strip())
        case "BDAT":
            return _bdat(rest)
        case "XCLIENT":
            return Xclient(read_attributes(rest, XCLIENT))
        case "XFORWARD":
            return Xforward(read_attributes(rest, XFORWARD))
        case "DATA" | "RSET" | "STARTTLS" | "QUIT":
            if rest.strip():
                raise BadSyntax(f"{word} takes no arguments")
            return Plain(word)
        case "NOOP" | "VRFY" | "HELO" | "EHLO":
            return Plain(word)
    raise UnknownCommand("There is no such command")


def _lhlo(rest: str) -> Lhlo:
    if not _NAME.match(rest):
        raise BadSyntax("LHLO needs the name of the client")
    return Lhlo(rest)


def _mail(rest: str, reports: Sequence[str]) -> Mail:
    sender, text = read_path(rest, "FROM:")
    if not text:
        return Mail(sender)
    parameters = split_parameters(text)
    require_known(parameters, (*MAIL_PARAMETERS, *reports))
    return Mail(
        sender,
        size=read_size(parameters),
        body=read_body(parameters),
        utf8=read_flag(parameters, "SMTPUTF8"),
        ret=read_ret(parameters),
        envid=read_envid(parameters),
        by=read_by(parameters),
    )


def _rcpt(rest: str, reports: Sequence[str]) -> Rcpt:
    address, text = read_path(rest, "TO:")
    if not address:
        raise BadSyntax("The recipient is empty")
    if not text:
        return Rcpt(address)
    parameters = split_parameters(text)
    require_known(parameters, reports)
    return Rcpt(address, read_notify(parameters), read_orcpt(parameters))


def _bdat(rest: str) -> Bdat:
    size, _, last = rest.strip().partition(" ")
    if not _DECIMAL.match(size) or last.strip().upper() not in ("", "LAST"):
        raise BadSyntax("BDAT needs a size, and may have LAST")
    return Bdat(int(size), bool(last.strip()))
