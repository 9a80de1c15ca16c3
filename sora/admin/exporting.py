"""`sora-admin export-maildir` and `export-mbox`"""

from argparse import ArgumentParser, Namespace

from sora.admin.command import Report, Store
from sora.admin.exchange import Exchange
from sora.admin.importing import exchange_arguments, tell
from sora.exchange.wishes import Choice


def choice_of(given: Namespace) -> Choice:
    """What is wanted."""
    return Choice(frozenset(given.mailbox) or None, given.jobs)


class ExportMaildir(Exchange):
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

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.exporting()
        with self.telling(report) as told:
            counts = await operations.maildir(
                given.email, given.path, given.layout, choice_of(given), told
            )
        tell(report, counts, "exported")


class ExportMbox(Exchange):
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

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.exporting()
        with self.telling(report) as told:
            counts = await operations.mbox(given.email, given.path, choice_of(given), told)
        tell(report, counts, "exported")
