"""What is read of messages."""

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from attrs import frozen

from sora.storage.rows.bodies import ObjectPlace
from sora.storage.rows.changing import Expunged, Stored


@frozen
class BodyPlace:
    """Where the bytes of a content are: staged in the database, in object stores, or both."""

    content_id: int
    hash: bytes
    size: int
    staged: bool
    objects: tuple[ObjectPlace, ...]


class Want(StrEnum):
    """Columns of a message that a FETCH can ask for. Only these are read and sent."""

    ENVELOPE = "envelope"
    STRUCTURE = "structure"
    HEADER = "header"
    PARTS = "parts"
    PREVIEW = "preview"
    BODY = "body"
    """where the bytes are, and the trace"""


@frozen
class StoredMessage:
    """A message as storage knows it. Columns that were not wanted are None.

    `size` is RFC822.SIZE: content and trace. `internal_date` is in its own zone.
    `header` is the content's header block without the trace; `trace` is there when HEADER
    or BODY was wanted. `envelope` and `structure` are IMAP wire text, `parts` what
    `sora.mail.section` needs to cut sections.
    """

    uid: int
    size: int
    internal_date: datetime
    email_id: UUID
    thread_id: UUID | None = None
    save_date: datetime | None = None
    envelope: bytes | None = None
    structure: bytes | None = None
    header: bytes | None = None
    trace: bytes | None = None
    parts: str | None = None
    body: BodyPlace | None = None
    preview: str | None = None


class Column(StrEnum):
    """What lists of messages are made of; it never changes as long as a message lives.

    SIZE is RFC822.SIZE, an int; DATE the internal date, a datetime in its own zone; ENVELOPE
    and STRUCTURE are IMAP wire text; HEADER is the header of the message with the trace;
    EMAIL_ID a UUID; SAVE_DATE a datetime in UTC.
    PREVIEW is a str of at most 200 characters.
    """

    SIZE = "size"
    DATE = "date"
    ENVELOPE = "envelope"
    STRUCTURE = "structure"
    HEADER = "header"
    EMAIL_ID = "email id"
    SAVE_DATE = "save date"
    PREVIEW = "preview"


@frozen
class ColumnSet:
    """The answer to `columns`: the ascending UIDs of the messages that are there, and of each
    column the values, in the order of the UIDs."""

    uids: Sequence[int]
    values: Mapping[Column, Sequence[Any]]


@frozen
class Read:
    """The answer to `read`: messages ascending by uid (those expunged meanwhile are absent),
    and what marking them as seen in the same statement has changed."""

    messages: tuple[StoredMessage, ...]
    stored: Stored | None = None


@frozen
class MaildropOpened:
    """INBOX as POP3 lists it: ascending UIDs, and the octets of each message with CRLF at the end
    of each line; two arrays of type 'Q' of the same length."""

    mailbox_id: int
    uidvalidity: int
    uids: array
    sizes: array


@frozen
class MaildropBody:
    """A message that is to be retrieved: its trace, and where its octets are."""

    uid: int
    trace: bytes
    body: BodyPlace


@frozen
class MaildropClosed:
    """What the end of a session has changed: what was marked as seen, and then what was removed;
    None for what was not asked for."""

    stored: Stored | None = None
    expunged: Expunged | None = None
