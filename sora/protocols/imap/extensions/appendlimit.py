"""APPENDLIMIT (RFC 7889): how large a message may be that is appended; one limit for all
mailboxes. It is enforced before any octet of a message is taken (`appending`)."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(
    Capability(b"APPENDLIMIT", limit=lambda limits: limits.message),
    status_items={b"APPENDLIMIT": lambda row, session: session.limits.message},
)
