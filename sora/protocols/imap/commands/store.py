"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Literal, Self

from attrs import define, field

from sora.errors import BadSyntax, ExpungeIssued
from sora.mail.flags import parse_flags
from sora.mail.numbers import NumberSet, SequenceSet
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.fetch_items import FetchItem, FlagsItem, UidItem, update_items
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.fetching_lists import tells_flags
from sora.protocols.imap.limiting import portion
from sora.protocols.imap.parameters import StoreModifier, read_parameters
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import modified
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import FlagChange, Stored

_MODES: Final[dict[bytes, Literal["replace", "add", "remove"]]] = {
    b"": "replace",
    b"+": "add",
    b"-": "remove",
}


class _SomeGone(ExpungeIssued):
    """Some of the messages have been deleted; `code` says what else was not done."""

    def __init__(self, code: bytes) -> None:
        super().__init__("Some of the messages have been deleted.")
        self.code = code or b"[EXPUNGEISSUED]"


@define
class Store(Command):
    """STORE sequence-set [SP "(" store-modifier *(SP store-modifier) ")"] SP ["+" / "-"] "FLAGS"
    [".SILENT"] SP (flag-list / (flag *(SP flag))) (RFC 4466 §2.5)"""

    word = b"STORE"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = {**NUMBERS_OUT_OF_RANGE, _SomeGone: Answer(b"NO", lambda gone: gone.code)}

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
        view = selected.view
        uids = session.uids(self.messages, self.by_uid)
        if not uids:
            return None
        chosen = portion(uids, session)
        uids = chosen.uids
        with session.working():
            stored = await selected.store(uids, self.change, self.silent)
        shown = self._shown(uids, stored, session)
        for items, which in shown:
            if tells_flags(items, session):
                view.told(which, selected.highest_modseq)
        session.telling.changes(
            may_expunge=False
        )  # of a new keyword before the first message that has it
        for items, which in shown:
            await Fetching(session, items, by_uid=True).answer(which)
        code = b""
        if stored.modified:
            # G30: in the numbers that the client uses.
            refused = stored.modified if self.by_uid else map(view.number, stored.modified)
            code = modified(NumberSet.of(refused))
            chosen.tell(session)
        if not self.by_uid and any(map(view.is_gone, uids)):
            if not code:
                chosen.tell(session)
            return self._some_are_gone(code)
        return code + b" Some have changed since" if code else chosen.completed(self.word)

    def _some_are_gone(self, code: bytes) -> bytes:
        """RFC 2180 §4.2 and RFC 7162 §3.1.3: what is there was changed. Only who has asked not to
        be told of it is told that it was done."""
        if not self.silent:
            raise _SomeGone(code)
        return (code or b"[EXPUNGEISSUED]") + b" Some of the messages have been deleted"

    def _shown(
        self, uids: Sequence[int], stored: Stored, session: Session
    ) -> Sequence[tuple[Sequence[FetchItem], Sequence[int]]]:
        """Which items of which messages are answered.

        A client that counts on modseqs has to learn the new ones, also with .SILENT (RFC 7162
        §3.1.3); and what kept those from being changed that were not.
        """
        enabled = session.enabled
        items: Sequence[FetchItem] = update_items(enabled)
        if not self.silent:
            names_uid = self.by_uid and not enabled.condstore and not enabled.uidonly
            return [((UidItem(), *items) if names_uid else items, uids)]
        if not enabled.condstore:
            return []
        done: Sequence[int] = stored.changed.uids
        if self.change.unchanged_since is not None:
            done = (NumberSet.ascending(uids) - stored.modified).within(uids)
        without_flags = [item for item in items if not isinstance(item, FlagsItem)]
        return [(without_flags, done), (items, list(stored.modified))]


def _bare(scan: Scanner) -> list[str]:
    names = [scan.flag()]
    while not scan.at_end:
        if len(names) >= 1000:
            raise BadSyntax("STORE of more than 1000 flags")
        scan.space()
        names.append(scan.flag())
    return names
