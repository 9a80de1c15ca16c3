"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal, Self

from attrs import define, field

from sora.errors import BadSyntax, ExpungeIssued
from sora.mail.flags import parse_flags
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.fetch_items import FlagsItem, UidItem
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.parameters import StoreModifier, read_parameters
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import FlagChange

_MODES: Final[dict[bytes, Literal["replace", "add", "remove"]]] = {
    b"": "replace",
    b"+": "add",
    b"-": "remove",
}


@define
class Store(Command):
    """STORE sequence-set [SP "(" store-modifier *(SP store-modifier) ")"] SP ["+" / "-"] "FLAGS"
    [".SILENT"] SP (flag-list / (flag *(SP flag))) (RFC 4466 §2.5)"""

    word = b"STORE"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    messages: SequenceSet
    change: FlagChange
    silent: bool
    by_uid: bool
    modifiers: Mapping[bytes, StoreModifier] = field(factory=dict)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        messages = scan.sequence_set()
        scan.space()
        modifiers: Mapping[bytes, StoreModifier] = {}
        if scan.peek() == b"(":
            modifiers = read_parameters(scan, dialect, dialect.store_modifiers, cls.word)
            scan.space()
        sign = b"+" if scan.skip(b"+") else b"-" if scan.skip(b"-") else b""
        scan.expect(b"FLAGS")
        silent = scan.skip(b".SILENT")
        scan.space()
        names = scan.flag_list() if scan.peek() == b"(" else _bare(scan)
        change = FlagChange(_MODES[sign], parse_flags(names))
        for modifier in modifiers.values():
            change = modifier.modify(change)
        return cls(messages, change, silent, by_uid, modifiers)

    async def run(self, session: Session) -> bytes | None:
        session.used(self.modifiers)
        selected = session.mailbox
        uids = session.uids(self.messages, self.by_uid)
        if not uids:
            return None
        await selected.store(uids, self.change, self.silent)
        session.tell(may_expunge=False)  # of a new keyword before the first message that has it
        if not self.silent:
            items = [UidItem(), FlagsItem()] if self.by_uid else [FlagsItem()]
            await Fetching(session, items, self.by_uid).answer(uids)
        elif not self.by_uid and any(selected.view.is_gone(uid) for uid in uids):
            raise ExpungeIssued
        return None


def _bare(scan: Scanner) -> list[str]:
    names = [scan.flag()]
    while not scan.at_end:
        if len(names) >= 1000:
            raise BadSyntax("STORE of more than 1000 flags")
        scan.space()
        names.append(scan.flag())
    return names
