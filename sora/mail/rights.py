"""Rights on a mailbox (RFC 4314 §2.1): a set of eleven letters, as one number.

Storage keeps letters, `lrswipkxtea` in this order. Clients of RFC 2086 know two more, which
stand for several of ours: `c` for making and deleting mailboxes (`k` and `x`), `d` for deleting
messages (`t` and `e`). They are understood when rights are read, and told with every list of
rights (RFC 4314 §2.1.1).
"""

from collections.abc import Mapping
from enum import IntFlag
from functools import lru_cache
from typing import Final, Literal

from attrs import frozen

from sora.errors import BadRights
from sora.mail.flags import DELETED, SEEN, SYSTEM, Flags


class Rights(IntFlag):
    """Rights; an empty set is falsy. `Rights.READ in rights` is how one is asked for."""

    NONE = 0
    LOOKUP = 1
    """l: it is listed, and can be subscribed to"""
    READ = 2
    """r: SELECT, STATUS, and all that is read"""
    SEE = 4
    """s: \\Seen"""
    WRITE = 8
    """w: flags other than \\Seen and \\Deleted"""
    INSERT = 16
    """i: APPEND, COPY into it"""
    POST = 32
    """p: mail to its own address"""
    CREATE = 64
    """k: CREATE below it, RENAME to below it"""
    REMOVE = 128
    """x: DELETE, RENAME"""
    TRASH = 256
    """t: \\Deleted"""
    EXPUNGE = 512
    """e"""
    ADMINISTER = 1024
    """a: SETACL, DELETEACL, GETACL, LISTRIGHTS"""


ALL: Final = Rights((1 << 11) - 1)
ANY: Final = (
    Rights.LOOKUP | Rights.READ | Rights.INSERT | Rights.CREATE | Rights.REMOVE | Rights.ADMINISTER
)
"""One of these is enough for MYRIGHTS (RFC 4314 §4)."""
FLAG_RIGHTS: Final = Rights.SEE | Rights.WRITE | Rights.TRASH

_LETTERS: Final = dict(zip("lrswipkxtea", (Rights(1 << place) for place in range(11)), strict=True))
_VIRTUAL: Final = {
    "c": Rights.CREATE | Rights.REMOVE,
    "d": Rights.TRASH | Rights.EXPUNGE,
}
_TOLD: Final = tuple((letter, (_LETTERS | _VIRTUAL)[letter]) for letter in "lrswipkxtecda")


Mode = Literal["replace", "add", "remove"]


@frozen
class RightsChange:
    """What SETACL makes of the rights that somebody has (RFC 4314 §3.1)."""

    mode: Mode
    rights: Rights

    def applied(self, old: Rights) -> Rights:
        """The rights after it."""
        match self.mode:
            case "add":
                return old | self.rights
            case "remove":
                return old & ~self.rights
            case "replace":
                return self.rights


def parse_rights(text: str) -> Rights:
    """Letters in any order -> rights. Raises BadRights for what is no right."""
    rights = Rights.NONE
    for letter in text:
        found = _LETTERS.get(letter) or _VIRTUAL.get(letter)
        if found is None:
            if letter.isupper():
                raise BadRights("Rights are written in lower case")
            raise BadRights(f"There is no right {letter!r}")
        rights |= found
    return rights


def parse_change(text: str) -> RightsChange:
    """The third argument of SETACL: `+` or `-` and letters. Raises BadRights."""
    modes: Mapping[str, Mode] = {"+": "add", "-": "remove"}
    mode = modes.get(text[:1])
    if mode is None:
        return RightsChange("replace", parse_rights(text))
    return RightsChange(mode, parse_rights(text[1:]))


@lru_cache(maxsize=2048)
def letters(rights: Rights) -> str:
    """Rights as storage and operators have them."""
    return "".join(letter for letter, right in _LETTERS.items() if right in rights)


@lru_cache(maxsize=2048)
def told(rights: Rights) -> str:
    """Rights as clients are told of them, with `c` and `d` where a member of theirs is set."""
    return "".join(letter for letter, right in _TOLD if right & rights)


@lru_cache(maxsize=256)
def flags_of(rights: Rights) -> tuple[int, bool]:
    """Which flags can be changed: a mask of system flags, and whether keywords can."""
    system = 0
    if Rights.SEE in rights:
        system |= SEEN
    if Rights.TRASH in rights:
        system |= DELETED
    if Rights.WRITE in rights:
        system |= SYSTEM & ~(SEEN | DELETED)
    return system, Rights.WRITE in rights


def permitted(flags: Flags, rights: Rights) -> Flags:
    """Those of the flags that these rights let somebody set (RFC 4314 §4)."""
    system, keywords = flags_of(rights)
    return Flags(flags.system & system, flags.keywords if keywords else ())


def may_change(flags: Flags, rights: Rights) -> bool:
    """Whether STORE may do anything with these flags (RFC 4314 §4): with one that may be
    changed it does not fail. Without any flag, the right to change some is enough."""
    return bool(permitted(flags, rights) if flags else rights & FLAG_RIGHTS)
