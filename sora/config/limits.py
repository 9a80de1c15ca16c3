"""`[limits]`: what one message, session and user may take."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION, SIZE


@frozen
class LimitsConfig:
    """Limits of messages, sessions and users."""

    max_message_size: int = key("50mb", "The largest message that is accepted.", unit=SIZE)
    over_quota: str = key(
        "defer",
        """What becomes of mail for an account that is over its quota: with `defer` the MTA keeps it
        and tries again (452 4.2.2, as Cyrus does it), with `reject` it goes back to its sender (552
        5.2.2, as Dovecot does it).""",
        choices=("defer", "reject"),
    )
    session_memory: int = key(
        "100mb",
        """The memory that one IMAP session may hold by itself: literals, saved results of searches,
        searches that are kept up to date, mailboxes that NOTIFY is about, its view of the mailbox.
        What would take more is refused (`NO [LIMIT]`); at twice of it the session ends.""",
        unit=SIZE,
        least=1024 * 1024,
    )
    max_connections_per_user: int = key(
        50, "The most sessions of one user at the same time. 0: no limit.", least=0
    )
    max_messages_per_command: int = key(
        1_000_000,
        "The most messages that one command of IMAP works on (MESSAGELIMIT, RFC 9738): at least "
        "1000, since clients that do not know of it miss mail. 0: no limit.",
        least=0,
    )
    max_messages_per_copy: int = key(
        0,
        "The most messages that one COPY takes, where the limit above is 0 (SAVELIMIT). "
        "0: no limit.",
        least=0,
    )
    idle_timeout: float = key(
        "30m", "A session whose client says nothing for so long is closed.", unit=DURATION
    )
    login_timeout: float = key(
        "60s", "A client that has not logged in after so long is disconnected.", unit=DURATION
    )
    concurrent_logins: int = key(
        0,
        """The most logins that ask the database at the same time, so that who has logged in finds a
        connection; further ones wait for their turn. While turns of the reactor come late, or all
        connections are in use, it is one. 0: half of `[database] max_conns`.""",
        least=0,
    )
    shutdown_timeout: float = key(
        "10s", "How long a stopping server lets commands end that are under way.", unit=DURATION
    )
    kept_memory: int = key(
        "64mb",
        "Memory in which a process keeps what FETCH has read and never changes: envelopes, "
        "structures, header fields.",
        unit=SIZE,
    )
