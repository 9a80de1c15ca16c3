"""`[shared_mailboxes]`: mailboxes of other users (RFC 4314)."""

from attrs import frozen

from sora.config.keys import key


@frozen
class SharedMailboxesConfig:
    """Mailboxes that users of one domain share."""

    enabled: bool = key(False, "Whether there are shared mailboxes.")
    namespace_prefix: str = key(
        "Shared/",
        "The namespace in which they appear, with `/` at its end: `Shared/ann@example.com/Work`"
        " is a mailbox of that user, `Shared/Team` one of the domain.",
    )
    allow_user_create: bool = key(
        False, "Whether users may make mailboxes there, which then belong to the domain."
    )
    default_rights: str = key(
        "lrswipkxtea", "The rights of the one who makes a shared mailbox (RFC 4314 §2.1)."
    )
