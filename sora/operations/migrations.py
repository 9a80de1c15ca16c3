"""What an operator can do with the schema: see what it lacks, and bring it up to date."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen


@frozen
class MigrationRow:
    """A step of the schema. `state` is applied, pending, changed (its text is another one now) or
    newer (applied by a program that is newer than this one)."""

    version: int
    name: str
    state: str


@frozen
class MigrationOperations:
    """Migrations. `look` gives all of them; `apply` brings the schema up to date, tells of each
    step, and gives the versions that it has applied."""

    look: Callable[[], Awaitable[Sequence[MigrationRow]]]
    apply: Callable[[Callable[[str], None]], Awaitable[Sequence[int]]]

    async def status(self) -> list[MigrationRow]:
        """All migrations, by number."""
        return sorted(await self.look(), key=lambda row: row.version)

    async def pending(self) -> list[MigrationRow]:
        """What the schema lacks."""
        return [row for row in await self.status() if row.state == "pending"]

    async def up(self, say: Callable[[str], None]) -> list[int]:
        """Apply what is missing, as a server does when it starts; waits for another runner."""
        return list(await self.apply(say))
