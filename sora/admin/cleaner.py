"""`sora-admin cleaner …`"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from attrs import asdict

from sora.admin.command import Command, Report, Store
from sora.admin.output import Octets
from sora.config.units import write_duration
from sora.storage.rows import CleaningStatus, DueMessages, Overdue


def _age(overdue: Overdue) -> str:
    return write_duration(round(overdue.age)) if overdue.count else ""


def _waiting(status: CleaningStatus) -> list[dict[str, Any]]:
    rows: list[tuple[str, Overdue, int | None]] = [
        ("expunged messages", status.messages, None),
        ("mailboxes", status.mailboxes, status.deleted_mailboxes),
        ("accounts", status.accounts, status.deleted_accounts),
        ("contents", status.contents, None),
        ("objects", status.objects, status.objects.count),
    ]
    return [
        {"what": what, "deleted": deleted, "due": overdue.count, "oldest": _age(overdue)}
        for what, overdue, deleted in rows
    ]


class Status(Command):
    """Show what waits to be removed."""

    words = ("cleaner", "status")
    summary = "show what waits to be removed, and the last round of each node"
    examples = ("cleaner status", "cleaner status --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        status = await store.cleaning.status()
        rounds = await store.cleaning.rounds()
        if given.json:
            report.say("", **asdict(status), rounds=[asdict(each) for each in rounds])
            return
        report.table(["what", "deleted", "due", "oldest"], _waiting(status))
        report.say("")
        report.table(
            ["node", "ended", "took", "messages", "objects", "octets", "error"],
            [
                {
                    "node": each.node,
                    "ended": each.ended_at,
                    "took": write_duration((each.ended_at - each.began_at).total_seconds()),
                    "messages": each.done.get("expunged", 0),
                    "objects": each.done.get("deleted", 0),
                    "octets": Octets(each.done.get("octets", 0)),
                    "error": each.error,
                }
                for each in rounds
            ],
        )


class Run(Command):
    """Clean now."""

    words = ("cleaner", "run")
    summary = "do a round of the cleaner now, or with --dry-run show what it would do"
    examples = ("cleaner run --dry-run", "cleaner run --json")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only show what would go")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.dry_run:
            due = await store.retention.due(None)
            rows = [*_by_account(due), *_past_grace(await store.cleaning.status())]
            report.table(["what", "account", "mailboxes", "messages", "octets"], rows)
            return
        cleaned = await store.cleaning.run()
        report.say(
            f"{cleaned.expired} messages expunged by policy, {cleaned.expunged} purged,"
            f" {cleaned.accounts} accounts removed, {cleaned.deleted} objects deleted"
            f" ({cleaned.octets} octets), {cleaned.kept} kept for now",
            **asdict(cleaned),
        )


class Runs(Command):
    """Show unusual runs of deletions."""

    words = ("cleaner", "runs")
    summary = "show accounts that deleted far more than is their habit, while it is kept"
    examples = ("cleaner runs", "cleaner runs --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(
            ["account", "from", "to", "messages", "habit", "remaining", "kept until"],
            [
                {
                    "account": each.run.address or str(each.run.account_id),
                    "from": each.run.began_at,
                    "to": each.run.last_at,
                    "messages": each.run.messages,
                    "habit": each.run.habit,
                    "remaining": each.run.remaining,
                    "kept until": each.kept_until,
                }
                for each in await store.cleaning.runs()
            ],
        )


def _by_account(due: Sequence[DueMessages]) -> list[dict[str, Any]]:
    """What policies expunge, summed up by account."""
    rows: dict[int, dict[str, Any]] = {}
    for each in due:
        row = rows.setdefault(
            each.account_id,
            {
                "what": "expunged by policy",
                "account": each.address,
                "mailboxes": 0,
                "messages": 0,
                "octets": Octets(0),
            },
        )
        row["mailboxes"] += 1
        row["messages"] += each.messages
        row["octets"] = Octets(row["octets"] + each.octets)
    return list(rows.values())


def _past_grace(status: CleaningStatus) -> list[dict[str, Any]]:
    """What goes for good, of all accounts."""
    return [
        {
            "what": "past the grace",
            "account": f"{status.accounts.count} deleted" if status.accounts.count else "",
            "mailboxes": status.mailboxes.count,
            "messages": status.messages.count,
            "octets": Octets(status.octets),
        }
    ]
