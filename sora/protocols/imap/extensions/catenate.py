"""CATENATE (RFC 4469): a message from parts of others, for APPEND and REPLACE, which read it."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"CATENATE"))
