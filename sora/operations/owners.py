"""Whose mailboxes an operator means: a user's, or those that belong to a domain."""

from attrs import frozen

from sora.addresses import fold_domain
from sora.errors import BadArgument, NoSuchAccount
from sora.operations.accounts import address_of
from sora.storage.interfaces import IAccounts, IRights
from sora.storage.rows import AccountRow, Owner


@frozen
class Whose:
    """A user by an address, or a domain; one of the two."""

    email: str | None = None
    domain: str | None = None

    def __str__(self) -> str:
        return self.email or self.domain or ""


@frozen
class OwnerLookup:
    """Finds account ids. Errors are those of `sora.errors`."""

    accounts: IAccounts
    rights: IRights

    async def account_id(self, whose: Whose) -> int:
        """The account that owns the mailboxes. Raises NoSuchAccount."""
        if whose.email is not None:
            return (await self.user(whose.email)).id
        domain = fold_domain(whose.domain or "")
        owner: Owner | None = await self.rights.domain_owner(domain)
        if owner is None:
            raise NoSuchAccount(f"No mailboxes belong to the domain {domain}")
        return owner.account_id

    async def user(self, email: str) -> AccountRow:
        """The live account of a user. Raises NoSuchAccount."""
        row: AccountRow = await self.accounts.show(address_of(email))
        if row.deleted_at is not None:
            raise NoSuchAccount(f"The account {row.address} is deleted")
        return row

    async def user_of(self, domain: str, email: str) -> AccountRow:
        """The same, who has to be of a domain. Raises BadArgument."""
        row = await self.user(email)
        if row.address.rpartition("@")[2] != fold_domain(domain):
            raise BadArgument(f"{row.address} is not of the domain {domain}")
        return row
