"""The database itself, where there is none: `IUpkeep` in memory."""

from collections.abc import Sequence

from attrs import Factory, frozen
from zope.interface import implementer

from sora.storage.interfaces import IUpkeep
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import Epoch, Inventory, ServerSettings, ServerStatus


@implementer(IUpkeep)
@frozen
class MemoryUpkeep:
    """`IUpkeep` for one set of tables, whose timeline never changes."""

    tables: MemoryStore
    ended: list[Epoch] = Factory(list)

    @operation
    def status(self, tables: int) -> ServerStatus:
        """See `IUpkeep.status`."""
        return ServerStatus(
            version="in memory",
            role="primary",
            timeline=1,
            database="memory",
            size=0,
            connections=1,
            max_connections=1,
            oldest_transaction=None,
            behind=None,
            database_id=None,
            epoch=self._epoch(),
        )

    @operation
    def settings(self, names: Sequence[str], now: float) -> ServerSettings:
        """See `IUpkeep.settings`. There are none."""
        return ServerSettings({}, self.tables.now().timestamp() - now)

    @operation
    def epochs(self) -> Sequence[Epoch]:
        """See `IUpkeep.epochs`."""
        return [*self.ended, self._epoch()]

    @operation
    def inventory(self, most: int) -> Inventory:
        """See `IUpkeep.inventory`."""
        tables = self.tables
        return Inventory(
            sum(
                credential.primary and tables.accounts[credential.account_id].deleted_at is None
                for credential in tables.credentials.values()
            ),
            sum(mailbox.deleted_at is None for mailbox in tables.mailboxes.values()),
        )

    @operation
    def promoted(self, force: bool) -> bool:
        """See `IUpkeep.promoted`."""
        if force:
            self.ended.append(self._epoch())
            self.tables.epoch = self.tables.new_uuid()
        return force

    def _epoch(self) -> Epoch:
        now = self.tables.now()
        reason = "command" if self.ended else "first"
        return Epoch(len(self.ended) + 1, self.tables.epoch, reason, now, now, 1, 0)
