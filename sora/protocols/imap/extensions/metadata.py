"""METADATA-SERVER and LIST-METADATA (RFC 5464, RFC 9590); METADATA is that of its commands.

Changes by others are told to those who ask with NOTIFY (RFC 5465 §5.6), and to nobody else,
which §4.1 leaves to us.
"""

from collections.abc import Mapping, Sequence
from typing import Self

from attrs import define, field

from sora.mail.annotations import Entry
from sora.mailbox.listing import Listed
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.metadata import metadata, read_entries
from sora.protocols.imap.dialect import Dialect, Extension
from sora.protocols.imap.list_options import ReturnOption
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class ReturnMetadata(ReturnOption):
    """METADATA SP "(" entry *(SP entry) ")" """

    entries: list[Entry]
    _values: Mapping[int, Sequence[tuple[Entry, bytes | None]]] = field(factory=dict, init=False)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        return cls(read_entries(scan))

    async def prepare(self, found: Sequence[Listed], session: Session) -> None:
        # RFC 9590 §4: not those that are listed for their children alone.
        mailboxes = [one.mailbox for one in found if one.mailbox is not None and one.is_chosen]
        self._values = await session.account.annotations.listed(mailboxes, self.entries)

    def lines(self, listed: Listed, session: Session) -> Sequence[bytes]:
        if listed.mailbox is None or not listed.is_chosen:
            return ()
        values = self._values.get(listed.mailbox.id)
        return (metadata(listed.name, values, session),) if values else ()


SERVER = Extension(Capability(b"METADATA-SERVER", needs=(b"METADATA",)))
LIST = Extension(
    Capability(b"LIST-METADATA", needs=(b"LIST-EXTENDED", b"METADATA")),
    return_options={b"METADATA": ReturnMetadata},
)
