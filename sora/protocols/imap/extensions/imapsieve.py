"""IMAPSIEVE (RFC 6785 §2.1): scripts run for what clients do, and where they manage them.

All of it happens below, in `sora.mailbox.event_scripts`; which script it is, an annotation says.
"""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension


def extension(url: str) -> Extension:
    """With the address of the ManageSieve server, `sieve://mail.example.com`."""
    return Extension(Capability(b"IMAPSIEVE=" + url.encode("ascii"), needs=(b"METADATA",)))
