"""`sora-admin import-maildir`, `import-mbox` and `import-imap`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from attrs import asdict

from sora.admin.command import CommandFailed, Report, Store, Terminal
from sora.admin.exchange import Exchange
from sora.admin.failed import ENDED, INTERRUPTED
from sora.admin.files import first_line
from sora.admin.output import printable, size_text
from sora.exchange.counts import Counts
from sora.exchange.ending import Cancelled
from sora.exchange.wishes import MAX_JOBS, PORTS, Login, Wishes

if TYPE_CHECKING:
    # Help texts are printed without what imports.
    from sora.operations.importing import ScriptCounts


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


def update_argument(parser: ArgumentParser) -> None:
    """For sources that tell flags without a message."""
    parser.add_argument(
        "--update-flags",
        action="store_true",
        help="give what is here already the flags that it has there now",
    )


def wishes_of(given: Namespace, *, preserve_uids: bool = False) -> Wishes:
    """What is wanted."""
    return Wishes(
        preserve_uids=preserve_uids,
        dry_run=given.dry_run,
        update_flags=getattr(given, "update_flags", False),
        jobs=given.jobs,
        only=frozenset(given.mailbox) or None,
        names=tuple(given.rename),
    )


class ImportMaildir(Exchange):
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
        update_argument(parser)
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

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.importing()
        scripts = None
        with self.telling(report) as told:
            counts = await operations.maildir(
                given.email,
                given.path,
                given.layout,
                wishes_of(given, preserve_uids=given.preserve_uids),
                told,
            )
            if given.sieve_path:
                scripts = await operations.sieve(
                    given.email, given.sieve_path, dry_run=given.dry_run, counts=counts
                )
        tell(report, counts, "would be imported" if given.dry_run else "imported", scripts)


class ImportMbox(Exchange):
    """Import mbox files."""

    words = ("import-mbox",)
    summary = "import an mbox file, or all in a directory; again: only what is missing"
    examples = (
        "import-mbox --email ann@example.com --path /var/mail/ann --into INBOX",
        "import-mbox --email ann@example.com --path ~/Mail --dry-run",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        import_arguments(parser)
        parser.add_argument(
            "--path", required=True, metavar="PATH", help="the file, or a directory of files"
        )
        parser.add_argument(
            "--into", metavar="NAME", help="the mailbox for a single file (default: its name)"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.importing()
        with self.telling(report) as told:
            counts = await operations.mbox(
                given.email, given.path, given.into, wishes_of(given), told
            )
        tell(report, counts, "would be imported" if given.dry_run else "imported")


class ImportImap(Exchange):
    """Import from another IMAP server."""

    words = ("import-imap",)
    summary = "import all folders from another IMAP server; again: only what is missing"
    examples = (
        "import-imap --email ann@example.com --host imap.example.net --user ann"
        " --password-file /run/ann.secret",
        "import-imap --email ann@example.com --host old.example.com --tls starttls --user cyrus"
        " --authorize-as ann --preserve-uids",
        "import-imap --email ann@example.com --host imap.example.net --user ann --dry-run",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        import_arguments(parser)
        update_argument(parser)
        parser.add_argument("--host", required=True, metavar="NAME", help="the other server")
        parser.add_argument(
            "--tls",
            choices=tuple(PORTS),
            default="implicit",
            help="how the connection is encrypted (default: implicit)",
        )
        parser.add_argument(
            "--port", type=int, metavar="NUMBER", help="default: 993, without implicit TLS 143"
        )
        parser.add_argument("--ca-file", default="", metavar="FILE", help="authorities to trust")
        parser.add_argument(
            "--insecure", action="store_true", help="do not check the server's certificate"
        )
        parser.add_argument("--user", required=True, metavar="NAME", help="who logs in there")
        parser.add_argument(
            "--authorize-as",
            default="",
            metavar="NAME",
            help="whose mail it is there, if the one who logs in is an administrator",
        )
        parser.add_argument(
            "--password-file",
            metavar="FILE",
            help="its first line is the password; without it, it is asked for",
        )
        parser.add_argument(
            "--preserve-uids",
            action="store_true",
            help="keep the UIDs and UIDVALIDITYs of the server: clients notice no change",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.secret = _secret(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        login = Login(
            host=given.host,
            port=given.port or PORTS[given.tls],
            user=given.user,
            password=given.secret,
            tls=given.tls,
            ca_file=given.ca_file,
            verify=not given.insecure,
            authorize_as=given.authorize_as,
        )
        operations = await store.importing()
        wishes = wishes_of(given, preserve_uids=given.preserve_uids)
        with self.telling(report) as told:
            counts = await operations.imap(given.email, login, wishes, told)
        tell(report, counts, "would be imported" if given.dry_run else "imported")


def _secret(given: Namespace, terminal: Terminal) -> str:
    """A password that is there already, so it is asked for once."""
    if given.password_file:
        return first_line(given.password_file)
    if terminal.is_person:
        return terminal.ask_secret(f"Password of {given.user} on {given.host}: ")
    return terminal.stdin.readline().rstrip("\r\n")


def tell(report: Report, counts: Counts, done: str, scripts: "ScriptCounts | None" = None) -> None:
    """Print what came of it. Raises CommandFailed when something is missing."""
    lines = [printable(f"failed: {problem}") for problem in counts.problems]
    if counts.unnamed:
        lines.append(f"failed: and {counts.unnamed} more, which are not named")
    changed = f" ({counts.changed} of them with other flags)" if counts.changed else ""
    gone = f" ({counts.gone} of them went away meanwhile)" if counts.gone else ""
    left = f", {counts.left} left" if counts.left else ""
    lines.append(
        f"{counts.folders} mailboxes: {counts.seen} messages seen,"
        f" {counts.done} {done} ({size_text(counts.octets)}),"
        f" {counts.skipped} skipped{changed}{gone}, {counts.failed} failed{left}"
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
        raise CommandFailed(
            f"it was stopped: {counts.stopped.text} Run it again to go on.",
            INTERRUPTED if isinstance(counts.stopped, Cancelled) else ENDED,
        )
    if not counts.is_whole:
        raise CommandFailed("not all could be done; when that is mended, run it again")


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_JOBS):
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_JOBS}")
    return int(text)


def _renamed(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise ArgumentTypeError(f"{text!r} is not OLD=NEW")
    return old, new
