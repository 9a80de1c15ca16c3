"""Text of a script -> tokens (RFC 5228 §8.1).

More is accepted than the grammar has: line ends may be LF or CR alone, and the last line may lack
one. In strings, line ends are always CRLF.

Text is a `str`. Octets that are no UTF-8, which strings and comments may have (RFC 5228 §2.1), are
lone surrogates in it (PEP 383).
"""

import re
from bisect import bisect_right
from typing import Final

from attrs import define, field, frozen

from sora.sieve.errors import ScriptError

MAX_NUMBER: Final = (1 << 63) - 1
"""RFC 5228 §2.4.1 wants 31 bits."""

WORD: Final = "word"
TAG: Final = "tag"
NUMBER: Final = "number"
STRING: Final = "string"
MARK: Final = "mark"
END: Final = "end"

_SCALES: Final = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*+"
_TOKEN: Final = re.compile(
    r"(?P<space>(?:[ \t\n]|\#[^\n]*+)++)"
    r"|(?P<comment>/\*)"
    r"|(?P<multi>[Tt][Ee][Xx][Tt]:(?:(?P<rest>[ \t]*(?:\#[^\n]*)?)(?P<eol>\n))?)"
    rf"|(?P<word>{_NAME})"
    rf"|(?P<tag>:{_NAME})"
    r"|(?P<number>[0-9]++[KMGkmg]?(?![A-Za-z0-9_]))"
    r"|(?P<quote>\")"
    r"|(?P<mark>[][(){},;])"
    r"|(?P<stray>[0-9][A-Za-z0-9_]*+|.)",
    re.DOTALL,
)
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]++|\\.)*+)\"", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_LAST_LINE: Final = re.compile(r"^\.(?:\n|\Z)", re.MULTILINE)
# Lone surrogates that do not stand for octets.
_NOT_OCTETS: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_STUFFED: Final = re.compile(r"^\.\.", re.MULTILINE)


@frozen
class Token:
    """`value` is a word or tag in lower case, the content of a string, a number, or a mark;
    `at` and `end` are where it stands in the text."""

    kind: str
    value: str | int
    at: int
    end: int


@define
class Source:
    """The text of a script, with its lines."""

    text: str
    _starts: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", self.text))]

    @classmethod
    def of(cls, script: str | bytes) -> "Source":
        """A script as it was stored or typed."""
        if isinstance(script, bytes):
            script = script.decode("utf-8", "surrogateescape")
        else:
            script = _NOT_OCTETS.sub("\ufffd", script)
        return cls(script.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, beginning with 1."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def error(self, at: int, text: str) -> ScriptError:
        """An error at a place of the text."""
        return ScriptError(*self.place(at), text)


def tokens(source: Source, errors: list[ScriptError], most: int = 20) -> list[Token]:
    """The tokens of a script, the last one of kind END. What is none is left out and told in
    `errors`, at most `most` of them. Takes time linear in the text."""
    return _Lexer(source, errors, most).read()


@define
class _Lexer:
    source: Source
    errors: list[ScriptError]
    most: int
    place: int = 0
    found: list[Token] = field(factory=list)

    def read(self) -> list[Token]:
        text = self.source.text
        nul = text.find("\0")
        if nul >= 0:
            self._error(nul, "A script cannot have the character NUL (RFC 5228, 2.1)")
            text = text[:nul]
        size = len(text)
        while self.place < size:
            token = _TOKEN.match(text, self.place)
            assert token is not None  # "stray" is anything
            kind, at, self.place = token.lastgroup, self.place, token.end()
            if kind == "space":
                continue
            if kind in (WORD, MARK):
                self._add(kind, token[0].lower(), at)
            elif kind == TAG:
                self._add(TAG, token[0][1:].lower(), at)
            elif kind == "quote":
                self._quoted(text, at)
            elif kind == NUMBER:
                self._number(token[0], at)
            elif kind == "comment":
                self._comment(text, at)
            elif kind in ("multi", "eol"):
                self._multi_line(text, at, token["eol"] is not None)
            else:
                self._stray(text, token[0], at)
            if len(self.errors) >= self.most:
                break
        self.found.append(Token(END, "", size, size))
        return self.found

    def _add(self, kind: str, value: str | int, at: int) -> None:
        self.found.append(Token(kind, value, at, self.place))

    def _error(self, at: int, text: str) -> None:
        self.errors.append(self.source.error(at, text))

    def _quoted(self, text: str, at: int) -> None:
        string = _QUOTED.match(text, at)
        if string is None:
            self._error(at, "This string is not ended: a second quotation mark is missing")
            self.place = len(text)
            return
        value, self.place = string[1], string.end()
        if "\\" in value:
            value = _ESCAPE.sub(r"\1", value)
        self._add(STRING, value.replace("\n", "\r\n"), at)

    def _multi_line(self, text: str, at: int, begins: bool) -> None:
        if not begins:
            self._error(at, "The text of a multi-line string begins on the line after 'text:'")
            self.place = max(text.find("\n", at), at + len("text:"))
            return
        last = _LAST_LINE.search(text, self.place)
        if last is None:
            self._error(at, "This text is not ended: a line with nothing but '.' is missing")
            self.place = len(text)
            return
        value = _STUFFED.sub(".", text[self.place : last.start()])
        self.place = last.end()
        self._add(STRING, value.replace("\n", "\r\n"), at)

    def _number(self, digits: str, at: int) -> None:
        scale = _SCALES.get(digits[-1].upper(), 1)
        digits = digits.rstrip("KMGkmg").lstrip("0")
        value = int(digits or "0") * scale if len(digits) < 20 else MAX_NUMBER + 1
        if value > MAX_NUMBER:
            self._error(at, f"This number is larger than {MAX_NUMBER}")
            value = MAX_NUMBER
        self._add(NUMBER, value, at)

    def _comment(self, text: str, at: int) -> None:
        end = text.find("*/", at + 2)
        if end < 0:
            self._error(at, "This comment is not ended: '*/' is missing")
            end = len(text)
        self.place = min(end + 2, len(text))

    def _stray(self, text: str, word: str, at: int) -> None:
        if word[0] in "0123456789":
            self._error(
                at, f"{word} is not a number: the only letters a number may end with are K, M and G"
            )
            self._add(NUMBER, 0, at)
        elif word == "'":
            self._error(at, "Strings stand in double quotation marks, not in single ones")
            end = text.find("'", at + 1, (text.find("\n", at) + 1 or len(text)))
            if end > 0:
                self.place = end + 1
                self._add(STRING, text[at + 1 : end], at)
        else:
            shown = word if word.isprintable() else f"U+{ord(word):04X}"
            self._error(at, f"The character {shown!r} cannot stand here")
