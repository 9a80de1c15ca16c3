"""What an operator can do with accounts."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import frozen

from sora.addresses import Address, parse_address
from sora.auth.passwords import new_secrets
from sora.errors import BadArgument
from sora.storage.interfaces import IAccounts, ICredentials
from sora.storage.rows import AccountRow, NewMailbox, NewSecret

FIRST_MAILBOXES: Final = (
    NewMailbox("INBOX"),
    NewMailbox("Drafts", "\\Drafts"),
    NewMailbox("Sent", "\\Sent"),
    NewMailbox("Trash", "\\Trash"),
    NewMailbox("Junk", "\\Junk"),
    NewMailbox("Archive", "\\Archive"),
)
"""The mailboxes of a new account, all subscribed (RFC 6154)."""

PAGE: Final = 1000
"""accounts that are asked for at once"""

InThread = Callable[..., Any]
"""Does `work(*arguments)` in a thread; gives an awaitable of its result."""


@frozen
class PasswordHashing:
    """How new passwords become secrets: in a thread, since hashing takes its time."""

    random: Callable[[int], bytes]
    in_thread: InThread

    async def secrets(self, password: str, scheme: str = "bcrypt") -> tuple[NewSecret, ...]:
        """What is stored for a password. Raises BadArgument when it cannot be used."""
        made: tuple[NewSecret, ...] = await self.in_thread(
            new_secrets, password, self.random, scheme
        )
        return made


@frozen
class AccountOperations:
    """Accounts: create, change, list, delete, restore. Errors are those of `sora.errors`."""

    accounts: IAccounts
    credentials: ICredentials
    hashing: PasswordHashing

    async def create(self, email: str, password: str, scheme: str = "bcrypt") -> AccountRow:
        """Make an account with its first mailboxes. Raises AlreadyExists, BadArgument."""
        address = address_of(email)
        secrets = await self.hashing.secrets(password, scheme)
        row: AccountRow = await self.accounts.create(address, secrets, FIRST_MAILBOXES)
        return row

    async def update(self, email: str, password: str, scheme: str = "bcrypt") -> None:
        """Set another password for an address. Raises NoSuchAccount, BadArgument."""
        address = address_of(email)
        await self.credentials.set_secrets(address, await self.hashing.secrets(password, scheme))

    async def show(self, email: str) -> AccountRow:
        """One account, live or deleted. Raises NoSuchAccount."""
        row: AccountRow = await self.accounts.show(address_of(email))
        return row

    async def list(self, domain: str | None = None, deleted: bool = False) -> list[AccountRow]:
        """All accounts, or those of a domain; with `deleted`, those that can be restored."""
        found: list[AccountRow] = []
        after = ""
        while True:
            page: Sequence[AccountRow] = await self.accounts.list(domain, after, PAGE, deleted)
            found += page
            if len(page) < PAGE:
                return found
            after = parse_address(page[-1].address, "").key

    async def page(
        self, domain: str | None, deleted: bool, after: str, limit: int
    ) -> Sequence[AccountRow]:
        """At most `limit` accounts, ascending by address, above the address key `after`."""
        rows: Sequence[AccountRow] = await self.accounts.list(domain, after, limit, deleted)
        return rows

    async def delete(self, email: str) -> None:
        """Delete an account; it can be restored within the grace period."""
        await self.accounts.delete(address_of(email))

    async def restore(self, email: str) -> None:
        """Undo a deletion. Raises NoSuchAccount when there is nothing to restore."""
        await self.accounts.restore(address_of(email))


def address_of(email: str) -> Address:
    """An address that identifies an account: without a detail.

    Raises BadArgument.
    """
    address = parse_address(email.strip())
    if address.detail is not None:
        raise BadArgument(
            f"{email} has a detail: mail for it goes to the account {address.base}, use that"
        )
    return address
