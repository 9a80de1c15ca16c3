"""`[history]`: the record of changes."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION


@frozen
class HistoryConfig:
    """Every change of a mailbox is recorded: for clients that resynchronise, and for undo."""

    retention: float = key("90d", "How long changes are kept.", unit=DURATION)
    namespace: str = key(
        "",
        """A namespace that shows expunged mail, read-only, over IMAP, for example "Deleted/".
        Empty: none.""",
    )
