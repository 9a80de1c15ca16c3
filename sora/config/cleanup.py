"""`[cleanup]`: what is removed, and when."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION, OPTIONAL_DURATION


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
        "", "Messages older than this are expunged (ephemeral storage).", unit=OPTIONAL_DURATION
    )
