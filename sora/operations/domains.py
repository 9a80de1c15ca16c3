"""What an operator can do with domains, and with mail that is nobody's in them."""

from collections.abc import Sequence

from attrs import frozen

from sora.addresses import fold_domain
from sora.operations.accounts import address_of
from sora.operations.paging import all_of
from sora.storage.interfaces import IDomains
from sora.storage.rows import DomainRow


@frozen
class DomainOperations:
    """Domains: create, list, show, delete, set. Errors are those of `sora.errors`."""

    domains: IDomains

    async def create(self, domain: str) -> DomainRow:
        """Make a domain without an account. Raises AlreadyExists."""
        row: DomainRow = await self.domains.create(fold_domain(domain))
        return row

    async def list(self) -> list[DomainRow]:
        """All domains."""
        return await all_of(self.page, lambda row: row.name)

    async def page(self, after: str, limit: int) -> Sequence[DomainRow]:
        """At most `limit` domains, ascending by name, above the name `after`."""
        rows: Sequence[DomainRow] = await self.domains.list(after, limit)
        return rows

    async def show(self, domain: str) -> DomainRow:
        """One domain. Raises NoSuchAccount."""
        row: DomainRow = await self.domains.show(fold_domain(domain))
        return row

    async def delete(self, domain: str) -> None:
        """Remove a domain in which there is nothing. Raises NoSuchAccount, InUse."""
        await self.domains.delete(fold_domain(domain))

    async def set_catch_all(self, domain: str, email: str | None) -> None:
        """Say who takes mail for what is nobody's address; None: it is refused."""
        account = None if email is None else address_of(email)
        await self.domains.set_catch_all(fold_domain(domain), account)

    async def set_alias_of(self, domain: str, of: str | None) -> None:
        """Make a domain another name of `of`, or, with None, one of its own again. Raises
        BadArgument for what would go on to a third."""
        other = None if of is None else fold_domain(of)
        await self.domains.set_alias_of(fold_domain(domain), other)
