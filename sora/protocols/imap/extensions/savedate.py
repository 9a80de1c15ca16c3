"""SAVEDATE (RFC 8514): when a message came into the mailbox that it is in.

Every mailbox has it. Dates are told, and compared, in UTC.
"""

from datetime import datetime
from typing import Literal

from sora.mail.criteria import All, DateIs
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.fetch_items import KeptItem
from sora.protocols.imap.wire.dates import write_date_time
from sora.protocols.imap.wire.search_keys import ReadKey, SearchReader, SearchTree
from sora.storage.rows import Column


class SaveDateItem(KeptItem):
    """SAVEDATE (§4.2)"""

    name = b"SAVEDATE"
    source = Column.SAVE_DATE

    def text(self, value: datetime) -> bytes:
        return write_date_time(value)


def _saved(comparison: Literal["before", "on", "since"]) -> ReadKey:
    def read(reader: SearchReader) -> SearchTree:
        reader.scanner.space()
        return DateIs("saved", comparison, reader.scanner.date())

    return read


EXTENSION = Extension(
    Capability(b"SAVEDATE"),
    fetch_items={b"SAVEDATE": SaveDateItem},
    search_keys={
        b"SAVEDBEFORE": _saved("before"),
        b"SAVEDON": _saved("on"),
        b"SAVEDSINCE": _saved("since"),
        b"SAVEDATESUPPORTED": lambda reader: All(),
    },
)
