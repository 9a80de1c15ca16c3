"""`sora-admin uploader …`"""

from argparse import Namespace

from attrs import asdict

from sora.admin.command import Command, Report, Store
from sora.admin.output import Octets


class Status(Command):
    """Show what waits for the object stores."""

    words = ("uploader", "status")
    summary = "show what waits for its upload, for its copy, and since when"
    examples = ("uploader status", "uploader status --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        status = await store.uploader.status()
        queue = asdict(status.uploads)
        rows = [{"queue": "uploads", **queue}]
        rows += [
            {"queue": f"copies to {name}", **asdict(backlog)}
            for name, backlog in status.copies.items()
        ]
        for row in rows:
            row["octets"] = Octets(row["octets"])
            row["oldest"] = round(row["oldest"])
        report.table(["queue", "contents", "octets", "oldest", "claimed", "refused"], rows)


class Retry(Command):
    """Try again now what was refused."""

    words = ("uploader", "retry")
    summary = "let what a store refused be tried again now, as if it were new"
    examples = ("uploader retry",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        count = await store.uploader.retry()
        report.say(f"{count} bodies are due now", due=count)
