"""`sora-admin objects …`"""

from argparse import ArgumentParser, Namespace

from attrs import asdict

from sora.admin.command import Command, CommandFailed, Report, Store
from sora.admin.output import Octets, size_text
from sora.operations.objects import Progress


class Status(Command):
    """Count objects by store and key."""

    words = ("objects", "status")
    summary = "count the objects that bodies are, by store and key"
    examples = ("objects status", "objects status --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.objects()
        rows = [
            {
                "store": one.store,
                "key": one.key_id,
                "objects": one.objects,
                "octets": Octets(one.octets),
                "readable": one.is_readable,
            }
            for one in await operations.tally()
        ]
        report.table(["store", "key", "objects", "octets", "readable"], rows)
        if not all(row["readable"] for row in rows):
            raise CommandFailed(
                "not all objects can be read: their store or their key is not configured"
            )


class Reencrypt(Command):
    """Give all objects the present key."""

    words = ("objects", "reencrypt")
    summary = "write objects that have an older key, or none, anew with the first key"
    examples = ("objects reencrypt", "objects reencrypt --decrypt")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--decrypt",
            action="store_true",
            help="with encryption = off: store all objects as they are",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        operations = await store.objects()
        with report.progress() as progress:

            def tell(done: Progress) -> None:
                progress.show(done.part, f"{done.written} written, {done.failed} failed")

            done = await operations.reencrypt(decrypt=given.decrypt, told=tell)
        report.say(
            f"{done.looked} objects were looked at, {done.written} ({size_text(done.octets)}) were"
            f" written anew, {done.failed} could not be",
            **asdict(done),
        )
        if done.passed_over:
            raise CommandFailed(f"{done.passed_over} objects are in stores that are not configured")
        if done.failed:
            raise CommandFailed("some objects keep their key: look at the log, and do it again")
