"""FETCH and UID FETCH (RFC 3501 §6.4.5, §6.4.8)."""

from typing import ClassVar, Self

from attrs import define

from sora.errors import BadSyntax
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.fetch_items import MACROS, FetchItem, UidItem
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner

MAX_ITEMS = 200
"""how many items one FETCH may ask for"""


@define
class Fetch(Command):
    """FETCH sequence-set (ALL / FULL / FAST / fetch-att / "(" fetch-att *(SP fetch-att) ")")"""

    word = b"FETCH"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    messages: SequenceSet
    items: list[FetchItem]
    by_uid: bool

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        messages = scan.sequence_set()
        scan.space()
        if scan.peek() == b"(":
            items = scan.parenthesised(lambda: _item(scan, dialect))
        else:
            items = _macro_or_item(scan, dialect)
        if by_uid and not any(isinstance(item, UidItem) for item in items):
            items.insert(0, UidItem())
        if len(items) > MAX_ITEMS:
            raise BadSyntax(f"FETCH of more than {MAX_ITEMS} items")
        return cls(messages, items, by_uid)

    async def run(self, session: Session) -> bytes | None:
        uids = session.uids(self.messages, self.by_uid)
        await Fetching(session, self.items, self.by_uid).answer(uids)
        return None


def _item(scan: Scanner, dialect: Dialect) -> FetchItem:
    word = scan.item_name()
    kind = dialect.fetch_items.get(word)
    if kind is None:
        raise BadSyntax(f"{word.decode()} is not an item of FETCH")
    return kind.parse(scan, word)


def _macro_or_item(scan: Scanner, dialect: Dialect) -> list[FetchItem]:
    start = scan.position
    macro = MACROS.get(scan.item_name())
    if macro is not None and scan.at_end:
        return [dialect.fetch_items[word].parse(scan, word) for word in macro]
    scan.position = start
    return [_item(scan, dialect)]
