"""UIDPLUS (RFC 4315): UID EXPUNGE, APPENDUID and COPYUID belong to their commands."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"UIDPLUS"))
