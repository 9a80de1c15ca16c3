"""Reading a small file at once, without a thread, as long as that does not wait for the disk.

Handing a read to a thread and its answer back takes more than ten times as long as reading
4 KB that the system has in its memory, and a body that has just arrived, or that another device
of the same user has read, is there. `preadv` with RWF_NOWAIT reads what is in memory and never
waits for a disk: it says EAGAIN. Opening a file may wait all the same, when its name is not in
memory. So every try is timed, and after `PATIENCE` slow ones in a row none is made for a while: the
reactor waits for a cold disk that often in `REST` seconds, and then for one seek. A single slow try
says nothing: on a busy machine it has waited for its turn.
"""

import os
from collections.abc import Callable
from errno import EOPNOTSUPP
from typing import Final

LARGEST: Final = 64 * 1024
"""Octets of the largest file that is read at once."""
SLOW: Final = 0.005
"""Seconds that a try takes when it had to wait for the disk, and not just for a turn."""
PATIENCE: Final = 2
"""Slow tries in a row that are no chance."""
REST: Final = 1.0
"""Seconds for which nothing is tried after that."""


class AtOnce:
    """Reads files that are in the system's memory. `seconds` is a clock that only rises."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._not_before = 0.0
        self._slow_in_a_row = 0
        self._is_possible = hasattr(os, "RWF_NOWAIT")

    def read(self, path: str, size: int) -> bytes | None:
        """All `size` octets of a file, or None: then a thread has to look. None also for one
        that is not there, or has another size."""
        if not self._is_possible or size > LARGEST:
            return None
        began = self._seconds()
        if began < self._not_before:
            return None
        try:
            return self._try(path, size)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == EOPNOTSUPP:
                self._is_possible = False  # not on this file system
            return None
        finally:
            ended = self._seconds()
            if ended - began <= SLOW:
                self._slow_in_a_row = 0
            else:
                self._slow_in_a_row += 1
                if self._slow_in_a_row >= PATIENCE:
                    self._slow_in_a_row = 0
                    self._not_before = ended + REST

    def _try(self, path: str, size: int) -> bytes | None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = bytearray(size + 1)  # one more: a longer file is another one
            count = os.preadv(descriptor, [data], 0, os.RWF_NOWAIT)
        finally:
            os.close(descriptor)
        return bytes(memoryview(data)[:size]) if count == size else None
