"""The words of many messages, in the form in which they are stored for search.

index = WordIndex(after=4000)
index.add(4001, header, body)
index.add(4003, header, body)
index.rows()
"""

from collections.abc import Iterator
from typing import Final

from attrs import define, field, frozen

from sora.mail.words import grams, signature, words

SUBJECT: Final = "s"
FROM: Final = "f"
TO: Final = "t"
HEADER: Final = "h"
NAMES: Final = "n"
BODY: Final = "y"

OF_FIELD: Final = {"subject": SUBJECT, "from": FROM, "to": TO}
"""Fields of the header whose words are known apart from those of all the header."""

WIDE: Final = frozenset({FROM, TO, HEADER})
"""Fields whose words are wide ones (`sora.mail.words`)."""

WORDS_IN_ROW: Final = 512
GRAMS_IN_ROW: Final = 1500
"""Of `GRAM_BITS` bits a third is set then; more of them would tell too little."""

MOST_NUMBERS: Final = 50_000
"""How far apart the UIDs of a `WordIndex` may be: before the code points of surrogates."""
_ZERO: Final = 48


def number_text(number: int) -> str:
    """A message's number as one character; `0` is 0."""
    return chr(_ZERO + number)


@frozen
class WordRow:
    """Some of the words of one field of the index (`SUBJECT` … `BODY`), ascending.

    `words` has a line feed before, between and after them. `postings` is the same with, for each
    word, the numbers of its messages, ascending, as `number_text` writes them. `grams` is the
    signature of the words (`sora.mail.words.signature`).
    """

    of_field: str
    grams: str = field(repr=False)
    words: str = field(repr=False)
    postings: str = field(repr=False)


@define
class WordIndex:
    """Collects words. The number of a message is its UID less `first_uid`, that of the first."""

    first_uid: int = 0
    octets: int = 0
    """about what was added, in characters"""
    _postings: dict[str, dict[str, list[str]]] = field(
        factory=lambda: {name: {} for name in (SUBJECT, FROM, TO, HEADER, NAMES, BODY)}
    )

    def add(self, uid: int, header: str, body: str) -> None:
        """Add a message, of a higher UID than those before. `header` are the folded lines of
        `Facts.text_header`, those of its trace included; `body` is `Facts.text_body`."""
        self.first_uid = self.first_uid or uid
        number = number_text(uid - self.first_uid)
        names = set()
        apart: dict[str, set[str]] = {}
        for line in header.split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                names.add(name)
                of_field = OF_FIELD.get(name)
                if of_field is not None:
                    apart.setdefault(of_field, set()).update(words(value, of_field in WIDE))
        self._note(NAMES, names, number)
        for of_field, found in apart.items():
            self._note(of_field, found, number)
        self._note(HEADER, words(header, wide=True), number)
        self._note(BODY, words(body), number)
        self.octets += len(header) + len(body)

    def _note(self, of_field: str, found: set[str], number: str) -> None:
        postings = self._postings[of_field]
        for word in found:
            known = postings.get(word)
            if known is None:
                postings[word] = [number]
            else:
                known.append(number)

    def takes(self, uid: int) -> bool:
        """Whether a message of this UID still has a number here."""
        return not self.first_uid or uid - self.first_uid < MOST_NUMBERS

    def rows(self) -> Iterator[WordRow]:
        """What is to be stored."""
        for of_field, postings in self._postings.items():
            for some, seen in _portions(sorted(postings)):
                lines = ["".join(postings[word]) for word in some]
                yield WordRow(
                    of_field,
                    signature(seen),
                    "\n".join(["", *some, ""]),
                    "\n".join(["", *lines, ""]),
                )


def _portions(ordered: list[str]) -> Iterator[tuple[list[str], set[str]]]:
    """Words for one row each, and the grams in them."""
    some: list[str] = []
    seen: set[str] = set()
    for word in ordered:
        some.append(word)
        seen.update(grams(word))
        if len(some) >= WORDS_IN_ROW or len(seen) >= GRAMS_IN_ROW:
            yield some, seen
            some, seen = [], set()
    if some:
        yield some, seen
