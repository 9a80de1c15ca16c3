"""CHILDREN (RFC 3348): \\HasChildren and \\HasNoChildren stand in every LIST response."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"CHILDREN"))
