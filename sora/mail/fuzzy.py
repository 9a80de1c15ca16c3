"""What a loose search means (RFC 6203), in terms of exact ones.

A text matches loosely when each of its words does, in any order. A word does when the text that
is searched has it, or most of it (an ending more or less), or has it with one slip: two letters
exchanged, a letter doubled or too many. So a loose search is a tree of exact ones, and all that
finds those finds it. Criteria that are not texts are as exact as ever.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from unicodedata import combining

from attrs import evolve

from sora.mail.criteria import And, BodyHas, Criterion, Fuzzy, HeaderHas, Not, Or, TextHas
from sora.mail.text import fold

MAX_WORDS: Final = 8
"""Words of one text that are looked for one by one; a longer one is looked for as it is."""
MAX_GRADED: Final = 10
"""Texts of one search that are graded; with ten, each counts for ten of a hundred."""
_SHORT: Final = 4
"""Letters of the shortest word that may have a slip."""
_LONG: Final = 24
"""Letters of the longest one."""

Leaf = HeaderHas | BodyHas | TextHas


def exact(criterion: Criterion) -> Criterion:
    """The criterion without `Fuzzy`: it matches the same messages."""
    return _each(criterion, False, lambda leaf, loose: _words(leaf) if loose else leaf)


def grades(criterion: Criterion) -> Sequence[tuple[Criterion, int]]:
    """What raises a message's score, and by how much: at most 100 together. Only what is loose
    and not negated is graded."""
    leaves = list(_loose(criterion, False))[:MAX_GRADED]
    share = 100 // len(leaves) if leaves else 0
    found: list[tuple[Criterion, int]] = []
    for leaf in leaves:
        words = And(tuple(evolve(leaf, text=word) for word in _split(leaf.text)))
        best = leaf if isinstance(leaf, HeaderHas) else HeaderHas("Subject", leaf.text)
        for part, percent in ((_words(leaf), 10), (words, 30), (leaf, 40), (best, 20)):
            found.append((part, share * percent // 100))
    return found


def _each(
    criterion: Criterion, loose: bool, change: Callable[[Leaf, bool], Criterion]
) -> Criterion:
    match criterion:
        case And(parts):
            return And(tuple(_each(part, loose, change) for part in parts))
        case Or(parts):
            return Or(tuple(_each(part, loose, change) for part in parts))
        case Not(part):
            return Not(_each(part, loose, change))
        case Fuzzy(part):
            return _each(part, True, change)
        case HeaderHas() | BodyHas() | TextHas():
            return change(criterion, loose)
        case _:
            return criterion


def _loose(criterion: Criterion, loose: bool) -> Iterator[Leaf]:
    match criterion:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _loose(part, loose)
        case Fuzzy(part):
            yield from _loose(part, True)
        case HeaderHas() | BodyHas() | TextHas() if loose:
            yield criterion


def _words(leaf: Leaf) -> Criterion:
    words = _split(leaf.text)
    if not words or len(words) > MAX_WORDS:
        return leaf
    return And(tuple(Or(tuple(evolve(leaf, text=form) for form in _forms(word))) for word in words))


def _split(text: str) -> list[str]:
    folded = fold(text)
    return "".join(one if one.isalnum() or combining(one) else " " for one in folded).split()


def _forms(word: str) -> list[str]:
    """The word as it may stand in a text; what contains another form is left out."""
    length = len(word)
    if not _SHORT <= length <= _LONG:
        return [word]
    most = -(-2 * length // 3)
    forms = {word[:most], word[-most:]}
    for place in range(length):
        before, after = word[:place], word[place + 1 :]
        if length > _SHORT:
            forms.add(before + after)
        forms.add(before + word[place] * 2 + after)
        forms.add(before + after[:1] + word[place] + after[1:])
    return sorted(form for form in forms if not any(one in form for one in forms if one != form))
