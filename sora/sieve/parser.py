"""Tokens -> tree (RFC 5228 §8.2).

Several errors are found at once. After one, reading goes on behind the next semicolon of the same
block, or where that block ends: what stands there is nearly always right again.
"""

from typing import Final

from attrs import define, field

from sora.sieve.errors import ScriptError
from sora.sieve.lexer import END, MARK, NUMBER, STRING, TAG, WORD, Source, Token, tokens
from sora.sieve.limits import Limits
from sora.sieve.tree import Argument, Node, Number, TagName, Text, TextList

_SHOWN: Final = 24


def parse(source: Source, limits: Limits, errors: list[ScriptError]) -> list[Node]:
    """The commands of a script. What is wrong with it is added to `errors`; then the commands are
    what could be understood."""
    parser = _Parser(source, limits, errors, tokens(source, errors, limits.errors))
    try:
        return parser.script()
    except _GiveUp:
        return []


class _Wrong(Exception):
    """The command that is being read makes no sense; the error is noted."""


class _GiveUp(Exception):
    """Too deep, too much, or too many errors."""


@define
class _Parser:
    source: Source
    limits: Limits
    errors: list[ScriptError]
    tokens: list[Token]
    place: int = 0
    blocks: int = 0
    nodes: int = 0
    ended: int = field(default=0)

    def script(self) -> list[Node]:
        found = self._commands()
        while self._peek().kind != END:
            # A brace too many; what follows is read as if it were not there.
            self._error(self._peek().at, "This '}' closes nothing")
            self._next()
            found += self._commands()
        return found

    # -------------------------------------------------------------- commands

    def _commands(self) -> list[Node]:
        """Up to the end of the text, or a closing brace."""
        found: list[Node] = []
        while not (self._peek().kind == END or self._is("}")):
            try:
                found.append(self._command())
            except _Wrong:
                self._recover()
        return found

    def _command(self) -> Node:
        token = self._peek()
        if token.kind != WORD:
            raise self._wrong(token.at, f"A command is expected here, not {self._shown(token)}")
        node = self._word(0)
        if self._is(";"):
            self._next()
        elif self._is("{"):
            node.block = self._block()
        elif self._is("}") or self._peek().kind == END:
            # The rest is as good as if it were there.
            self._error(self.ended, f"A semicolon is missing after '{node.word}'")
        else:
            token = self._peek()
            raise self._wrong(
                token.at, f"A semicolon or a block is expected here, not {self._shown(token)}"
            )
        return node

    def _block(self) -> list[Node]:
        opening = self._next()
        self.blocks += 1
        if self.blocks > self.limits.nesting:
            self._error(opening.at, f"Blocks are nested deeper than {self.limits.nesting} levels")
            raise _GiveUp
        found = self._commands()
        self.blocks -= 1
        if self._is("}"):
            self._next()
        else:
            self._error(opening.at, "This block is not closed: a '}' is missing")
        return found

    def _word(self, depth: int) -> Node:
        """A command up to its semicolon or block, or a test."""
        token = self._next()
        self.nodes += 1
        if self.nodes > self.limits.commands:
            self._error(
                token.at, f"The script has more than {self.limits.commands} commands and tests"
            )
            raise _GiveUp
        if depth > self.limits.nesting:
            self._error(token.at, f"Tests are nested deeper than {self.limits.nesting} levels")
            raise _GiveUp
        node = Node(str(token.value), token.at, self._arguments(), [])
        node.end = self.ended
        if self._is("("):
            node.listed = True
            node.tests = self._tests(depth + 1)
        elif self._peek().kind == WORD:
            node.tests = [self._word(depth + 1)]
        return node

    def _tests(self, depth: int) -> list[Node]:
        self._next()
        found: list[Node] = []
        while True:
            token = self._peek()
            if token.kind != WORD:
                raise self._wrong(token.at, f"A test is expected here, not {self._shown(token)}")
            found.append(self._word(depth))
            if self._is(","):
                self._next()
                continue
            if self._is(")"):
                self._next()
                return found
            token = self._peek()
            raise self._wrong(
                token.at, f"A comma or ')' is expected after a test, not {self._shown(token)}"
            )

    # -------------------------------------------------------------- arguments

    def _arguments(self) -> list[Argument]:
        found: list[Argument] = []
        while True:
            token = self._peek()
            if token.kind == STRING:
                found.append(Text(str(token.value), token.at))
            elif token.kind == TAG:
                found.append(TagName(str(token.value), token.at))
            elif token.kind == NUMBER:
                found.append(Number(int(token.value), token.at))
            elif self._is("["):
                found.append(self._list())
                continue
            else:
                return found
            self._next()

    def _list(self) -> TextList:
        opening = self._next()
        items: list[Text] = []
        while True:
            token = self._peek()
            if token.kind != STRING:
                raise self._wrong(token.at, f"A string is expected here, not {self._shown(token)}")
            items.append(Text(str(token.value), token.at))
            self._next()
            if self._is(","):
                self._next()
                continue
            if self._is("]"):
                self._next()
                return TextList(tuple(items), opening.at)
            token = self._peek()
            raise self._wrong(
                token.at, f"A comma or ']' is expected in this list, not {self._shown(token)}"
            )

    # -------------------------------------------------------------- tokens

    def _peek(self) -> Token:
        return self.tokens[self.place]

    def _next(self) -> Token:
        token = self.tokens[self.place]
        if token.kind != END:
            self.place += 1
            self.ended = token.end
        return token

    def _is(self, mark: str) -> bool:
        token = self.tokens[self.place]
        return token.kind == MARK and token.value == mark

    def _shown(self, token: Token) -> str:
        if token.kind == END:
            return "the end of the script"
        text = self.source.text[token.at : token.end]
        if len(text) > _SHOWN or "\n" in text:
            text = text[:_SHOWN].split("\n")[0] + "..."
        return text if token.kind == STRING else f"'{text}'"

    # -------------------------------------------------------------- errors

    def _error(self, at: int, text: str) -> None:
        self.errors.append(self.source.error(at, text))
        if len(self.errors) >= self.limits.errors:
            raise _GiveUp

    def _wrong(self, at: int, text: str) -> _Wrong:
        self._error(at, text)
        return _Wrong()

    def _recover(self) -> None:
        """Behind the next semicolon of this block, or its blocks, or before its end."""
        depth = 0
        while self._peek().kind != END:
            if self._is("{"):
                depth += 1
            elif self._is("}"):
                if depth == 0:
                    return
                depth -= 1
                if depth == 0:
                    self._next()
                    return
            elif self._is(";") and depth == 0:
                self._next()
                return
            self._next()
