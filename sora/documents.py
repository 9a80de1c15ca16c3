"""Documents that are written from the source, and that a test compares with it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_or_compare(
    files: Mapping[Path, str], writer: str, arguments: Sequence[str], root: Path
) -> int:
    """Write the texts to their files below `root`. With `--check`, say instead on stderr which are
    not what the module `writer` writes. Gives the exit code: 1 when there are such."""
    if "--check" not in arguments:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
        return 0
    stale = [root / path for path, text in files.items() if not _is(root / path, text)]
    for path in stale:
        sys.stderr.write(f"{path} is not what `python -m {writer}` writes\n")
    return 1 if stale else 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text
