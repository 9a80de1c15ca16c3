"""What is made of received bytes by reading them all: in a thread where they are many."""

from collections.abc import Callable
from mmap import mmap
from typing import Final

from sora.mail.facts import Facts
from sora.mail.recoding import recoded
from sora.mailbox.spool import Spool
from sora.threads import Threads

IN_THREAD: Final = 64 * 1024
"""Octets from which on a message is read in a thread."""

Derive = Callable[[bytes | mmap], Facts]


class Deriving:
    """`derive` reads a whole message."""

    def __init__(self, derive: Derive, threads: Threads) -> None:
        self._derive = derive
        self._threads = threads

    async def facts(self, spool: Spool) -> Facts:
        """What is derived from the bytes of a message."""
        if spool.size < IN_THREAD:
            return self._derive(spool.data())
        return await self._threads.run(self._derive, spool.data())

    async def recoded(self, spool: Spool, new: Callable[[], Spool]) -> Spool:
        """The same bytes, or a `new` spool in which binary parts with NULs are base64."""
        if spool.data().find(b"\0") < 0:
            spool.unmap()
            return spool
        into = new()
        if spool.size < IN_THREAD:
            is_new = _recode(spool, into)
        else:
            is_new = await self._threads.run(_recode, spool, into)
        spool.unmap()
        return into if is_new else spool


def _recode(spool: Spool, into: Spool) -> bool:
    pieces = recoded(bytes(spool.data()))
    for piece in pieces or ():
        into.write(piece)
    return pieces is not None
