"""INPROGRESS (RFC 9585): see `sora.protocols.imap.progress`."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"INPROGRESS"))
