"""The database itself, and what to say of it when it was set back."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from attrs import frozen

from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.storage.rows import Epoch as EpochRow
from sora.storage.rows import ReplicaRow, TableRow


@frozen
class Epoch:
    """A time in which the database was never set back."""

    epoch: int = said("Its number.", minimum=1)
    reason: str = said(
        "How its beginning was noticed: first, timeline, system, rewound or command.",
        example="timeline",
    )
    began_at: datetime = said("When it began.")
    heard_at: datetime = said("What came after this moment may be lost.")
    timeline: int = said("The timeline of the server's log.", minimum=1)
    uid_jump: int = said("By how much UIDs jumped.", minimum=0)


@frozen
class Replica:
    """A standby that is connected."""

    name: str = said("The name that it gives itself.")
    address: str = said("Where it is.")
    state: str = said("What it does.", example="streaming")
    sync: str = said("Whether commits wait for it.", example="async")
    lag_octets: int | None = said("Octets of the log that it has not replayed.")
    lag: int | None = said("The same in milliseconds.")


@frozen
class Table:
    """A table with its partitions and indexes."""

    name: str = said("Its name.")
    size: int = said("Octets.", minimum=0)
    rows: int = said("Rows, about.", minimum=0)
    dead: int = said("Rows that are dead, about.", minimum=0)
    bloated: bool = said("Whether autovacuum does not keep up.")


@frozen
class DatabaseStatus:
    """A PostgreSQL server and Sora's database in it."""

    version: str = said("PostgreSQL's version.")
    role: str = said("`primary` or `replica`.", example="primary")
    timeline: int = said("The timeline of its log.", minimum=1)
    size: int = said("Octets.", minimum=0)
    connections: int = said("Connections of clients.", minimum=0)
    max_connections: int = said("How many there may be.", minimum=1)
    oldest_transaction: int | None = said("The age of the oldest transaction in seconds.")
    behind: int | None = said("How far a replica is behind, in seconds.")
    epoch: Epoch | None = said("The present epoch; null before there is a schema.")
    replicas: tuple[Replica, ...] = said("Who follows it.")
    tables: tuple[Table, ...] = said("The largest tables.")


@frozen
class Promotion:
    """What is to be done when nothing shows that it was set back."""

    force: bool = said("Begin a new epoch in any case.", default=False)


@frozen
class Promoted:
    """The present epoch."""

    began: bool = said("Whether it has just begun.")
    epoch: Epoch = said("The epoch.")


def _epoch(row: EpochRow) -> Epoch:
    return Epoch(
        epoch=row.number,
        reason=row.reason,
        began_at=row.began_at,
        heard_at=row.heard_at,
        timeline=row.timeline,
        uid_jump=row.uid_jump,
    )


def _replicas(rows: Sequence[ReplicaRow]) -> tuple[Replica, ...]:
    return tuple(
        Replica(
            name=row.name,
            address=row.address,
            state=row.state,
            sync=row.sync,
            lag_octets=row.lag_octets,
            lag=None if row.lag is None else round(row.lag * 1000),
        )
        for row in rows
    )


def _tables(rows: Sequence[TableRow]) -> tuple[Table, ...]:
    return tuple(
        Table(name=row.name, size=row.size, rows=row.rows, dead=row.dead, bloated=row.is_bloated)
        for row in rows
    )


async def _status(nouns: Nouns, call: Call) -> DatabaseStatus:
    status = await nouns.database.status()
    return DatabaseStatus(
        version=status.version,
        role=status.role,
        timeline=status.timeline,
        size=status.size,
        connections=status.connections,
        max_connections=status.max_connections,
        oldest_transaction=_seconds(status.oldest_transaction),
        behind=_seconds(status.behind),
        epoch=None if status.epoch is None else _epoch(status.epoch),
        replicas=_replicas(status.replicas),
        tables=_tables(status.tables),
    )


def _seconds(age: float | None) -> int | None:
    return None if age is None else round(age)


async def _promoted(nouns: Nouns, call: Call) -> Promoted:
    wanted: Promotion = call.body
    promoted = await nouns.database.promoted(wanted.force)
    return Promoted(began=promoted.is_new, epoch=_epoch(promoted.epoch))


_endpoint = partial(Endpoint, group="database")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/database/status",
        name="showDatabase",
        summary="Show how the database server is",
        answer=DatabaseStatus,
        run=_status,
    ),
    _endpoint(
        method="POST",
        path="/database/promoted",
        name="databasePromoted",
        summary="After a promotion or a restore: give out no number that clients may know",
        scope=Scope.WRITE,
        body=Promotion,
        answer=Promoted,
        changes="said that the database was promoted or restored",
        run=_promoted,
    ),
)
