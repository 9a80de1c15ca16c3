"""What imports and exports on the command line have in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sora.admin.command import Command, Report
from sora.exchange.counts import Counts
from sora.exchange.ending import Cancelled, Stopped


class Exchange(Command):
    """An import or an export. Interrupted, it ends as if somebody had cancelled its task: what it
    has done stays, and is counted."""

    _is_interrupted = False

    def interrupt(self) -> bool:
        self._is_interrupted = True
        return True

    @contextmanager
    def telling(self, report: Report) -> Iterator[Callable[[Counts], None]]:
        """To show counts while they grow. What it gives raises Stopped when it is to end."""
        with report.progress() as progress:

            def told(counts: Counts) -> None:
                progress.tell(counts)
                if self._is_interrupted:
                    raise Stopped(Cancelled("You have interrupted it."))

            yield told
