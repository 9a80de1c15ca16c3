"""What an operator can do with the mailboxes of an account, by their names."""

from collections.abc import Callable

from attrs import frozen

from sora.errors import BadArgument
from sora.mail.mailbox_names import DELIMITER, INBOX, name_key, normalise
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import Listing, MailboxRow, Operation


@frozen
class MailboxOperations:
    """Mailboxes by name. Names are as their owner calls them. Errors are those of `sora.errors`;
    a name that cannot be one raises BadName."""

    owners: OwnerLookup
    mailboxes: IMailboxes
    new_operation: Callable[[], Operation]

    async def list(self, whose: Whose) -> Listing:
        """All mailboxes with their counters, and the names that are subscribed to."""
        listing: Listing = await self.mailboxes.list(await self.owners.account_id(whose))
        return listing

    async def status(self, whose: Whose, mailbox: str) -> MailboxRow:
        """One mailbox with its counters. Raises NoSuchMailbox."""
        account_id = await self.owners.account_id(whose)
        row: MailboxRow = await self.mailboxes.find(
            account_id, normalise(mailbox), None, deleted_size=True
        )
        return row

    async def create(self, whose: Whose, mailbox: str) -> MailboxRow:
        """Make a mailbox and its missing superiors. Raises AlreadyExists, OverQuota."""
        account_id = await self.owners.account_id(whose)
        row: MailboxRow = await self.mailboxes.create(
            account_id, normalise(mailbox), None, self.new_operation()
        )
        return row

    async def rename(self, whose: Whose, old: str, new: str) -> None:
        """Rename a mailbox and all below it; of INBOX the messages move, and it stays (RFC 3501
        §6.3.5). Raises NoSuchMailbox, AlreadyExists, OverQuota; BadArgument for a
        new name below the old one."""
        before, after = normalise(old), normalise(new)
        if after.startswith(before + DELIMITER) and name_key(before) != INBOX:
            raise BadArgument(f"{after} would be below itself")
        account_id = await self.owners.account_id(whose)
        await self.mailboxes.rename(account_id, before, after, self.new_operation())

    async def delete(self, whose: Whose, mailbox: str) -> None:
        """Delete a mailbox with its messages. Raises NoSuchMailbox, HasChildren; BadArgument for
        INBOX, which is always there (RFC 3501 §6.3.4)."""
        name = normalise(mailbox)
        if name_key(name) == INBOX:
            raise BadArgument("INBOX cannot be deleted")
        account_id = await self.owners.account_id(whose)
        await self.mailboxes.delete(account_id, name, self.new_operation())

    async def subscribe(self, whose: Whose, mailbox: str) -> None:
        """Add a name to the subscriptions; it need not be there (RFC 3501 §6.3.6)."""
        account_id = await self.owners.account_id(whose)
        await self.mailboxes.subscribe(account_id, normalise(mailbox))

    async def unsubscribe(self, whose: Whose, mailbox: str) -> None:
        """Remove a name from the subscriptions; nothing happens when it is none."""
        account_id = await self.owners.account_id(whose)
        await self.mailboxes.unsubscribe(account_id, normalise(mailbox))
