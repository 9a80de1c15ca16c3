"""QUOTA=RES-STORAGE, QUOTA=RES-MESSAGE, QUOTA=RES-MAILBOX (RFC 9208 §5): what can be limited, and
the items of STATUS that say what an EXPUNGE would free (§4.1.4)."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

STORAGE = Extension(
    Capability(b"QUOTA=RES-STORAGE", needs=(b"QUOTA",)),
    # In octets; storage counts it only when it is asked for (`needs_deleted_size`).
    status_items={b"DELETED-STORAGE": lambda row, account: row.deleted_size},
)
MESSAGE = Extension(
    Capability(b"QUOTA=RES-MESSAGE", needs=(b"QUOTA",)),
    status_items={b"DELETED": lambda row, account: row.deleted},
)
MAILBOX = Extension(Capability(b"QUOTA=RES-MAILBOX", needs=(b"QUOTA",)))
