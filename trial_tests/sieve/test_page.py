"""`docs/sieve.md` says what is there, and its examples work."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.config.sieve import SieveConfig
from sora.sieve.compile import compile_script
from sora.sieve.dialect import SIEVE
from trial_tests.sieve.filters import ran

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "sieve.md").read_text("utf-8")
_ROW = re.compile(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \| `(sora/[^`]+)` \|$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```sieve\n(.*?)^```", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"`(max_[a-z_]+)`")


class Page(SynchronousTestCase):
    def test_all_extensions(self) -> None:
        """Each one of the dialect has its row, and no other."""
        self.assertEqual([name for name, _ in _ROW.findall(PAGE)], list(SIEVE.names))

    def test_files(self) -> None:
        for name, path in _ROW.findall(PAGE):
            if not name.startswith("comparator-"):
                self.assertIn(f'"{name}"', (ROOT / path).read_text("utf-8"), name)

    def test_examples(self) -> None:
        """They compile without a warning, and run."""
        examples = _EXAMPLE.findall(PAGE)
        self.assertGreaterEqual(len(examples), 3)
        for example in examples:
            self.assertEqual(compile_script(example).warnings, (), example)
            self.assertIsNone(ran(example).error, example)

    def test_keys(self) -> None:
        keys = {one.name for one in SieveConfig.__attrs_attrs__}  # type: ignore[attr-defined]
        self.assertEqual(set(_KEY.findall(PAGE)) - keys, set())
