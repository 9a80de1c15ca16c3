"""What an operator can do with the database itself: see how it is, and say that it was set back."""

from typing import Final

from attrs import frozen

from sora.storage.interfaces import IUpkeep
from sora.storage.rows import Epoch, ServerStatus

TABLES: Final = 8
"""How many of the largest tables are shown."""


@frozen
class Promoted:
    """What became of saying that the database was set back: the present epoch, and whether it has
    just begun."""

    epoch: Epoch
    is_new: bool


@frozen
class DatabaseOperations:
    """The database itself. Errors are those of `sora.errors`."""

    upkeep: IUpkeep

    async def status(self) -> ServerStatus:
        """How the server and Sora's database in it are."""
        status: ServerStatus = await self.upkeep.status(TABLES)
        return status

    async def epochs(self) -> list[Epoch]:
        """All epochs, the present one last."""
        return list(await self.upkeep.epochs())

    async def promoted(self, force: bool = False) -> Promoted:
        """Begin a new epoch after a promotion or a restore (G70), unless the present one has the
        server's timeline already; with `force` in any case."""
        is_new = await self.upkeep.promoted(force)
        epochs = await self.upkeep.epochs()
        return Promoted(epochs[-1], is_new)
