"""What an operator can do with credentials: the addresses of an account that log in."""

from collections.abc import Sequence

from attrs import frozen

from sora.operations.accounts import PasswordHashing, address_of
from sora.storage.interfaces import ICredentials
from sora.storage.rows import CredentialRow


@frozen
class CredentialOperations:
    """Credentials: add, list, show, delete. Errors are those of `sora.errors`."""

    credentials: ICredentials
    hashing: PasswordHashing

    async def add(
        self, email: str, alias: str, password: str, scheme: str = "bcrypt"
    ) -> CredentialRow:
        """Add an address with a password of its own to the account that has `email`."""
        secrets = await self.hashing.secrets(password, scheme)
        row: CredentialRow = await self.credentials.add(
            address_of(email), address_of(alias), secrets
        )
        return row

    async def list(self, email: str) -> Sequence[CredentialRow]:
        """All addresses of the account that has `email`."""
        rows: Sequence[CredentialRow] = await self.credentials.list(address_of(email))
        return rows

    async def show(self, email: str) -> CredentialRow:
        """One address."""
        row: CredentialRow = await self.credentials.show(address_of(email))
        return row

    async def make_primary(self, email: str) -> None:
        """Make an address the primary one of its account: by it the account is known and listed.
        Raises NoSuchAccount; BadArgument when it is of another domain than the one before."""
        await self.credentials.make_primary(address_of(email))

    async def delete(self, email: str) -> None:
        """Remove an address; the primary one of an account stays."""
        await self.credentials.delete(address_of(email))
