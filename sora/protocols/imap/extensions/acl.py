"""RIGHTS= (RFC 4314 §2.2): the rights that RFC 2086 did not have. The commands of ACL tell of it
themselves; what rights do to other commands belongs to those."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"RIGHTS=kxte", needs=(b"ACL",)))
