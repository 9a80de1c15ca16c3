"""ESEARCH (RFC 4731): what SEARCH says of its result."""

from collections.abc import Sequence

from sora.mail.numbers import in_order
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.parameters import SearchReturn
from sora.protocols.imap.searching import Found


class Min(SearchReturn):
    """MIN: the first message"""

    def data(self, found: Found) -> bytes:
        return b"".join(b"MIN %d" % number for number in found.numbers(self.names(found)))

    def names(self, found: Found) -> Sequence[int]:
        return found.uids[:1]


class Max(SearchReturn):
    """MAX: the last message"""

    def data(self, found: Found) -> bytes:
        return b"".join(b"MAX %d" % number for number in found.numbers(self.names(found)))

    def names(self, found: Found) -> Sequence[int]:
        return found.uids[-1:]


class AllFound(SearchReturn):
    """ALL: all of them"""

    def data(self, found: Found) -> bytes:
        numbers = found.numbers(found.uids)
        return b"ALL " + in_order(numbers).encode() if numbers else b""

    def names(self, found: Found) -> Sequence[int]:
        return found.uids


class Count(SearchReturn):
    """COUNT: how many"""

    def data(self, found: Found) -> bytes:
        return b"COUNT %d" % len(found.uids)

    def names(self, found: Found) -> Sequence[int]:
        return found.uids


EXTENSION = Extension(
    Capability(b"ESEARCH"),
    search_returns={b"MIN": Min, b"MAX": Max, b"ALL": AllFound, b"COUNT": Count},
)
