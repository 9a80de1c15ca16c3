"""`[cleanup]`: what is removed, and when."""

from attrs import frozen

from sora.config.keys import key, table
from sora.config.units import DURATION, OPTIONAL_DURATION


@frozen
class SpecialUseConfig:
    """The same for mailboxes with a special use (RFC 6154), in place of `max_age_restriction`."""

    archive: float | None = key("", "Messages in the archive.", unit=OPTIONAL_DURATION)
    drafts: float | None = key("", "Drafts.", unit=OPTIONAL_DURATION)
    junk: float | None = key("", "Junk.", unit=OPTIONAL_DURATION, example="30d")
    sent: float | None = key("", "Sent messages.", unit=OPTIONAL_DURATION)
    trash: float | None = key("", "The trash.", unit=OPTIONAL_DURATION, example="30d")


@frozen
class CleanupConfig:
    """Expunged mail is kept for a grace period, restorable, and then removed."""

    grace_period: float = key(
        "14d",
        "How long expunged messages and deleted accounts can be restored.",
        unit=DURATION,
    )
    object_grace: float = key(
        "0s",
        """How long octets that nothing refers to any more stay in their object store, beyond the
        grace period: as long as a backup of the database is kept that may have to be restored
        beside the bucket.""",
        unit=DURATION,
    )
    wake_interval: float = key("1h", "How often the cleaner looks for work.", unit=DURATION)
    max_age_restriction: float | None = key(
        "",
        """Messages that have been in their mailbox for longer are expunged (ephemeral storage).
        Rules for a domain or an account, by `sora-admin retention set`, come before it.""",
        unit=OPTIONAL_DURATION,
    )
    special_use: SpecialUseConfig = table(SpecialUseConfig)
