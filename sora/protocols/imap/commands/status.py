"""STATUS (RFC 3501 §6.3.10)."""

from collections.abc import Mapping, Sequence
from typing import Final, Self

from attrs import define

from sora.errors import BadSyntax
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect, StatusItem
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.responses import status
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import MailboxRow

STATUS_ITEMS: Final[Mapping[bytes, StatusItem]] = {
    b"MESSAGES": lambda row, session: row.messages,
    # \Recent belongs to sessions and is never stored (G34).
    b"RECENT": lambda row, session: session.account.recent(row),
    b"UIDNEXT": lambda row, session: row.uidnext,
    b"UIDVALIDITY": lambda row, session: row.uidvalidity,
    b"UNSEEN": lambda row, session: row.unseen,
}
"""The items of RFC 3501; extensions add theirs in the dialect."""


def read_items(scan: Scanner, dialect: Dialect) -> list[bytes]:
    """ "(" status-att *(SP status-att) ")" """
    words = scan.parenthesised(scan.word)
    for word in words:
        if word not in dialect.status_items:
            raise BadSyntax(f"{word.decode()} is not an item of STATUS")
    return list(dict.fromkeys(words))


def needs_deleted_size(words: Sequence[bytes]) -> bool:
    """Whether storage has to count what an EXPUNGE would free (RFC 9208 §4.1.4)."""
    return b"DELETED-STORAGE" in words


def status_line(row: MailboxRow, name: str, words: Sequence[bytes], session: Session) -> bytes:
    """The untagged STATUS of a mailbox, under the name that the client knows."""
    items = []
    for word in words:
        value = session.dialect.status_items[word](row, session)
        items.append(word + b" " + (b"%d" % value if isinstance(value, int) else value))
    return status(session.spelled(name), items)


@define
class Status(Command):
    """STATUS mailbox SP "(" status-att *(SP status-att) ")" """

    word = b"STATUS"
    states = State.LOGGED_IN

    name: str
    items: list[bytes]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name = scan.mailbox()
        scan.space()
        return cls(name, read_items(scan, dialect))

    async def run(self, session: Session) -> bytes | None:
        row = await session.account.status(self.name, needs_deleted_size(self.items))
        session.used(self.items)
        session.untagged(status_line(row, self.name, self.items, session))
        return None
