"""`sora-admin import-maildir`"""

from argparse import ArgumentParser, Namespace
from time import monotonic
from typing import Any, Final

from attrs import asdict

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.output import size_text
from sora.admin.progress import Progress
from sora.exchange.counts import Counts
from sora.exchange.importing import Wishes
from sora.operations.importing import ScriptCounts

MAX_JOBS: Final = 16


def exchange_arguments(parser: ArgumentParser, what: str) -> None:
    """Arguments that all imports and exports have."""
    parser.add_argument("--email", required=True, metavar="ADDRESS", help="whose mail it is")
    parser.add_argument(
        "--mailbox",
        action="append",
        default=[],
        metavar="NAME",
        help=f"{what} only this one; may be repeated",
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=2,
        metavar="NUMBER",
        help=f"mailboxes that go at the same time (default: 2; at most {MAX_JOBS})",
    )


def import_arguments(parser: ArgumentParser) -> None:
    """Arguments that all imports have."""
    exchange_arguments(parser, "import")
    parser.add_argument(
        "--rename",
        action="append",
        default=[],
        type=_renamed,
        metavar="OLD=NEW",
        help="call a mailbox, and all below it, otherwise here; may be repeated",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only count what would be imported; write nothing"
    )


def wishes_of(given: Namespace, *, preserve_uids: bool = False) -> Wishes:
    """What is wanted."""
    return Wishes(
        preserve_uids=preserve_uids,
        dry_run=given.dry_run,
        jobs=given.jobs,
        only=frozenset(given.mailbox) or None,
        names=tuple(given.rename),
    )


class ImportMaildir(Command):
    """Import a maildir."""

    words = ("import-maildir",)
    summary = "import a maildir, with what Dovecot keeps beside it; again: only what is missing"
    examples = (
        "import-maildir --email ann@example.com --path /var/mail/ann/Maildir --dry-run",
        "import-maildir --email ann@example.com --path /var/mail/ann/Maildir --preserve-uids"
        " --sieve-path /var/mail/ann/sieve",
        "import-maildir --email ann@example.com --path ~/Mail --layout fs --mailbox INBOX",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        import_arguments(parser)
        parser.add_argument("--path", required=True, metavar="DIRECTORY", help="the maildir")
        parser.add_argument(
            "--preserve-uids",
            action="store_true",
            help="keep the UIDs and UIDVALIDITYs of dovecot-uidlist: clients notice no change",
        )
        parser.add_argument(
            "--sieve-path",
            metavar="PATH",
            help="a directory of Sieve scripts, or the one that is active",
        )
        parser.add_argument(
            "--layout",
            choices=("auto", "maildir++", "fs"),
            default="auto",
            help="how folders lie in it (default: as it looks)",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.progress = Progress(terminal.stderr, monotonic)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.importing()
        scripts = None
        try:
            counts = await operations.maildir(
                given.email,
                given.path,
                given.layout,
                wishes_of(given, preserve_uids=given.preserve_uids),
                given.progress.tell,
            )
            if given.sieve_path:
                scripts = await operations.sieve(
                    given.email, given.sieve_path, dry_run=given.dry_run, counts=counts
                )
        finally:
            given.progress.end()
        tell(report, counts, "would be imported" if given.dry_run else "imported", scripts)


def tell(report: Report, counts: Counts, done: str, scripts: ScriptCounts | None = None) -> None:
    """Print what came of it. Raises CommandFailed when something is missing."""
    lines = [f"failed: {problem}" for problem in counts.problems]
    if counts.unnamed:
        lines.append(f"failed: and {counts.unnamed} more, which are not named")
    gone = f" ({counts.gone} of them went away meanwhile)" if counts.gone else ""
    left = f", {counts.left} left" if counts.left else ""
    lines.append(
        f"{counts.folders} mailboxes: {counts.seen} messages seen,"
        f" {counts.done} {done} ({size_text(counts.octets)}), {counts.skipped} skipped{gone},"
        f" {counts.failed} failed{left}"
    )
    fields: dict[str, Any] = counts.fields()
    if scripts is not None:
        active = f", {scripts.active} is active" if scripts.active else ""
        lines.append(
            f"{scripts.seen} Sieve scripts seen, {scripts.done} {done}, {scripts.skipped} skipped,"
            f" {scripts.failed} failed{active}"
        )
        fields["scripts"] = asdict(scripts)
    report.text("\n".join(lines), **fields)
    if counts.stopped is not None:
        raise CommandFailed(f"it was stopped: {counts.stopped.text} Run it again to go on.")
    if not counts.is_whole:
        raise CommandFailed("not all could be done; when that is mended, run it again")


def _jobs(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_JOBS:
        raise ValueError
    return number


def _renamed(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise ValueError
    return old, new
