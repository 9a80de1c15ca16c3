"""`sora-admin accounts import`"""

from argparse import ArgumentParser, Namespace
from functools import partial
from typing import Final, TextIO

from sora.admin.accounts import count
from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.auth.passwords import SCHEMES
from sora.operations.account_import import AccountImport, ImportedAccounts
from sora.operations.account_list import FIELDS, MAX_LINE, read_list

MOST_JOBS: Final = 32


class Import(Command):
    """Make many accounts."""

    words = ("accounts", "import")
    summary = "make many accounts, from CSV or JSON lines; those that are there stay as they are"
    examples = (
        "accounts import --file accounts.csv --dry-run",
        "accounts import --file accounts.csv --jobs 4",
        "accounts import < accounts.jsonl",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file",
            metavar="FILE",
            help="the list, read from stdin without: CSV whose first line names the columns, or a"
            f" JSON object in each line; the names are {', '.join(FIELDS)}",
        )
        parser.add_argument(
            "--hash", choices=SCHEMES, default="bcrypt", help="how passwords are stored"
        )
        parser.add_argument(
            "--jobs", type=count, default=4, metavar="N", help="accounts at a time (default: 4)"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="look at all lines, and make nothing"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.stdin = terminal.stdin
        if given.jobs > MOST_JOBS:
            raise CommandFailed(f"--jobs is {MOST_JOBS} at most")
        if given.file is None and terminal.is_person:
            raise CommandFailed("no list: give --file, or write it to stdin")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        importing = AccountImport(store.accounts, store.aliases, store.quota)

        with _opened(given) as lines, report.progress() as progress:

            def tell(counts: ImportedAccounts) -> None:
                progress.show(None, f"{counts.seen} lines, {counts.failed} failed")

            try:
                counts = await importing.run(
                    read_list(iter(partial(lines.readline, MAX_LINE + 2), "")),
                    scheme=given.hash,
                    jobs=given.jobs,
                    dry=given.dry_run,
                    told=tell,
                )
            except UnicodeDecodeError as error:
                raise CommandFailed(f"the list is not UTF-8: {error}") from None
        _tell(report, counts, "would be made" if given.dry_run else "made")


def _opened(given: Namespace) -> TextIO:
    if given.file is None:
        stdin: TextIO = given.stdin
        return stdin
    try:
        return open(given.file, encoding="utf-8", newline="")
    except OSError as error:
        raise CommandFailed(f"{given.file} cannot be read: {error}") from None


def _tell(report: Report, counts: ImportedAccounts, done: str) -> None:
    """Print what came of it. Raises CommandFailed when a line failed."""
    lines = [f"failed: {problem}" for problem in counts.problems]
    unnamed = counts.failed - len(counts.problems)
    if unnamed:
        lines.append(f"failed: and {unnamed} more, which are not named")
    lines.append(
        f"{counts.seen} accounts seen, {counts.done} {done}, {counts.skipped} there already,"
        f" {counts.failed} failed"
    )
    report.text(
        "\n".join(lines),
        seen=counts.seen,
        done=counts.done,
        skipped=counts.skipped,
        failed=counts.failed,
        problems=counts.problems,
    )
    if counts.failed:
        raise CommandFailed(f"{counts.failed} of {counts.seen} lines failed")
