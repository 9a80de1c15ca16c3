"""Documents that are written from the source."""

import sys
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.documents import write_or_compare


class WriteOrCompareTests(SynchronousTestCase):
    """Two files, one of them in a directory that is not there yet."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir()
        self.files = {Path("a.md"): "one\n", Path("man/b.8"): "two – é\n"}
        self.stderr = StringIO()
        self.patch(sys, "stderr", self.stderr)

    def called(self, *arguments: str) -> int:
        return write_or_compare(self.files, "sora.some.module", arguments, self.root)

    def test_they_are_written(self) -> None:
        self.assertEqual(self.called(), 0)
        self.assertEqual((self.root / "man/b.8").read_text("utf-8"), "two – é\n")
        self.assertEqual(self.called("--check"), 0)
        self.assertEqual(self.stderr.getvalue(), "")

    def test_what_is_stale_is_named(self) -> None:
        """And nothing is written."""
        self.called()
        (self.root / "a.md").write_text("another\n")
        (self.root / "man/b.8").unlink()
        self.assertEqual(self.called("--check"), 1)
        for name in ("a.md", "man/b.8"):
            line = f"{self.root / name} is not what `python -m sora.some.module` writes\n"
            self.assertIn(line, self.stderr.getvalue())
        self.assertEqual((self.root / "a.md").read_text(), "another\n")
        self.assertFalse((self.root / "man/b.8").exists())
