"""Names of mailboxes: hierarchy, patterns of LIST, modified UTF-7, special uses.

A name inside is Unicode in NFC, with "/" between its levels. Names are case-sensitive, but
for INBOX, which is INBOX in any case, also as the first level of a longer name (G22, G38).
"""

import binascii
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from sora.errors import BadName

DELIMITER: Final = "/"
INBOX: Final = "INBOX"
MAX_LEVEL_OCTETS: Final = 255
MAX_NAME_OCTETS: Final = 1000
MAX_DEPTH: Final = 50

SPECIAL_USES: Final = (
    "\\All",
    "\\Archive",
    "\\Drafts",
    "\\Flagged",
    "\\Important",
    "\\Junk",
    "\\Sent",
    "\\Trash",
)
"""The special uses that can be set (RFC 6154 §2, RFC 8457)."""

# C0, DEL, C1, the line and paragraph separators (RFC 5198 §2), and lone surrogates.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]*\Z")


def name_key(name: str) -> str:
    """What names are compared by: NFC, and INBOX in capitals. Never raises."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    if name[:5].upper() == INBOX and (len(name) == 5 or name[5] == DELIMITER):
        return INBOX + name[5:]
    return name


def normalise(name: str) -> str:
    """The name under which a mailbox is kept; one trailing delimiter is dropped.

    Raises:
        BadName: an empty level, `.` or `..` as a level, a control character, too long, or
            too deep.
    """
    name = name_key(name.removesuffix(DELIMITER))
    if not name:
        raise BadName("The name of a mailbox cannot be empty")
    if _FORBIDDEN.search(name):
        raise BadName("The name of a mailbox cannot have control characters")
    if len(name.encode("utf-8")) > MAX_NAME_OCTETS:
        raise BadName(f"The name of a mailbox cannot have more than {MAX_NAME_OCTETS} octets")
    levels = name.split(DELIMITER)
    if len(levels) > MAX_DEPTH:
        raise BadName(f"A mailbox cannot be more than {MAX_DEPTH} levels deep")
    for level in levels:
        if not level:
            raise BadName("The name of a mailbox cannot have an empty level")
        if level in (".", ".."):
            raise BadName(f"A level of a mailbox's name cannot be {level!r}")
        if len(level.encode("utf-8")) > MAX_LEVEL_OCTETS:
            raise BadName(f"A level of a name cannot have more than {MAX_LEVEL_OCTETS} octets")
    return name


def superiors(name: str) -> list[str]:
    """The names above this one, the highest first: `a/b/c` -> `a`, `a/b`."""
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:count]) for count in range(1, len(levels))]


# ------------------------------------------------------------------ patterns of LIST


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern of LIST matches: `*` is anything, `%` anything within one level.

    The time is linear in the name for any pattern (RFC 3501 §6.3.8 sets no limit on
    wildcards, so a matcher that goes back and tries again can be kept busy for hours).
    """
    return _matcher(pattern)(name)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], bool]:
    wanted = re.sub(r"%*\*[%*]*", "*", name_key(pattern))
    wanted = re.sub(r"%+", "%", wanted)
    wildcards = wanted.count("*") + wanted.count("%")
    if wildcards > 2:
        return _Automaton(wanted).accepts
    # With one or two wildcards a regular expression cannot explode, and is faster.
    expression = re.compile(
        "".join(
            {"*": ".*", "%": f"[^{DELIMITER}]*"}.get(character) or re.escape(character)
            for character in wanted
        )
        + r"\Z",
        re.DOTALL,
    )
    inbox = _Automaton(wanted).accepts

    def accepts(name: str) -> bool:
        if name[:5] == INBOX and (len(name) == 5 or name[5] == DELIMITER):
            return inbox(name)
        return expression.match(name) is not None

    return accepts


class _Automaton:
    """All places in the pattern that the name read so far can have led to, as one integer:
    bit n is set when the first n elements of the pattern are satisfied."""

    def __init__(self, pattern: str) -> None:
        self._literals: dict[str, int] = {}
        self._stars = self._percents = 0
        for number, character in enumerate(pattern):
            bit = 1 << number
            if character == "*":
                self._stars |= bit
            elif character == "%":
                self._percents |= bit
            else:
                self._literals[character] = self._literals.get(character, 0) | bit
        self._wildcards = self._stars | self._percents
        self._end = 1 << len(pattern)

    def accepts(self, name: str) -> bool:
        caseless = 5 if name[:5] == INBOX and (len(name) == 5 or name[5] == DELIMITER) else 0
        places = 1
        places |= (places & self._wildcards) << 1
        for number, character in enumerate(name):
            literal = self._literals.get(character, 0)
            if number < caseless:
                literal |= self._literals.get(character.lower(), 0)
            staying = self._stars if character == DELIMITER else self._wildcards
            places = (places & staying) | ((places & literal) << 1)
            if not places:
                return False
            places |= (places & self._wildcards) << 1
        return bool(places & self._end)


# ------------------------------------------------------------------ modified UTF-7


def encode_utf7(name: str) -> bytes:
    """Modified UTF-7 (RFC 3501 §5.1.3)."""
    if name.isascii() and name.isprintable():
        return name.replace("&", "&-").encode("ascii")
    return b"".join(
        run.replace("&", "&-").encode("ascii")
        if run[0].isascii() and run[0].isprintable()
        else _shifted(run)
        for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name)
    )


def _shifted(run: str) -> bytes:
    utf16 = run.encode("utf-16-be", "surrogatepass")
    return b"&" + binascii.b2a_base64(utf16, newline=False).rstrip(b"=").replace(b"/", b",") + b"-"


def decode_utf7(data: bytes) -> str:
    """A name in modified UTF-7 -> text.

    Raises:
        BadName: bad base64, a character shifted that must not be, or 8-bit octets.
    """
    if not _PRINTABLE.match(data):
        raise BadName("The name of a mailbox is not modified UTF-7 (RFC 3501, 5.1.3)")
    if b"&" not in data:
        return data.decode("ascii")
    first, *rest = data.decode("ascii").split("&")
    pieces = [first]
    for piece in rest:
        shifted, dash, plain = piece.partition("-")
        if not dash:
            raise BadName("A shift in the modified UTF-7 of a name is not ended with '-'")
        pieces.append(_unshifted(shifted) if shifted else "&")
        pieces.append(plain)
    return "".join(pieces)


def _unshifted(shifted: str) -> str:
    base64 = shifted.replace(",", "/")
    try:
        if "/" in shifted:
            raise BadName("The base64 in the modified UTF-7 of a name is wrong")
        octets = binascii.a2b_base64(base64 + "=" * (-len(base64) % 4), strict_mode=True)
        text = octets.decode("utf-16-be")
    except ValueError:
        raise BadName("The base64 in the modified UTF-7 of a name is wrong") from None
    # What is printable US-ASCII must stand for itself: one name, one spelling.
    if any(" " <= character <= "~" for character in text) or _shifted(text)[1:-1] != (
        shifted.encode("ascii")
    ):
        raise BadName("The modified UTF-7 of a name is not in its one form")
    return text
