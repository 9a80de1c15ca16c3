"""`dovecot-keywords`: which keyword each small letter in file names is, `0 $Forwarded` for `a`."""

from collections.abc import Iterable, Mapping
from typing import Final

from sora.exchange.formats.maildir import MAX_LETTERS

FILE: Final = "dovecot-keywords"


def parse_keywords(lines: Iterable[str]) -> dict[str, str]:
    """Names by letter. Lines that make no sense are left out."""
    found = {}
    for line in lines:
        number, _, name = line.strip().partition(" ")
        if name and number.isascii() and number.isdigit() and int(number) < MAX_LETTERS:
            found[chr(ord("a") + int(number))] = name
    return found


def keywords_text(letters: Mapping[str, str]) -> str:
    """The file, from names by letter."""
    return "".join(f"{ord(letter) - ord('a')} {letters[letter]}\n" for letter in sorted(letters))
