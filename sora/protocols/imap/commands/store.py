"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from typing import ClassVar, Final, Literal, Self

from attrs import define

from sora.errors import BadSyntax, ExpungeIssued
from sora.mail.flags import parse_flags
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.fetch_items import FlagsItem, UidItem
from sora.protocols.imap.fetching import Fetching
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
    """STORE sequence-set SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag)))"""

    word = b"STORE"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    messages: SequenceSet
    change: FlagChange
    silent: bool
    by_uid: bool

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        messages = scan.sequence_set()
        scan.space()
        sign = b"+" if scan.skip(b"+") else b"-" if scan.skip(b"-") else b""
        scan.expect(b"FLAGS")
        silent = scan.skip(b".SILENT")
        scan.space()
        names = scan.flag_list() if scan.peek() == b"(" else _bare(scan)
        return cls(messages, FlagChange(_MODES[sign], parse_flags(names)), silent, by_uid)

    async def run(self, session: Session) -> bytes | None:
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
