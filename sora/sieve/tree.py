"""A script as its grammar has it (RFC 5228 §8.2): nothing is known of the words yet.

`at` is where something begins, in characters from the begin of the text.
"""

from attrs import define, frozen


@frozen
class Text:
    """A string, with its escapes resolved and CRLF as its line ends."""

    value: str
    at: int


@frozen
class TextList:
    """A list of strings in brackets."""

    items: tuple[Text, ...]
    at: int


@frozen
class Number:
    """A number, its suffix applied."""

    value: int
    at: int


@frozen
class TagName:
    """`:name`, in lower case and without its colon."""

    name: str
    at: int


Argument = Text | TextList | Number | TagName


@define
class Node:
    """A command or a test. `word` is in lower case.

    `block` is None for a command that ends with a semicolon. `listed` tells that its tests stand in
    parentheses. `end` is where its arguments end.
    """

    word: str
    at: int
    arguments: list[Argument]
    tests: list["Node"]
    listed: bool = False
    block: list["Node"] | None = None
    end: int = 0
