"""How far long work is, on a terminal: one line that is written again and again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, TextIO

from sora.admin.output import size_text

if TYPE_CHECKING:
    # Whoever imports accounts needs nothing of an import of mail.
    from sora.exchange.counts import Counts

WIDTH: Final = 30
PAUSE: Final = 0.2
"""seconds between two lines"""


class Progress:
    """Shows counts on `stream`, if somebody looks at it; `seconds` is the time. A context, after
    which the line is away, however the work has ended."""

    def __init__(self, stream: TextIO, seconds: Callable[[], float]) -> None:
        self._stream = stream
        self._seconds = seconds
        self._is_shown = stream.isatty()
        self._begun = seconds()
        self._last = 0.0
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._length:
            self._write("")
            self._stream.write("\r")
            self._stream.flush()

    def tell(self, counts: "Counts") -> None:
        """The counts have changed."""
        self._show(lambda seconds: _line(counts, seconds))

    def show(self, share: float | None, text: str) -> None:
        """How much of it is done, from 0 to 1, where that is known, and what was counted."""
        self._show(lambda seconds: f"{_bar(share)}  {text}" if share is not None else text)

    def _show(self, line: Callable[[float], str]) -> None:
        now = self._seconds()
        if not self._is_shown or now - self._last < PAUSE:
            return
        self._last = now
        self._write(line(now - self._begun))

    def _write(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._length))
        self._stream.flush()
        self._length = len(line)


def _line(counts: "Counts", seconds: float) -> str:
    handled = counts.done + counts.skipped + counts.failed
    rate = counts.done / seconds if seconds > 0 else 0.0
    return (
        f"{_bar(counts.share)}  {handled}/{max(counts.expected, handled)}"
        f"  {counts.failed} failed  {size_text(counts.octets)}  {rate:.0f}/s"
    )


def _bar(share: float) -> str:
    return f"[{'#' * round(share * WIDTH):<{WIDTH}}] {share:4.0%}"
