"""OBJECTID (RFC 8474): names of mailboxes, messages and threads that never change.

They are UUIDs behind a letter, so that no two kinds can be taken for one another. The answer of
CREATE has MAILBOXID in its command.
"""

import re
from typing import Final
from uuid import UUID

from sora.mail.criteria import Criterion, EmailIdIs, Or, ThreadIdIs
from sora.mailbox.selected import Selected
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.fetch_items import Fetched, FetchItem, KeptItem
from sora.protocols.imap.wire.codes import mailbox_id
from sora.protocols.imap.wire.search_keys import SearchReader, SearchTree
from sora.storage.rows import Column

_OBJECT_ID: Final = re.compile(rb"[A-Za-z0-9_-]{1,255}\Z")
_OURS: Final = re.compile(rb"[0-9a-f]{32}\Z")
NO_MESSAGE: Final = Or(())


class EmailIdItem(KeptItem):
    """EMAILID (§5.3): the same for all copies of a message"""

    name = b"EMAILID"
    source = Column.EMAIL_ID

    def text(self, value: UUID) -> bytes:
        return b"(M%b)" % value.hex.encode("ascii")


class ThreadIdItem(FetchItem):
    """THREADID (§5.3); NIL for a message that no thread is known for"""

    name = b"THREADID"

    def value(self, fetched: Fetched) -> bytes:
        thread = fetched.row.thread_id
        return b"NIL" if thread is None else b"(T%b)" % thread.hex.encode("ascii")


def _object_id(reader: SearchReader, letter: bytes) -> UUID | None:
    """SP objectid; None for one that was not given out here."""
    reader.scanner.space()
    text = reader.scanner.atom()
    if not _OBJECT_ID.match(text):
        raise reader.scanner.error("An object id has letters, digits, _ and - only,")
    ours = text.startswith(letter) and _OURS.match(text, 1)
    return UUID(text[1:].decode("ascii")) if ours else None


def _email_id(reader: SearchReader) -> SearchTree:
    """ "EMAILID" SP objectid (§6)"""
    email_id = _object_id(reader, b"M")
    found: Criterion = NO_MESSAGE if email_id is None else EmailIdIs(email_id)
    return found


def _thread_id(reader: SearchReader) -> SearchTree:
    """ "THREADID" SP objectid (§6)"""
    thread_id = _object_id(reader, b"T")
    found: Criterion = NO_MESSAGE if thread_id is None else ThreadIdIs(thread_id)
    return found


def _select_line(selected: Selected) -> bytes:
    return b"OK " + mailbox_id(selected.object_id) + b" Its id"


EXTENSION = Extension(
    Capability(b"OBJECTID"),
    fetch_items={b"EMAILID": EmailIdItem, b"THREADID": ThreadIdItem},
    search_keys={b"EMAILID": _email_id, b"THREADID": _thread_id},
    status_items={b"MAILBOXID": lambda row, session: b"(%b)" % row.object_id.encode("ascii")},
    select_lines=[_select_line],
)
