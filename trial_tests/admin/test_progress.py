"""How far long work is, on a terminal and elsewhere."""

from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from sora.admin.progress import Progress
from sora.exchange.counts import MAX_PROBLEMS, Counts
from sora.exchange.source import Problem


class Screen(StringIO):
    def isatty(self) -> bool:
        return True


class ProgressTests(SynchronousTestCase):
    def shown(self, stream: StringIO) -> str:
        moments = iter([0.0, 1.0, 1.1, 10.0])
        progress = Progress(stream, lambda: next(moments))
        counts = Counts(seen=50, done=25, skipped=25, expected=200, octets=2048)
        with progress:
            progress.tell(counts)
            counts.done = 30
            progress.tell(counts)
            counts.done, counts.failed = 145, 30
            progress.tell(counts)
        return stream.getvalue()

    def test_one_line_on_a_terminal(self) -> None:
        """It is written over, not too often, and gone at the end."""
        first, second, *rest = self.shown(Screen()).removeprefix("\r").split("\r")
        self.assertEqual(
            first.rstrip(),
            "[########                      ]  25%  50/200  0 failed  2.0 KB  25/s",
        )
        self.assertIn("100%  200/200  30 failed", second)
        self.assertEqual("".join(rest).strip(), "")

    def test_other_work(self) -> None:
        """With a bar where it is known how much there is."""
        screen, moments = Screen(), iter([0.0, 1.0, 2.0])
        progress = Progress(screen, lambda: next(moments))
        progress.show(None, "1 object")
        progress.show(0.5, "2 objects")
        first, second = screen.getvalue().removeprefix("\r").split("\r")
        self.assertEqual(first, "1 object")
        self.assertEqual(second, "[###############               ]  50%  2 objects")

    def test_what_fails_leaves_no_line(self) -> None:
        """The error is told on a line of its own."""
        screen = Screen()

        def work() -> None:
            with Progress(screen, lambda: 1.0) as progress:
                progress.show(None, "1 object")
                raise OSError

        self.assertRaises(OSError, work)
        self.assertEqual(screen.getvalue(), "\r1 object\r        \r")

    def test_nothing_elsewhere(self) -> None:
        self.assertEqual(self.shown(StringIO()), "")

    def test_problems_are_bounded(self) -> None:
        """All are counted."""
        counts = Counts(seen=MAX_PROBLEMS + 5)
        for number in range(MAX_PROBLEMS + 5):
            counts.fail(Problem(str(number), "text"))
        self.assertEqual((len(counts.problems), counts.unnamed), (MAX_PROBLEMS, 5))
        self.assertEqual(
            (counts.failed, counts.left, counts.is_whole), (MAX_PROBLEMS + 5, 0, False)
        )
