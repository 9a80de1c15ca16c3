"""Names in a maildir: of messages, with their flags and sizes, and of folders.

`unique[,S=size][,W=size with CRLF][:2,flags]`: what comes before the colon names the message as
long as it lives; S and W are Dovecot's. Flags are letters in the order of ASCII, capitals those of
the format, small ones Dovecot's keywords (`sora.exchange.formats.keywords`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, BadName
from sora.mail.flags import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    SEEN,
    Flags,
    fold_keyword,
    parse_flags,
)
from sora.mail.mailbox_names import DELIMITER, decode_utf7, encode_utf7, normalise

SUBDIRECTORIES: Final = ("cur", "new", "tmp")
_LETTERS: Final = (("D", DRAFT), ("F", FLAGGED), ("R", ANSWERED), ("S", SEEN), ("T", DELETED))
_SYSTEM: Final = dict(_LETTERS)
PASSED: Final = "P"
"""the letter of what was forwarded, which elsewhere is a keyword"""
FORWARDED: Final = "$Forwarded"
MAX_LETTERS: Final = 26
"""keywords that can stand in file names"""
_SIZE: Final = re.compile(r",([SW])=([0-9]{1,18})(?=,|\Z)")


@frozen
class MessageName:
    """The name of a message's file. `base` names the message, `letters` are its flags; sizes in
    octets, None where the name does not tell."""

    base: str
    letters: str = ""
    size: int | None = None
    size_crlf: int | None = None


def parse_name(name: str) -> MessageName:
    """The name of a file in `cur` or `new`. Never raises: what is no flag is left out."""
    base, _, info = name.partition(":")
    sizes = {letter: int(number) for letter, number in _SIZE.findall(base)}
    letters = info[2:].partition(",")[0] if info.startswith("2,") else ""
    return MessageName(base, letters, sizes.get("S"), sizes.get("W"))


def flags_of(letters: str, keywords: Mapping[str, str]) -> Flags:
    """Flags by their letters; `keywords` are names by small letter. What is unknown, or cannot be a
    keyword, is left out."""
    names = [FORWARDED] if PASSED in letters else []
    names += [keywords[letter] for letter in letters if letter in keywords]
    system = 0
    for letter in letters:
        system |= _SYSTEM.get(letter, 0)
    return Flags(system, sound_keywords(names))


def sound_keywords(names: Sequence[str]) -> tuple[str, ...]:
    """Those that messages can have, each once."""
    sound: dict[str, str] = {}
    for name in names:
        try:
            parse_flags([name])
        except BadArgument:
            continue
        if not name.startswith("\\"):
            sound.setdefault(fold_keyword(name), name)
    return tuple(sound.values())


def letters_of(flags: Flags, keywords: Mapping[str, str]) -> str:
    """The letters of flags, in their order; `keywords` are small letters by folded name."""
    letters = [letter for letter, bit in _LETTERS if flags.system & bit]
    letters += [
        keywords[fold_keyword(name)] for name in flags.keywords if fold_keyword(name) in keywords
    ]
    return "".join(sorted(letters))


def file_name(unique: str, size: int, size_crlf: int, letters: str) -> str:
    """The name of a file in `cur`."""
    return f"{unique},S={size},W={size_crlf}:2,{letters}"


def order_of(base: str) -> tuple[int, str]:
    """What messages without UIDs are ordered by: the seconds that most names begin with, the
    name."""
    seconds = base.partition(".")[0]
    return (int(seconds) if seconds.isascii() and seconds.isdigit() else 0, base)


# ------------------------------------------------------------------ folders


def decode_level(octets: bytes) -> str:
    """One level of a folder's name: modified UTF-7, or UTF-8 where it is no such thing (Dovecot's
    `mailbox_list_utf8`, and what others write). Raises BadName."""
    try:
        return decode_utf7(octets)
    except BadName:
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            raise BadName("The name is neither modified UTF-7 nor UTF-8") from None


def folder_of(levels: Sequence[bytes]) -> str:
    """The mailbox of a folder, by the levels of its name. Raises BadName."""
    names = [decode_level(level) for level in levels]
    if any(not name or DELIMITER in name for name in names):
        raise BadName(f"A level of a mailbox's name cannot be empty, or have {DELIMITER} in it")
    return normalise(DELIMITER.join(names))


def maildirpp_levels(directory: bytes) -> list[bytes]:
    """The levels of a directory `.A.B` in the root of a Maildir++."""
    return directory[1:].split(b".")


def maildirpp_directory(name: str) -> str:
    """The directory of a mailbox in a Maildir++, `.A.B`. Raises BadName for a level with a dot in
    it, which would become two."""
    levels = name.split(DELIMITER)
    if any("." in level for level in levels):
        raise BadName("In a Maildir++ a level cannot have a dot: export with --layout fs")
    return "." + ".".join(encode_utf7(level).decode("ascii") for level in levels)


def fs_directory(name: str) -> str:
    """The directory of a mailbox in the layout `fs`, `A/B`. Raises BadName for a level that is the
    name of a directory with messages, or begins with a dot."""
    levels = name.split(DELIMITER)
    if any(level in SUBDIRECTORIES or level.startswith(".") for level in levels):
        raise BadName("In the layout fs no level can be cur, new or tmp, or begin with a dot")
    return "/".join(encode_utf7(level).decode("ascii") for level in levels)
