"""MULTIAPPEND (RFC 3502): several messages in one APPEND, all or none; they belong to APPEND."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"MULTIAPPEND"))
