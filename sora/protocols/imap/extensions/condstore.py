"""CONDSTORE (RFC 7162 §3.1): modification sequences, and changes that depend on them.

Each message has one modseq for all its flags, which rises with every change of them. Storage
compares and changes in one statement, under the lock of the mailbox.
"""

from collections.abc import Sequence
from typing import Self

from attrs import define, evolve

from sora.mail.criteria import ModSeqIs
from sora.mailbox.selected import Selected
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.fetch import Fetch
from sora.protocols.imap.dialect import Dialect, Extension
from sora.protocols.imap.fetch_items import ModSeqItem
from sora.protocols.imap.parameters import FetchModifier, SelectParameter, StoreModifier
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import highest_modseq
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchReader, SearchTree
from sora.storage.rows import FlagChange


@define
class ChangedSince(FetchModifier):
    """ "CHANGEDSINCE" SP mod-sequence-value (§3.1.4.1)"""

    modseq: int

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        return cls(scan.number64())

    def joins(self, fetch: Fetch) -> None:
        fetch.show(ModSeqItem())

    async def choose(self, uids: Sequence[int], fetch: Fetch, session: Session) -> Sequence[int]:
        selected = session.mailbox
        return selected.view.changed_since(uids, selected.since(self.modseq))


@define
class UnchangedSince(StoreModifier):
    """ "UNCHANGEDSINCE" SP mod-sequence-valzer (§3.1.3); 0 is a value like others (G30)"""

    modseq: int

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        return cls(scan.number64())

    def modify(self, change: FlagChange) -> FlagChange:
        return evolve(change, unchanged_since=self.modseq)


def _search_modseq(reader: SearchReader) -> SearchTree:
    """ "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer (§3.1.5)

    A server with one modseq for a message has to ignore which flag is asked for.
    """
    scan = reader.scanner
    scan.space()
    if scan.peek() == b'"':
        if not scan.quoted().lower().startswith(b"/flags/"):
            raise scan.error("The name of an entry begins with /flags/")
        scan.space()
        if scan.word() not in (b"PRIV", b"SHARED", b"ALL"):
            raise scan.error("The type of an entry is priv, shared or all")
        scan.space()
    return ModSeqIs(scan.number64())


def _select_line(selected: Selected) -> bytes:
    """Also for those who have not enabled it: they may keep it for the next time (§3.1.2.1)."""
    return b"OK " + highest_modseq(selected.view.modseq_told) + b" Highest"


EXTENSION = Extension(
    Capability(b"CONDSTORE"),
    enables=True,
    enabled_by=(b"CONDSTORE", b"HIGHESTMODSEQ", b"MODSEQ", b"CHANGEDSINCE", b"UNCHANGEDSINCE"),
    fetch_items={b"MODSEQ": ModSeqItem},
    fetch_modifiers={b"CHANGEDSINCE": ChangedSince},
    store_modifiers={b"UNCHANGEDSINCE": UnchangedSince},
    search_keys={b"MODSEQ": _search_modseq},
    status_items={b"HIGHESTMODSEQ": lambda row, session: row.highest_modseq},
    select_parameters={b"CONDSTORE": SelectParameter},
    select_lines=[_select_line],
)
