"""ESORT (RFC 5267 §3): SORT takes the options of SEARCH."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"ESORT", needs=(b"SORT", b"ESEARCH")))
