"""UIDONLY (RFC 9586): once it is enabled there are no message numbers any more.

What takes numbers is refused by the session and by searches; answers begin with UIDs
(`sora.protocols.imap.updates`), and VANISHED takes the place of EXPUNGE.
"""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension

EXTENSION = Extension(Capability(b"UIDONLY", needs=(b"ENABLE",)), enables=True)
