"""What a sender asks to be told about a message: DSN (RFC 3461), DELIVERBY (RFC 2852), as values.

The parameters come with MAIL and RCPT, go on with whatever is redirected, and are what reports
(RFC 3464) and Sieve's tests of them (RFC 6009) speak of.
"""

from enum import Enum, Flag, auto
from typing import Literal

from attrs import frozen


class Ret(Enum):
    """How much of a message a report of its failure returns (RFC 3461 §4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Notify(Flag):
    """What about a recipient is reported (RFC 3461 §4.1). Not to have said it is None."""

    NEVER = 0
    SUCCESS = auto()
    FAILURE = auto()
    DELAY = auto()

    @property
    def words(self) -> tuple[str, ...]:
        """As they are written: `NEVER` alone, or one to three others."""
        return tuple(str(each.name) for each in self) or ("NEVER",)


@frozen
class OriginalRecipient:
    """ORCPT (RFC 3461 §4.2): whom a message was sent to at first, decoded.

    `kind` is a type of addresses in lower case: `rfc822`, `utf-8` (RFC 6533), or another one.
    """

    kind: str
    address: str

    def __str__(self) -> str:
        return f"{self.kind};{self.address}"


@frozen
class By:
    """BY (RFC 2852 §4): the seconds in which a message is to be delivered; negative when they
    are over, which only mode N may say.

    `mode` N: if it was not, that is reported; R: it is returned. `trace`: each hop is reported.
    """

    seconds: int
    mode: Literal["N", "R"]
    trace: bool = False

    def __str__(self) -> str:
        return f"{self.seconds};{self.mode}{'T' if self.trace else ''}"
