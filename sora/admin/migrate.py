"""`sora-admin migrate …`: the schema. A server that starts does the same by itself."""

import sys
from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, Report, Store


class Status(Command):
    """Show migrations."""

    words = ("migrate", "status")
    summary = "show which steps of the schema are applied, and which are not"
    examples = ("migrate status", "migrate status --pending --json")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pending", action="store_true", help="only what is missing")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = await (store.migrations.pending() if given.pending else store.migrations.status())
        report.table(
            ["version", "name", "state"],
            [{"version": row.version, "name": row.name, "state": row.state} for row in rows],
        )


class Up(Command):
    """Migrate."""

    words = ("migrate", "up")
    summary = "bring the schema up to date, before servers of a new version are started"
    examples = ("migrate up", "migrate up --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        applied = await store.migrations.up(lambda text: print(text, file=sys.stderr))
        text = f"{len(applied)} migrations were applied" if applied else "nothing was missing"
        report.say(text, applied=applied)
