"""What an operator can do to take mail elsewhere."""

from collections.abc import Callable

from attrs import frozen

from sora.exchange.counts import Counts
from sora.exchange.exporter import ExportRooms, export_all
from sora.exchange.maildir_target import Layout, MaildirTarget
from sora.exchange.mbox_target import MboxTarget
from sora.exchange.target import Target
from sora.exchange.wishes import Choice
from sora.operations.owners import OwnerLookup

Told = Callable[[Counts], None]


@frozen
class ExportOperations:
    """Exports the mailboxes of users. What goes wrong with one message is counted and named."""

    owners: OwnerLookup
    rooms: ExportRooms

    async def maildir(
        self, email: str, path: str, layout: Layout, choice: Choice, told: Told
    ) -> Counts:
        """Export to a maildir that Dovecot serves with the same UIDs."""
        return await self._export(email, MaildirTarget(path, layout), choice, told)

    async def mbox(self, email: str, path: str, choice: Choice, told: Told) -> Counts:
        """Export to mbox files in a directory."""
        return await self._export(email, MboxTarget(path), choice, told)

    async def _export(self, email: str, target: Target, choice: Choice, told: Told) -> Counts:
        account = await self.owners.user(email)
        return await export_all(self.rooms, account.id, target, choice.only, choice.jobs, told)
