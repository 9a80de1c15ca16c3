"""The keys of SEARCH (RFC 3501 §6.4.4): text -> a tree of criteria.

What only the session's view can answer (message numbers, `*`, \\Recent) stays in the tree as
leaves of their own, which `sora.protocols.imap.programs` replaces.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal

from attrs import frozen

from sora.errors import TooMany
from sora.mail.charsets import decode_search
from sora.mail.criteria import (
    All,
    And,
    BodyHas,
    Criterion,
    DateIs,
    FlagsAre,
    Fuzzy,
    HeaderHas,
    KeywordIs,
    Not,
    Or,
    SizeIs,
    TextHas,
)
from sora.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.wire.scanner import MAX_DEPTH, Scanner

MAX_KEYS: Final = 2000
"""how many keys one search may have"""


@frozen
class NumbersAre:
    """The message is in the set, of sequence numbers or of UIDs."""

    numbers: SequenceSet
    uids: bool


@frozen
class RecentIs:
    """The message is \\Recent in this session, or not."""

    present: bool


@frozen
class AllOf:
    """Each of these, some of which the view has to answer."""

    parts: tuple["SearchTree", ...]


@frozen
class AnyOf:
    """One of these, some of which the view has to answer."""

    parts: tuple["SearchTree", ...]


@frozen
class NoneOf:
    """Not this, which the view has to answer."""

    part: "SearchTree"


@frozen
class LooselyThis:
    """This, loosely (RFC 6203), which the view may have to answer."""

    part: "SearchTree"


SearchTree = Criterion | NumbersAre | RecentIs | AllOf | AnyOf | NoneOf | LooselyThis
ViewLeaf = NumbersAre | RecentIs
ReadKey = Callable[["SearchReader"], SearchTree]


class SearchReader:
    """Reads search keys from a scanner; `charset` is what their strings are in."""

    def __init__(
        self, scanner: Scanner, keys: Mapping[bytes, ReadKey], charset: str = "UTF-8"
    ) -> None:
        self.scanner = scanner
        self._keys = keys
        self._charset = charset
        self._count = 0
        self._depth = 0

    def program(self) -> SearchTree:
        """search-key *(SP search-key), all of which have to match"""
        parts = [self.key()]
        while self.scanner.skip(b" "):
            parts.append(self.key())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def key(self) -> SearchTree:
        """search-key"""
        self.count()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooMany(f"Search keys are nested more than {MAX_DEPTH} deep")
        tree = self._key()
        self._depth -= 1
        return tree

    def count(self) -> None:
        """There is one key more. Raises TooMany."""
        self._count += 1
        if self._count > MAX_KEYS:
            raise TooMany(f"A search has more than {MAX_KEYS} keys")

    def _key(self) -> SearchTree:
        scanner = self.scanner
        if scanner.peek() == b"(":
            scanner.open()
            tree = self.program()
            if not scanner.close():
                raise scanner.error("A closing parenthesis is missing")
            return tree
        if scanner.has_sequence_set:
            return NumbersAre(scanner.sequence_set(), uids=False)
        start = scanner.position
        word = scanner.word()
        read = self._keys.get(word)
        if read is None:
            scanner.position = start
            raise scanner.error(f"{word.decode('ascii')} is not a search key")
        return read(self)

    # ---------------------------------------------------------- arguments, with their space

    def text(self) -> str:
        """SP astring, in the search's charset"""
        self.scanner.space()
        return decode_search(self.scanner.astring(), self._charset)

    def name(self) -> str:
        """SP astring, of a header field"""
        self.scanner.space()
        return self.scanner.astring().decode("utf-8", "replace")

    def nested(self) -> SearchTree:
        """SP search-key"""
        self.scanner.space()
        return self.key()


def _constant(tree: SearchTree) -> ReadKey:
    return lambda reader: tree


def _header(name: str) -> ReadKey:
    return lambda reader: HeaderHas(name, reader.text())


def _keyword(present: bool) -> ReadKey:
    def read(reader: SearchReader) -> SearchTree:
        reader.scanner.space()
        return KeywordIs(reader.scanner.atom().decode("ascii"), present)

    return read


def _size(comparison: Literal["larger", "smaller"]) -> ReadKey:
    def read(reader: SearchReader) -> SearchTree:
        reader.scanner.space()
        return SizeIs(comparison, reader.scanner.number64())

    return read


def _date(
    which: Literal["internal", "sent"], comparison: Literal["before", "on", "since"]
) -> ReadKey:
    def read(reader: SearchReader) -> SearchTree:
        reader.scanner.space()
        return DateIs(which, comparison, reader.scanner.date())

    return read


