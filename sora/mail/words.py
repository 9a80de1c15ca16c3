"""Words of folded text, so that a substring is found without reading the text.

A *word* is a run of letters with their marks, digits and underscores, as long as it goes; a *wide*
word, of a header, may also have what addresses and names of hosts are made of: `ann@example.com`
is one. So a text to look for that is all of such characters stands inside of one word, or
nowhere: whoever knows all words of a message can tell. A text with other characters in it is cut
at them, and what the pieces have to be is known: of `red apple pie` the first ends a word, the
second is one, the third begins one. That all of them are there is necessary, not sufficient:
then the text itself has to be looked at.

Words longer than `LONGEST` (base64, scripts without spaces) are kept as overlapping pieces of that
length: what is not longer than `STEP` stands whole in one of them, in the first piece if it begins
the word, in the last one if it ends it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from zlib import crc32

from attrs import frozen

LONGEST: Final = 64
STEP: Final = 32
GRAM_BITS: Final = 4096

_LONG: Final = 4
# Folded text is decomposed: marks stand for themselves. Of scripts that have many, all of the
# block. What this says is stored: whoever changes it has all mailboxes indexed anew.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0eff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f"
)
_WORD: Final = re.compile(rf"[\w{_MARKS}]+")
_WIDE: Final = re.compile(rf"[\w{_MARKS}.@+-]+")


@frozen
class Wanted:
    """What tells of a text to look for: `patterns` are substrings of a list of words with a line
    feed before and after each word, and all of them must be there. With `exact` that is
    sufficient. No patterns: words do not help."""

    patterns: tuple[str, ...]
    exact: bool


def words(text: str, wide: bool = False) -> set[str]:
    """The different words of a folded text."""
    found = set((_WIDE if wide else _WORD).findall(text))
    long = [word for word in found if len(word) > LONGEST]
    for word in long:
        found.remove(word)
        found.update(_pieces(word))
    return found


def _pieces(word: str) -> Iterator[str]:
    for start in range(0, len(word), STEP):
        yield word[start : start + LONGEST]
        if start + LONGEST >= len(word):
            return


def wanted(text: str, wide: bool = False) -> Wanted:
    """What a folded text to look for wants of words."""
    found = list((_WIDE if wide else _WORD).finditer(text))
    if len(found) == 1 and len(found[0][0]) == len(text) <= STEP:
        return Wanted((text,) if _helps(text) else (), exact=True)
    patterns = []
    for match in found:
        word, begins, ends = match[0], match.start() > 0, match.end() < len(text)
        if len(word) > STEP:
            patterns.append(word[:STEP])
        elif _helps(word) or (begins and ends):
            patterns.append("\n" * begins + word + "\n" * ends)
    long = [pattern for pattern in patterns if len(pattern.strip("\n")) >= _LONG]
    # The longest are the rarest; short ones cost more than they spare.
    chosen = sorted(long or patterns, key=len, reverse=True)
    return Wanted(tuple(dict.fromkeys(chosen))[:3], exact=False)


def _helps(word: str) -> bool:
    """Whether few enough words can have it in them."""
    return len(word) > 1 or not word.isascii()


def grams(word: str) -> list[str]:
    """Each three letters in a row; and each two, in scripts where two may be all of a word."""
    found = [word[place : place + 3] for place in range(len(word) - 2)]
    if not word.isascii():
        pairs = (word[place : place + 2] for place in range(len(word) - 1))
        found += [pair for pair in pairs if not pair.isascii()]
    return found


def signature(seen: Iterable[str]) -> str:
    """Grams as `GRAM_BITS` zeros and ones. Of words that contain a text, the signature has all
    ones that the text's has."""
    bits = bytearray(b"0" * GRAM_BITS)
    for gram in seen:
        bits[crc32(gram.encode()) % GRAM_BITS] = 49
    return bits.decode()
