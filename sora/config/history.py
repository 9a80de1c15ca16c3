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
        """Below which names users see over IMAP what they have expunged, for as long as it is
        kept, to read it and to copy it back; with `/` at its end, for example "Deleted/". Empty:
        nowhere.""",
    )
