"""STATUS=SIZE (RFC 8438), and the number of messages with \\Deleted (RFC 9051 §6.3.11)."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(
    Capability(b"STATUS=SIZE"),
    status_items={
        b"SIZE": lambda row, session: row.size,
        b"DELETED": lambda row, session: row.deleted,
    },
)
