"""UIDBATCHES (RFC 10022): ranges of UIDs with so many messages each.

They are read off the list of UIDs that the session has in memory anyway. So nobody is refused
for asking again, as a server may that has to compute them (§3.1.1).
"""

from typing import Final, Self

from attrs import define

from sora.errors import BadArgument, TooMany
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner

LEAST: Final = 500
"""messages of a batch: fewer would give message numbers away (§3.1.3.2)"""
MOST: Final = 100_000
"""messages of all batches of a range (§3.1.5)"""


class _TooFew(BadArgument):
    """Minimum batch size is 500."""


class _WrongOrder(BadArgument):
    """Invalid batch range."""


@define
class UidBatches(Command):
    """UIDBATCHES SP nz-number [SP nz-number ":" nz-number]"""

    word = b"UIDBATCHES"
    states = State.SELECTED
    capability = b"UIDBATCHES"
    answers = {
        _TooFew: Answer(b"NO", b"[TOOFEW]"),
        _WrongOrder: Answer(b"BAD", b"[CLIENTBUG]"),
        TooMany: Answer(b"NO", b"[TOOMANY]"),
    }

    size: int
    first: int
    last: int | None

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        size = _positive(scan)
        if scan.at_end:
            return cls(size, 1, None)
        scan.space()
        first = _positive(scan)
        scan.expect(b":")
        return cls(size, first, _positive(scan))

    async def run(self, session: Session) -> bytes | None:
        if self.size < LEAST:
            raise _TooFew
        if self.last is not None and self.last < self.first:
            raise _WrongOrder
        if self.last is not None and (self.last - self.first + 1) * self.size > MOST:
            raise TooMany(f"These are more than {MOST} messages")
        line = b'UIDBATCHES (TAG "%b")' % session.tag
        batches = self._batches(session)
        session.untagged(line + b" " + b",".join(batches) if batches else line)
        return None

    def _batches(self, session: Session) -> list[bytes]:
        """The ranges, from the newest messages to the oldest, without gaps between them."""
        view = session.mailbox.view
        batches = []
        end = view.exists - (self.first - 1) * self.size
        for _ in range(self.first, (self.last or view.exists) + 1):
            if end < 1:
                break
            above = view.uid(end + 1) - 1 if end < view.exists else view.uid(end)
            end -= self.size
            batches.append(b"%d:%d" % (above, view.uid(end + 1) if end > 0 else 1))
        return batches


def _positive(scan: Scanner) -> int:
    number = scan.number()
    if number == 0:
        raise scan.error("A positive number is missing")
    return number
