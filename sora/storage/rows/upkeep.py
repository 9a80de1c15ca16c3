"""The database itself, as an operator sees it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from attrs import Factory, frozen


@frozen
class Inventory:
    """How many there are: counted, or about so many."""

    accounts: int
    mailboxes: int


@frozen
class Epoch:
    """A time in which the database was never set back (G70).

    `reason` says how its beginning was noticed: first, timeline, system, rewound, crash or
    command.
    What came after `heard_at` may be lost; UIDs jumped by `uid_jump`.
    """

    number: int
    id: UUID
    reason: str
    began_at: datetime
    heard_at: datetime
    timeline: int
    uid_jump: int


@frozen
class ReplicaRow:
    """A standby that is connected to this server. `lag_octets` of the log it has not replayed,
    `lag` in seconds; None is not known."""

    name: str
    address: str
    state: str
    sync: str
    lag_octets: int | None
    lag: float | None


@frozen
class TableRow:
    """A table with all its partitions: octets with indexes, and rows that are dead."""

    name: str
    size: int
    rows: int
    dead: int
    vacuumed_at: datetime | None

    @property
    def is_bloated(self) -> bool:
        """Whether there is more that is dead than autovacuum would leave for long."""
        return self.dead > 10_000 and self.dead > self.rows // 2


@frozen
class ServerStatus:
    """A PostgreSQL server and Sora's database in it. Sizes are octets, ages seconds.

    `epoch` is None where there is no schema of Sora that knows of epochs. `behind` is the age of
    what a replica has replayed last; None on a primary.
    """

    version: str
    role: Literal["primary", "replica"]
    timeline: int
    database: str
    size: int
    connections: int
    max_connections: int
    oldest_transaction: float | None
    behind: float | None
    database_id: UUID | None
    epoch: Epoch | None
    replicas: Sequence[ReplicaRow] = Factory(tuple)
    tables: Sequence[TableRow] = Factory(tuple)


@frozen
class ServerSettings:
    """What a PostgreSQL server is set to, by the names of its settings, and `ahead`: by how many
    seconds its clock is before the caller's."""

    values: Mapping[str, str]
    ahead: float
