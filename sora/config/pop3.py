"""`[pop3]`: what all servers of type `pop3` have in common."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION


@frozen
class POP3Config:
    """POP3 serves INBOX (RFC 1939)."""

    mark_seen: bool = key(
        True, "Messages that a session has retrieved are \\Seen for IMAP when it ends with QUIT."
    )
    login_delay: float = key(
        "0s",
        "The least time between two logins of an account; clients are told of it (LOGIN-DELAY).",
        unit=DURATION,
    )
    idle_timeout: float = key(
        "10m",
        "A session whose client says nothing for so long is closed; nothing is removed then. At "
        "least 10 minutes (RFC 1939).",
        unit=DURATION,
    )
