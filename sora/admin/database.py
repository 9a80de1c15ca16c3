"""`sora-admin database …`: the database itself, and what to do after a disaster."""

from argparse import ArgumentParser, Namespace
from typing import Any

from sora.admin.command import Command, Report, Store
from sora.admin.output import Octets, size_text
from sora.storage.rows import Epoch, ReplicaRow, ServerStatus, TableRow


class Status(Command):
    """Show how it is."""

    words = ("database", "status")
    summary = "show how the server is: role, epoch, size, replicas, connections, what waits"
    examples = ("database status", "database status --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        status = await store.database.status()
        pending = [f"{row.version:04} {row.name}" for row in await store.migrations.pending()]
        fields = _fields(status, pending)
        report.text(_page(status, pending), **fields)


class Promoted(Command):
    """Say that it was set back."""

    words = ("database", "promoted")
    summary = "after a promotion or a restore: give out no number that clients may know"
    examples = ("database promoted", "database promoted --force")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="also where nothing shows that it was set back: after a snapshot was put back",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        promoted = await store.database.promoted(given.force)
        epoch = promoted.epoch
        if promoted.is_new:
            text = (
                f"Epoch {epoch.number} has begun: UIDs jump by {epoch.uid_jump}, for what may be"
                f" lost since {_moment(epoch)}. Clients resynchronise by themselves."
            )
        else:
            text = (
                f"Epoch {epoch.number} knows timeline {epoch.timeline} already: nothing was done."
                " If a snapshot or a copy was put back, say so with --force."
            )
        report.say(text, began=promoted.is_new, **_epoch_fields(epoch))


def _moment(epoch: Epoch) -> str:
    return epoch.heard_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _epoch_fields(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.number,
        "reason": epoch.reason,
        "began_at": epoch.began_at,
        "heard_at": epoch.heard_at,
        "timeline": epoch.timeline,
        "uid_jump": epoch.uid_jump,
    }


def _fields(status: ServerStatus, pending: list[str]) -> dict[str, Any]:
    return {
        "version": status.version,
        "role": status.role,
        "timeline": status.timeline,
        "database": status.database,
        "database_id": None if status.database_id is None else str(status.database_id),
        "size": status.size,
        "connections": status.connections,
        "max_connections": status.max_connections,
        "oldest_transaction": status.oldest_transaction,
        "behind": status.behind,
        "epoch": None if status.epoch is None else _epoch_fields(status.epoch),
        "pending_migrations": pending,
        "replicas": [_replica(one) for one in status.replicas],
        "tables": [_table(one) for one in status.tables],
    }


def _replica(one: ReplicaRow) -> dict[str, Any]:
    return {
        "name": one.name,
        "address": one.address,
        "state": one.state,
        "sync": one.sync,
        "lag_octets": one.lag_octets,
        "lag": one.lag,
    }


def _table(one: TableRow) -> dict[str, Any]:
    return {
        "name": one.name,
        "size": Octets(one.size),
        "rows": one.rows,
        "dead": one.dead,
        "vacuumed_at": one.vacuumed_at,
        "bloated": one.is_bloated,
    }


def _page(status: ServerStatus, pending: list[str]) -> str:
    """All of it for people, a line for each fact."""
    epoch = status.epoch
    facts = [
        ("server", f"PostgreSQL {status.version}, {status.role}, timeline {status.timeline}"),
        ("database", f"{status.database}, {size_text(status.size)}"),
        ("epoch", "none: no schema" if epoch is None else f"{epoch.number} ({epoch.reason})"),
        ("migrations", f"{len(pending)} pending: {', '.join(pending)}" if pending else "applied"),
        ("connections", f"{status.connections} of {status.max_connections}"),
        ("oldest transaction", _age(status.oldest_transaction)),
    ]
    if status.role == "replica":
        facts.append(("behind", _age(status.behind)))
    lines = [f"{name + ':':<20}{value}" for name, value in facts]
    for one in status.replicas:
        octets = "unknown" if one.lag_octets is None else size_text(one.lag_octets)
        lines.append(
            f"{'replica:':<20}{one.name} at {one.address}, {one.state}, {one.sync},"
            f" {octets} behind, {_age(one.lag)}"
        )
    for table in status.tables:
        hint = "; bloated: look at autovacuum" if table.is_bloated else ""
        lines.append(
            f"{'table:':<20}{table.name}, {size_text(table.size)},"
            f" {table.rows} rows, {table.dead} dead{hint}"
        )
    return "\n".join(lines)


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"