def _uid(reader: SearchReader) -> SearchTree:
    reader.scanner.space()
    return NumbersAre(reader.scanner.sequence_set(), uids=True)


def _header_of_name(reader: SearchReader) -> SearchTree:
    name = reader.name()
    return HeaderHas(name, reader.text())


def _or(reader: SearchReader) -> SearchTree:
    # Programs write long alternatives as OR a OR b OR c d, or as OR OR OR a b c d: no deeper
    # here than OR a b.
    parts: list[SearchTree] = []
    missing = 2
    while missing:
        if reader.scanner.skip(b" OR "):
            reader.scanner.position -= 1
            missing += 1
            reader.count()
        else:
            parts.append(reader.nested())
            missing -= 1
    return AnyOf(tuple(parts))


SEARCH_KEYS: Final[Mapping[bytes, ReadKey]] = {
    b"ALL": _constant(All()),
    b"ANSWERED": _constant(FlagsAre(ANSWERED)),
    b"BCC": _header("Bcc"),
    b"BEFORE": _date("internal", "before"),
    b"BODY": lambda reader: BodyHas(reader.text()),
    b"CC": _header("Cc"),
    b"DELETED": _constant(FlagsAre(DELETED)),
    b"DRAFT": _constant(FlagsAre(DRAFT)),
    b"FLAGGED": _constant(FlagsAre(FLAGGED)),
    b"FROM": _header("From"),
    b"HEADER": _header_of_name,
    b"KEYWORD": _keyword(True),
    b"LARGER": _size("larger"),
    b"NEW": _constant(AllOf((RecentIs(True), FlagsAre(SEEN, False)))),
    b"NOT": lambda reader: NoneOf(reader.nested()),
    b"OLD": _constant(RecentIs(False)),
    b"ON": _date("internal", "on"),
    b"OR": _or,
    b"RECENT": _constant(RecentIs(True)),
    b"SEEN": _constant(FlagsAre(SEEN)),
    b"SENTBEFORE": _date("sent", "before"),
    b"SENTON": _date("sent", "on"),
    b"SENTSINCE": _date("sent", "since"),
    b"SINCE": _date("internal", "since"),
    b"SMALLER": _size("smaller"),
    b"SUBJECT": _header("Subject"),
    b"TEXT": lambda reader: TextHas(reader.text()),
    b"TO": _header("To"),
    b"UID": _uid,
    b"UNANSWERED": _constant(FlagsAre(ANSWERED, False)),
    b"UNDELETED": _constant(FlagsAre(DELETED, False)),
    b"UNDRAFT": _constant(FlagsAre(DRAFT, False)),
    b"UNFLAGGED": _constant(FlagsAre(FLAGGED, False)),
    b"UNKEYWORD": _keyword(False),
    b"UNSEEN": _constant(FlagsAre(SEEN, False)),
}
"""The keys of RFC 3501; extensions add theirs in the dialect."""


def as_criterion(tree: SearchTree, answer: Callable[[ViewLeaf], Criterion]) -> Criterion:
    """The tree with the view's leaves replaced by what `answer` says of them."""
    match tree:
        case NumbersAre() | RecentIs():
            return answer(tree)
        case AllOf(parts):
            return And(tuple(as_criterion(part, answer) for part in parts))
        case AnyOf(parts):
            return Or(tuple(as_criterion(part, answer) for part in parts))
        case NoneOf(part):
            return Not(as_criterion(part, answer))
        case LooselyThis(part):
            return Fuzzy(as_criterion(part, answer))
        case _:
            return tree


def with_leaves(tree: SearchTree, change: Callable[[ViewLeaf], SearchTree]) -> SearchTree:
    """The tree with each of the view's leaves replaced by another one."""
    match tree:
        case NumbersAre() | RecentIs():
            return change(tree)
        case AllOf(parts):
            return AllOf(tuple(with_leaves(part, change) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(with_leaves(part, change) for part in parts))
        case NoneOf(part):
            return NoneOf(with_leaves(part, change))
        case LooselyThis(part):
            return LooselyThis(with_leaves(part, change))
        case _:
            return tree


def nodes(tree: SearchTree) -> Iterator[SearchTree]:
    """The tree itself, and all that is below it; not below what storage is asked for."""
    yield tree
    match tree:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from nodes(part)
        case NoneOf(part) | LooselyThis(part):
            yield from nodes(part)
