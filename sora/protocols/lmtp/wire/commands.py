"""The grammar of LMTP's commands (RFC 5321 §4.1, RFC 2033 §4): a line to a value."""

from re import IGNORECASE, Pattern
from re import compile as compile_regex
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, BadSyntax, UnknownCommand

_PATH = compile_regex(
    r"[ ]*<(?:@[^:<>\"]*:)?((?:\"(?:[^\"\\]|\\.)*\"|[^\"<>\s])*)>(?: +(.*))?\Z",
)
_CONTROL = compile_regex(r"[\x00-\x1f\x7f]")
_FROM = compile_regex(r"FROM:", IGNORECASE)
_TO = compile_regex(r"TO:", IGNORECASE)
_DECIMAL = compile_regex(r"\d{1,20}\Z")
_NAME = compile_regex(r"[\x21-\x7e\x80-\U0010ffff]{1,255}\Z")

BODIES: Final = ("7BIT", "8BITMIME")


@frozen
class Lhlo:
    """LHLO name"""

    name: str


@frozen
class Mail:
    """MAIL FROM:<sender>; `sender` is empty for the null path, `size` None when not said."""

    sender: str
    size: int | None = None
    utf8: bool = False


@frozen
class Rcpt:
    """RCPT TO:<address>"""

    address: str


@frozen
class Bdat:
    """BDAT size [LAST]"""

    size: int
    last: bool


@frozen
class Plain:
    """A command without arguments, or whose arguments do not matter; `word` is in capitals."""

    word: str


Command = Lhlo | Mail | Rcpt | Bdat | Plain


class UnknownParameter(BadArgument):
    """A parameter of MAIL or RCPT is not known."""


def parse(line: bytes) -> Command:
    """Read a command line.

    Raises:
        UnknownCommand: there is no such command.
        BadSyntax: the line does not follow the grammar.
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
        case "LHLO":
            return _lhlo(rest.strip())
        case "MAIL":
            return _mail(rest)
        case "RCPT":
            return _rcpt(rest)
        case "BDAT":
            return _bdat(rest)
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


def _mail(rest: str) -> Mail:
    sender, parameters = _path(rest, _FROM, "MAIL FROM:<address>")
    size: int | None = None
    utf8 = False
    for name, value in _parameters(parameters):
        match name:
            case "SIZE":
                if value is None or not _DECIMAL.match(value):
                    raise BadSyntax("SIZE needs a number")
                size = int(value)
            case "BODY":
                if value is None or value.upper() not in BODIES:
                    raise BadSyntax(f"BODY is one of {', '.join(BODIES)}")
            case "SMTPUTF8" if value is None:
                utf8 = True
            case _:
                raise UnknownParameter(f"The parameter {name[:40]} is not known")
    return Mail(sender, size, utf8)


def _rcpt(rest: str) -> Rcpt:
    address, parameters = _path(rest, _TO, "RCPT TO:<address>")
    if not address:
        raise BadSyntax("The recipient is empty")
    for name, _ in _parameters(parameters):
        raise UnknownParameter(f"The parameter {name[:40]} is not known")
    return Rcpt(address)


def _bdat(rest: str) -> Bdat:
    size, _, last = rest.strip().partition(" ")
    if not _DECIMAL.match(size) or last.strip().upper() not in ("", "LAST"):
        raise BadSyntax("BDAT needs a size, and may have LAST")
    return Bdat(int(size), bool(last.strip()))


def _path(rest: str, keyword: "Pattern[str]", form: str) -> tuple[str, str]:
    begin = keyword.match(rest)
    path = _PATH.match(rest, begin.end()) if begin else None
    if path is None:
        raise BadSyntax(f"The form is {form}")
    return path[1], path[2] or ""


def _parameters(text: str) -> list[tuple[str, str | None]]:
    found = []
    for word in text.split():
        name, equals, value = word.partition("=")
        found.append((name.upper(), value if equals else None))
    return found
