"""Flags and keywords of messages (RFC 3501 §2.3.2), as a mask.

The state of a message is one integer: the five system flags are its lowest bits, keyword
number `k` of the account is bit `5 + k`. `Keywords` is the account's dictionary between
numbers and names: keywords are caseless in identity, first-seen in spelling (G33).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, KeywordRefused, TooMany

SEEN: Final = 1
ANSWERED: Final = 2
FLAGGED: Final = 4
DELETED: Final = 8
DRAFT: Final = 16
SYSTEM: Final = SEEN | ANSWERED | FLAGGED | DELETED | DRAFT

FIRST_KEYWORD_BIT: Final = 5
MAX_KEYWORD_LENGTH: Final = 250
MAX_KEYWORDS_PER_COMMAND: Final = 100
MAX_KEYWORDS: Final = 1000
"""Of an account: each is a bit of the masks of its messages, and none is ever forgotten."""

SYSTEM_NAMES: Final[tuple[tuple[int, str], ...]] = (
    (ANSWERED, "\\Answered"),
    (FLAGGED, "\\Flagged"),
    (DELETED, "\\Deleted"),
    (SEEN, "\\Seen"),
    (DRAFT, "\\Draft"),
)
_SYSTEM_BITS: Final = {name.lower(): bit for bit, name in SYSTEM_NAMES}
# RFC 3501 §9: flag-keyword is an atom.
_ATOM: Final = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~\[]+\Z")


@frozen
class Flags:
    """Flags as a client names them: a mask of system flags, and keywords by name."""

    system: int = 0
    keywords: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.system or self.keywords)


def parse_flags(names: Iterable[str]) -> Flags:
    """Names as in a flag list -> Flags. `\\Recent` is dropped (RFC 3501 §2.3.2).

    `NIL` is an atom, and so a keyword by the grammar (RFC 3501 §9). But there are clients that read
    it as nothing at all in a list of flags, so no message gets it (G33): which keywords there can
    be, a server decides (§2.3.2).

    Raises:
        BadArgument: an unknown system flag, or a keyword that is not an atom.
        KeywordRefused: a keyword that no message can have.
        TooMany: more than `MAX_KEYWORDS_PER_COMMAND` keywords.
    """
    system = 0
    keywords: dict[str, str] = {}
    for name in names:
        if name.startswith("\\"):
            bit = _SYSTEM_BITS.get(name.lower())
            if bit is None and name.lower() != "\\recent":
                raise BadArgument(f"{name} is not a flag that can be set")
            system |= bit or 0
        elif not _ATOM.match(name):
            raise BadArgument(f"{name!r} is not a keyword: it has to be an atom")
        elif name.upper() == "NIL":
            raise KeywordRefused("No message can have the keyword NIL")
        elif len(name) > MAX_KEYWORD_LENGTH:
            raise KeywordRefused(f"A keyword is longer than {MAX_KEYWORD_LENGTH} characters")
        else:
            keywords.setdefault(fold_keyword(name), name)
    if len(keywords) > MAX_KEYWORDS_PER_COMMAND:
        raise TooMany(f"More than {MAX_KEYWORDS_PER_COMMAND} keywords in one command")
    return Flags(system, tuple(keywords.values()))


def fold_keyword(name: str) -> str:
    """What keywords are compared by."""
    return name.lower()


class Keywords:
    """An account's dictionary of keywords: number <-> name. Numbers begin with 0 and only grow."""

    def __init__(self, names: Iterable[tuple[int, str]] = ()) -> None:
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._known = 0
        self.learn(names)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(sorted(self._names.items()))

    @property
    def known(self) -> int:
        """All keywords below this number are known; storage sends those from it on."""
        return self._known

    def learn(self, names: Iterable[tuple[int, str]]) -> None:
        """Take up keywords that storage told of."""
        for number, name in names:
            if number not in self._names:
                self._names[number] = name
                self._numbers[fold_keyword(name)] = number
                self._texts.clear()
        # Not the largest one: answers may tell of a later keyword before an earlier one.
        while self._known in self._names:
            self._known += 1

    def replace(self, names: Iterable[tuple[int, str]]) -> None:
        """These are all keywords of the account: numbers that are not among them, or stand for
        something else there, were lost by storage (G70)."""
        self._names.clear()
        self._numbers.clear()
        self._texts.clear()
        self._known = 0
        self.learn(names)

    def number(self, name: str) -> int | None:
        """The number of a keyword, None if the account has never used it."""
        return self._numbers.get(fold_keyword(name))

    def bit(self, name: str) -> int:
        """The mask of a keyword, 0 if the account has never used it."""
        number = self.number(name)
        return 0 if number is None else 1 << (FIRST_KEYWORD_BIT + number)

    def mask(self, flags: Flags) -> int:
        """The mask of flags; keywords that the account has never used are left out."""
        mask = flags.system
        for name in flags.keywords:
            mask |= self.bit(name)
        return mask

    def names(self, mask: int) -> list[str]:
        """The keywords in a mask, in the order of their numbers."""
        rest = mask >> FIRST_KEYWORD_BIT
        found = []
        while rest:
            number = (rest & -rest).bit_length() - 1
            rest &= rest - 1
            name = self._names.get(number)
            if name is not None:
                found.append(name)
        return found

    def text(self, mask: int) -> str:
        """The mask as it stands between the parentheses of FLAGS: `\\Seen $Forwarded`."""
        known = self._texts.get(mask)
        if known is None:
            if len(self._texts) > 4096:
                self._texts.clear()
            known = self._texts[mask] = " ".join(
                [name for bit, name in SYSTEM_NAMES if mask & bit] + self.names(mask)
            )
        return known
