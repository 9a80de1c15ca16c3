"""LIST-STATUS (RFC 5819): the counters of mailboxes with their names."""

from collections.abc import Sequence
from typing import Self

from attrs import define

from sora.mailbox.listing import Listed
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.status import needs_deleted_size, read_items, status_line
from sora.protocols.imap.dialect import Dialect, Extension
from sora.protocols.imap.list_options import ReturnOption
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class ReturnStatus(ReturnOption):
    """STATUS "(" status-att *(SP status-att) ")" """

    items: list[bytes]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        return cls(read_items(scan, dialect))

    @property
    def needs_counters(self) -> bool:
        return True

    @property
    def needs_deleted_size(self) -> bool:
        return needs_deleted_size(self.items)

    def lines(self, listed: Listed, session: Session) -> Sequence[bytes]:
        # §2: none for a name that cannot be selected, or is listed for its children alone.
        if listed.mailbox is None or not listed.is_chosen:
            return ()
        return (status_line(listed.mailbox, listed.name, self.items, session),)


EXTENSION = Extension(
    Capability(b"LIST-STATUS", needs=(b"LIST-EXTENDED",)),
    return_options={b"STATUS": ReturnStatus},
)
