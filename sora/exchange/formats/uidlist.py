"""`dovecot-uidlist`: the UIDs of a maildir's messages (version 3, and 1 which is older).

    3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1
    25006 W4321 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,
    25021 :1276528498.M364837P9451.kurkku,S=1355,W=1394

After the UID come fields, a letter and a value each (W and S sizes, P what POP3 calls the message,
G its GUID), then `:` and the file's name, of which the flags mean nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import field, frozen

from sora.errors import BadArgument

FILE: Final = "dovecot-uidlist"
MAX_UID: Final = 2**32 - 1


@frozen
class UidList:
    """UIDs by the base names of files; `uidnext` is the one that comes next."""

    uidvalidity: int
    uidnext: int
    uids: Mapping[str, int] = field(repr=False)


def parse_uidlist(lines: Iterable[str]) -> UidList:
    """Read it line by line. Raises BadArgument when the first line is not one of it; other lines
    that make no sense, and UIDs that do not ascend, are left out."""
    rest = iter(lines)
    words = next(rest, "").split()
    try:
        if words[0] == "3":
            fields = {word[0]: word[1:] for word in words[1:]}
            uidvalidity, uidnext = int(fields["V"]), int(fields["N"])
            entries = _entries_3(rest)
        elif words[0] == "1":
            uidvalidity, uidnext = int(words[1]), int(words[2])
            entries = _entries_1(rest)
        else:
            raise BadArgument(f"{FILE} is of version {words[0]}, which is not known")
    except (ValueError, KeyError, IndexError):
        raise BadArgument(f"The first line of {FILE} is not one of version 1 or 3") from None
    if not 0 < uidvalidity <= MAX_UID:
        raise BadArgument(f"The UIDVALIDITY {uidvalidity} in {FILE} cannot be one")
    uids: dict[str, int] = {}
    last = 0
    for uid, base in entries:
        if last < uid < MAX_UID:
            uids[base] = last = uid
    return UidList(uidvalidity, min(max(uidnext, last + 1), MAX_UID), uids)


def _entries_3(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for line in lines:
        head, colon, name = line.rstrip("\n").partition(":")
        number = head.partition(" ")[0]
        if colon and name and number.isascii() and number.isdigit():
            yield int(number), name.partition(":")[0]


def _entries_1(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for line in lines:
        number, _, name = line.rstrip("\n").partition(" ")
        if name and number.isascii() and number.isdigit():
            yield int(number), name.partition(":")[0]


def uidlist_header(uidvalidity: int, uidnext: int, guid: str) -> str:
    """The first line; `guid` is the mailbox's own, 32 digits of hex."""
    return f"3 V{uidvalidity} N{uidnext} G{guid}\n"


def uidlist_line(uid: int, name: str) -> str:
    """The line of a message; `name` is that of its file."""
    return f"{uid} :{name}\n"
