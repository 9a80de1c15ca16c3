"""FETCH and UID FETCH (RFC 3501 §6.4.5, §6.4.8)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from attrs import define, field

from sora.errors import BadSyntax, SoraError
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.fetch_items import MACROS, FetchItem, UidItem
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.limiting import OverLimit, portion
from sora.protocols.imap.parameters import FetchModifier, read_parameters
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import message_limit
from sora.protocols.imap.wire.scanner import Scanner

MAX_ITEMS = 200
"""how many items one FETCH may ask for"""


@define
class Fetch(Command):
    """FETCH sequence-set (ALL / FULL / FAST / fetch-att / "(" fetch-att *(SP fetch-att) ")")
    [SP "(" fetch-modifier *(SP fetch-modifier) ")"] (RFC 4466 §2.4)"""

    word = b"FETCH"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = {**NUMBERS_OUT_OF_RANGE, OverLimit: Answer(b"NO", lambda over: over.code)}

    messages: SequenceSet
    items: list[FetchItem]
    by_uid: bool
    modifiers: Mapping[bytes, FetchModifier] = field(factory=dict)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        messages = scan.sequence_set()
        scan.space()
        if scan.peek() == b"(":
            items = scan.parenthesised(lambda: read_item(scan, dialect))
        else:
            items = _macro_or_item(scan, dialect)
        if len(items) > MAX_ITEMS:
            raise BadSyntax(f"FETCH of more than {MAX_ITEMS} items")
        fetch = cls(messages, items, by_uid)
        if not scan.at_end:
            scan.space()
            fetch.modifiers = read_parameters(scan, dialect, dialect.fetch_modifiers, cls.word)
        for modifier in fetch.modifiers.values():
            modifier.joins(fetch)
        return fetch

    def show(self, item: FetchItem) -> None:
        """Answer with this item too, before the others, if it is not there."""
        if not any(other.name == item.name for other in self.items):
            self.items.insert(0, item)

    async def run(self, session: Session) -> bytes | None:
        if self.by_uid and not session.enabled.uidonly:
            self.show(UidItem())
        session.used([*(item.name for item in self.items), *self.modifiers])
        uids: Sequence[int] = session.uids(self.messages, self.by_uid)
        in_order = sorted(self.modifiers.values(), key=lambda one: not one.chooses_first)
        for modifier in in_order:
            uids = await modifier.choose(uids, self, session)
        chosen = portion(uids, session)
        if chosen.code and b"PARTIAL" in self.modifiers:
            raise OverLimit(message_limit(session.limits.messages))
        try:
            await Fetching(session, self.items, self.by_uid).answer(chosen.uids)
        except SoraError:
            chosen.tell(session)
            raise
        return chosen.completed(self.word)


def read_item(scan: Scanner, dialect: Dialect) -> FetchItem:
    """fetch-att"""
    word = scan.item_name()
    kind = dialect.fetch_items.get(word)
    if kind is None:
        raise BadSyntax(f"{word.decode()} is not an item of FETCH")
    return kind.parse(scan, word)


def _macro_or_item(scan: Scanner, dialect: Dialect) -> list[FetchItem]:
    start = scan.position
    macro = MACROS.get(scan.item_name())
    if macro is not None:
        return [dialect.fetch_items[word].parse(scan, word) for word in macro]
    scan.position = start
    return [read_item(scan, dialect)]
