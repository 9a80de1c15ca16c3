"""Whether an import is still wanted is asked now and then, also while its source says nothing."""

from types import TracebackType
from typing import Any, Final

from sora.exchange.ending import Stopped
from sora.exchange.importing import ImportRun

PAUSE: Final = 0.5
"""seconds between two looks"""


class Watch:
    """Looks while it is entered. As soon as the run is to end, for whatever reason, its source is
    dropped: another server that does not answer would keep it for minutes."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._timer: Any = None

    def __enter__(self) -> None:
        self._wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = self._run.rooms.clock.callLater(PAUSE, self._look)

    def _look(self) -> None:
        self._timer = None
        counts = self._run.counts
        if counts.stopped is None:
            try:
                self._run.told(counts)
            except Stopped as stopped:
                counts.stopped = stopped.error
        if counts.stopped is None:
            self._wait()
        else:
            self._run.source.drop()
