"""Patterns of `:matches` (RFC 5228 §2.7.1): `*` is any text, `?` one character, `\\` quotes.

Wildcards take as little as they can (RFC 5229 §3.2), the first ones first. A pattern is cut at its
stars; each piece is looked for where the one before ended, and the last must end the text. As the
pieces between have no stars, the first place of each is as good as any later one: nothing is ever
tried again, and the time is at most the text's length times the pattern's.
"""

import re
from typing import Final

from attrs import frozen

_PART: Final = re.compile(r"\\(.)|([*?])|([^\\*?]+|\\)", re.DOTALL)


@frozen
class _Piece:
    """What stands between two stars. `literal` is all of it when it has no question marks; else
    `expression` finds it, and `questions` are their places in it."""

    length: int
    literal: str | None
    expression: "re.Pattern[str] | None" = None
    questions: tuple[int, ...] = ()


@frozen
class Pattern:
    """A pattern; it is compared with texts in the form of the same comparator."""

    pieces: tuple[_Piece, ...]
    questions: int

    @property
    def stars(self) -> int:
        """How many `*` it has."""
        return len(self.pieces) - 1

    def cost(self, length: int) -> int:
        """Instructions for a text of this length. Pieces with question marks may compare all of
        themselves at each place."""
        slow = sum(piece.length for piece in self.pieces if piece.expression is not None)
        return (length * (slow + 1) >> 8) + len(self.pieces) // 16

    def match(self, text: str) -> "list[tuple[int, int]] | None":
        """What each wildcard stands for, as places in the text; None if it does not match."""
        found: list[tuple[int, int]] = []
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return found if first.length == len(text) and _at(first, text, 0, found) else None
        if not _at(first, text, 0, found):
            return None
        place = first.length
        for piece in self.pieces[1:-1]:
            begin, inside = _find(piece, text, place)
            if begin < 0:
                return None
            found.append((place, begin))
            found += inside
            place = begin + piece.length
        end = len(text) - last.length
        if end < place:
            return None
        found.append((place, end))
        return found if _at(last, text, end, found) else None


def compile_pattern(text: str) -> Pattern:
    """A pattern from its text, which has the comparator's form already."""
    pieces: list[list[str | None]] = [[]]
    questions = 0
    for quoted, wildcard, plain in _PART.findall(text):
        if wildcard == "*":
            pieces.append([])
        elif wildcard:
            pieces[-1].append(None)
            questions += 1
        else:
            pieces[-1].append(quoted or plain)
    return Pattern(tuple(_piece(parts) for parts in pieces), questions)


def _piece(parts: list[str | None]) -> _Piece:
    if None not in parts:
        literal = "".join(part or "" for part in parts)
        return _Piece(len(literal), literal)
    questions: list[int] = []
    length = 0
    for part in parts:
        if part is None:
            questions.append(length)
        length += 1 if part is None else len(part)
    expression = "".join("." if part is None else re.escape(part) for part in parts)
    # A run of question marks is one element.
    expression = re.sub(r"(?<!\\)\.{2,}", lambda run: f".{{{len(run[0])}}}", expression)
    return _Piece(length, None, re.compile(expression, re.DOTALL), tuple(questions))


def _at(piece: _Piece, text: str, place: int, found: list[tuple[int, int]]) -> bool:
    """Whether the piece stands at this place; its question marks are added to `found`."""
    if piece.literal is not None:
        return text.startswith(piece.literal, place)
    assert piece.expression is not None
    if piece.expression.match(text, place) is None:
        return False
    found += [(place + at, place + at + 1) for at in piece.questions]
    return True


def _find(piece: _Piece, text: str, place: int) -> tuple[int, list[tuple[int, int]]]:
    if piece.literal is not None:
        return text.find(piece.literal, place), []
    assert piece.expression is not None
    match = piece.expression.search(text, place)
    if match is None:
        return -1, []
    begin = match.start()
    return begin, [(begin + at, begin + at + 1) for at in piece.questions]
