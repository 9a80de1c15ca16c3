"""A script from its tree, in one of many ways to write it: for tests that read it again."""

from collections.abc import Sequence
from random import Random

from sora.sieve.tree import Argument, Node, Number, TagName, Text, TextList

BLANKS = (" ", "\t", "\r\n", "  ", ' /* a ; { " comment **/ ', ' # a } " comment\r\n', "\n")


class Printer:
    """Writes trees; what is free to choose is chosen by a seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    def script(self, nodes: Sequence[Node]) -> str:
        """The commands of a script."""
        return "".join(self._command(node) + self._blank() for node in nodes)

    def _command(self, node: Node) -> str:
        end = ";" if node.block is None else "{" + self._blank() + self.script(node.block) + "}"
        return self._word(node) + self._blank() + end

    def _word(self, node: Node) -> str:
        parts = [self._cased(node.word), *map(self._argument, node.arguments)]
        if node.listed:
            tests = [self._blank() + self._word(test) + self._blank() for test in node.tests]
            parts.append("(" + ",".join(tests) + ")")
        elif node.tests:
            parts.append(self._word(node.tests[0]))
        text = parts[0]
        for part in parts[1:]:
            text += (self._blank() or " ") + part
        return text

    def _argument(self, argument: Argument) -> str:
        match argument:
            case Text(value, _):
                return self._string(value)
            case TextList(items, _):
                return (
                    "[" + ",".join(self._blank() + self._string(one.value) for one in items) + "]"
                )
            case Number(value, _):
                return self._number(value)
            case TagName(name, _):
                return ":" + self._cased(name)
        raise AssertionError(argument)

    def _number(self, value: int) -> str:
        for letter, scale in (("G", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
            if value and value % scale == 0 and self._random.random() < 0.7:
                return f"{value // scale}{letter}"
        return f"0{value}" if self._random.random() < 0.1 else str(value)

    def _string(self, value: str) -> str:
        if value.endswith("\r\n") and self._random.random() < 0.5:
            lines = value[:-2].split("\r\n")
            stuffed = "".join(f"{'.' if line.startswith('.') else ''}{line}\r\n" for line in lines)
            return f"text:{self._random.choice(('', ' ', ' # comment'))}\r\n{stuffed}.\r\n"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def _cased(self, word: str) -> str:
        return "".join(self._random.choice((one, one.upper())) for one in word)

    def _blank(self) -> str:
        return self._random.choice(("", "", *BLANKS))
