"""The schema of the database."""

from typing import Final

from attrs import frozen

from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class Migration:
    """A step of the schema."""

    version: int = said("Its number.", minimum=1)
    name: str = said("Its name.")
    state: str = said(
        "`applied`, `pending`, `changed` (its text is another one now), or `newer` (applied by a"
        " program that is newer than this one)."
    )


@frozen
class Migrations:
    """All steps, by number."""

    items: tuple[Migration, ...] = said("The steps.")


async def _list(nouns: Nouns, call: Call) -> Migrations:
    rows = await nouns.migrations.status()
    found = [Migration(version=row.version, name=row.name, state=row.state) for row in rows]
    return Migrations(items=tuple(found))


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/migrations",
        name="listMigrations",
        summary="Show the steps of the database's schema, and which of them are applied",
        group="database",
        answer=Migrations,
        run=_list,
    ),
)
