"""What the adapters say to the database: the four verbs of a unit of work."""

from typing import Any

from sora.storage.postgres.connection import Answer, Parameters

Row = tuple[Any, ...]


class Tx:
    """The four verbs. `parameters` are those of psycopg2: `%s` or `%(name)s`.

    With parameters, a `%` in `sql` is written `%%`; without, as it is.
    """

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        """Everything that came back."""
        raise NotImplementedError

    async def all(self, sql: str, parameters: Parameters = None) -> list[Row]:
        """All rows."""
        return (await self.execute(sql, parameters)).rows

    async def one(self, sql: str, parameters: Parameters = None) -> Row | None:
        """The first row, or None when there is none."""
        rows = (await self.execute(sql, parameters)).rows
        return rows[0] if rows else None

    async def value(self, sql: str, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None when there is no row."""
        row = await self.one(sql, parameters)
        return None if row is None else row[0]

    async def do(self, sql: str, parameters: Parameters = None) -> int:
        """Nothing of interest comes back; how many rows were changed."""
        return (await self.execute(sql, parameters)).count
