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
class UnusualDeletionsConfig:
    """Runs of deletions that are far beyond an account's habit, as when a phone or a thief deletes
    everything: what went in one is kept longer, and the log and the health tell of it."""

    messages: int = key(
        500,
        """So many messages, deleted by an account in a day and the one before it (UTC), may be such
        a run. What is moved or goes by a policy does not count. 0: there are none.""",
        least=0,
    )
    share: int = key(
        50,
        """Or this share of what it had, in percent, where that is less, and 50 messages at
        least.""",
        least=1,
    )
    factor: int = key(
        5,
        """It is one if it is more than so many times the most that the account deleted in a day of
        the four weeks that ended a week before.""",
        least=1,
    )
    extra_grace: float = key(
        "28d", "How much longer than `grace_period` it is kept.", unit=DURATION
    )


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
    unusual_deletions: UnusualDeletionsConfig = table(UnusualDeletionsConfig)
