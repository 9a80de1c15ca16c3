"""`[metadata]`: annotations of mailboxes and of the server (RFC 5464)."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import SIZE


@frozen
class MetadataConfig:
    """Annotations that clients keep here (IMAP METADATA)."""

    max_value_size: int = key("64kb", "The largest value; below 1 KB it is 1 KB.", unit=SIZE)
    max_entries: int = key(
        100,
        "How many entries a user may have at one mailbox, and at the server; and how many shared"
        " ones a mailbox may have.",
        least=10,
    )
    max_total_size: int = key(
        "10mb",
        "All annotations that count for one user: his own ones, and shared ones of his mailboxes.",
        unit=SIZE,
    )
    admin: str = key(
        "",
        "How users reach who runs the server, a URI: clients see it as `/shared/admin`.",
        example="mailto:postmaster@example.com",
    )
    comment: str = key("", "What is said of the server: clients see it as `/shared/comment`.")
