"""What LIST can be asked for besides names (RFC 5258): which mailboxes, and what of them."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from sora.mailbox.listing import Listed
from sora.protocols.imap.wire.scanner import Scanner

if TYPE_CHECKING:
    from sora.protocols.imap.dialect import Dialect
    from sora.protocols.imap.session import Session


class SelectionOption(Enum):
    """Which mailboxes are listed."""

    SUBSCRIBED = auto()
    REMOTE = auto()
    """there are none elsewhere: it changes nothing"""
    RECURSIVE_MATCH = auto()
    SPECIAL_USE = auto()


class ReturnOption:
    """What is said of a listed mailbox. This root says nothing more than LIST says anyway."""

    @classmethod
    def parse(cls, scan: Scanner, dialect: "Dialect") -> Self:
        """Read what follows the option's word."""
        return cls()

    @property
    def needs_counters(self) -> bool:
        """Whether it tells of how many messages there are."""
        return False

    @property
    def needs_deleted_size(self) -> bool:
        """Whether it tells of what an EXPUNGE would free."""
        return False

    async def prepare(self, found: Sequence[Listed], session: "Session") -> None:
        """Read what is said of all the mailboxes that are found."""

    def lines(self, listed: Listed, session: "Session") -> Sequence[bytes]:
        """Untagged lines that follow that of the mailbox, without `* ` and CRLF."""
        return ()


class ReturnSubscribed(ReturnOption):
    """SUBSCRIBED: whether it is subscribed to"""
