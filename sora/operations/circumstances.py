"""What a script is told of the world when it is tried."""

from collections.abc import Callable
from datetime import datetime

from attrs import field, frozen

FindScript = Callable[[str], bytes | None]
"""The text of a script that is included, by its name."""


@frozen(kw_only=True)
class Circumstances:
    """What the script is told of the world. `mailboxes` are those that exist besides INBOX; `seen`
    says whether every message is a duplicate."""

    sender: str = ""
    recipient: str = ""
    mailboxes: tuple[str, ...] = ()
    seen: bool = False
    now: datetime | None = None
    find: FindScript = field(default=lambda name: None)
