"""What stands behind the word of a command (RFC 1939 §3; RFC 2449 §4): words with single spaces
between them. More spaces than one are taken for one."""

from collections.abc import Sequence
from re import compile as compile_regex
from typing import Final

from sora.errors import BadSyntax

_NUMBER: Final = compile_regex(rb"[0-9]{1,10}\Z")


def words(rest: bytes, least: int, most: int, form: str) -> Sequence[bytes]:
    """The arguments. Raises BadSyntax, with the `form` that the command has."""
    found = rest.split()
    if not least <= len(found) <= most:
        raise BadSyntax(f"The form is {form}")
    return found


def nothing(rest: bytes, form: str) -> None:
    """There are none. Raises BadSyntax."""
    words(rest, 0, 0, form)


def number(word: bytes) -> int:
    """A decimal number. Raises BadSyntax."""
    if not _NUMBER.match(word):
        raise BadSyntax("A number is expected")
    return int(word)


def message_number(rest: bytes, form: str) -> int:
    """The one argument is the number of a message, from 1 on. Raises BadSyntax."""
    [word] = words(rest, 1, 1, form)
    return number(word)


def text(rest: bytes, form: str) -> str:
    """All that stands there, which may have spaces (RFC 1939 §7, PASS). Raises BadSyntax."""
    try:
        found = rest.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSyntax("User and password have to be UTF-8") from None
    if not found:
        raise BadSyntax(f"The form is {form}")
    return found
