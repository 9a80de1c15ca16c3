"""`sora-admin export-maildir` and `export-mbox`"""

from argparse import ArgumentParser, Namespace
from time import monotonic

from sora.admin.command import Command, Report, Store, Terminal
from sora.admin.importing import exchange_arguments, tell
from sora.admin.progress import Progress
from sora.exchange.wishes import Choice


def choice_of(given: Namespace) -> Choice:
    """What is wanted."""
    return Choice(frozenset(given.mailbox) or None, given.jobs)


class ExportMaildir(Command):
    """Export to a maildir."""

    words = ("export-maildir",)
    summary = "write a user's mail to a maildir, which Dovecot serves with the same UIDs"
    examples = (
        "export-maildir --email ann@example.com --path /srv/export/ann/Maildir",
        "export-maildir --email ann@example.com --path /srv/export/ann --layout fs --mailbox INBOX",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        exchange_arguments(parser, "export")
        parser.add_argument("--path", required=True, metavar="DIRECTORY", help="where to")
        parser.add_argument(
            "--layout",
            choices=("maildir++", "fs"),
            default="maildir++",
            help="how folders lie in it (default: maildir++)",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.progress = Progress(terminal.stderr, monotonic)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.exporting()
        try:
            counts = await operations.maildir(
                given.email, given.path, given.layout, choice_of(given), given.progress.tell
            )
        finally:
            given.progress.end()
        tell(report, counts, "exported")


class ExportMbox(Command):
    """Export to mbox files."""

    words = ("export-mbox",)
    summary = "write a user's mail to mbox files, one for each mailbox"
    examples = (
        "export-mbox --email ann@example.com --path /srv/export/ann",
        "export-mbox --email ann@example.com --path /srv/export/ann --mailbox INBOX",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        exchange_arguments(parser, "export")
        parser.add_argument("--path", required=True, metavar="DIRECTORY", help="where to")

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.progress = Progress(terminal.stderr, monotonic)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.exporting()
        try:
            counts = await operations.mbox(
                given.email, given.path, choice_of(given), given.progress.tell
            )
        finally:
            given.progress.end()
        tell(report, counts, "exported")
