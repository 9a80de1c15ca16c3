"""Aliases and domains in memory."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from sora.addresses import Address
from sora.errors import AlreadyExists, BadArgument, InUse, NoSuchAccount, TooMany
from sora.storage.interfaces import IAliases, IDomains
from sora.storage.memory.accounts import account_id_of, primary_of, refuse_going, refuse_known
from sora.storage.memory.records import AliasRecord, DomainRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import AliasRow, DomainRow


def _live(store: MemoryStore, address: Address) -> int:
    """The live account that has an address."""
    account_id = account_id_of(store, address)
    if account_id is None or store.accounts[account_id].deleted_at is not None:
        raise NoSuchAccount(f"There is no account {address.base}.")
    return account_id


@implementer(IAliases)
@frozen
class MemoryAliases:
    """`IAliases` in dicts."""

    tables: MemoryStore

    @operation
    def add(self, account: Address, alias: Address, most: int) -> AliasRow:
        """See `IAliases.add`."""
        tables = self.tables
        account_id = _live(tables, account)
        had = sum(each.account_id == account_id for each in tables.aliases.values())
        if had >= most:
            raise TooMany(f"An account has at most {most} aliases.")
        refuse_going(tables, alias.domain)
        refuse_known(tables, alias)
        tables.make_domain(alias.domain)
        record = AliasRecord(account_id, alias.base, alias.domain, tables.now())
        tables.aliases[alias.key] = record
        return self._row(record)

    @operation
    def list(
        self,
        account: Address | None = None,
        domain: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> Sequence[AliasRow]:
        """See `IAliases.list`."""
        account_id = None if account is None else account_id_of(self.tables, account)
        if account is not None and account_id is None:
            raise NoSuchAccount(f"There is no account {account.base}.")
        found = [
            self._row(alias)
            for key, alias in sorted(self.tables.aliases.items())
            if key > after
            and (account_id is None or alias.account_id == account_id)
            and (domain is None or alias.domain == domain)
        ]
        return found[:limit]

    @operation
    def show(self, alias: Address) -> AliasRow:
        """See `IAliases.show`."""
        return self._row(self._alias(alias))

    @operation
    def delete(self, alias: Address) -> None:
        """See `IAliases.delete`."""
        self._alias(alias)
        del self.tables.aliases[alias.key]

    def _alias(self, alias: Address) -> AliasRecord:
        found = self.tables.aliases.get(alias.key)
        if found is None:
            raise NoSuchAccount(f"There is no alias {alias.base}.")
        return found

    def _row(self, alias: AliasRecord) -> AliasRow:
        account = primary_of(self.tables, alias.account_id)
        return AliasRow(alias.address, alias.account_id, account, alias.created_at)


@implementer(IDomains)
@frozen
class MemoryDomains:
    """`IDomains` in dicts."""

    tables: MemoryStore

    @operation
    def create(self, name: str) -> DomainRow:
        """See `IDomains.create`."""
        if name in self.tables.domains:
            raise AlreadyExists(f"There is a domain {name} already.")
        self.tables.make_domain(name)
        return self._row(name)

    @operation
    def list(self, after: str = "", limit: int = 1000) -> Sequence[DomainRow]:
        """See `IDomains.list`."""
        names = sorted(name for name in self.tables.domains if name > after)
        return [self._row(name) for name in names[:limit]]

    @operation
    def show(self, name: str) -> DomainRow:
        """See `IDomains.show`."""
        self._domain(name)
        return self._row(name)

    @operation
    def delete(self, name: str) -> None:
        """See `IDomains.delete`."""
        self._domain(name)
        tables = self.tables
        shared = tables.shared_accounts.get(name)
        holds = {
            "addresses of accounts": any(one.domain == name for one in tables.credentials.values()),
            "aliases": any(one.domain == name for one in tables.aliases.values()),
            "alias domains": any(one.alias_of == name for one in tables.domains.values()),
            "mailboxes": shared is not None and bool(tables.mailboxes_of(shared)),
            "scripts": shared is not None and bool(tables.scripts.get(shared)),
        }
        for what, is_there in holds.items():
            if is_there:
                raise InUse(f"The domain {name} has {what}; those go first.")
        del tables.domains[name]
        tables.shared_accounts.pop(name, None)

    @operation
    def set_catch_all(self, name: str, account: Address | None) -> None:
        """See `IDomains.set_catch_all`."""
        domain = self._domain(name)
        if account is not None:
            refuse_going(self.tables, name)
        domain.catch_all = None if account is None else _live(self.tables, account)

    @operation
    def set_alias_of(self, name: str, of: str | None) -> None:
        """See `IDomains.set_alias_of`."""
        domain = self._domain(name)
        if of is not None:
            other = self._domain(of)
            refuse_going(self.tables, name)
            refuse_going(self.tables, of)
            if of == name:
                raise BadArgument(f"{name} cannot be an alias of itself.")
            if other.alias_of is not None:
                raise BadArgument(f"{of} is an alias itself.")
            if any(one.alias_of == name for one in self.tables.domains.values()):
                raise BadArgument(f"{name} has aliases, and cannot be one.")
        domain.alias_of = of

    def _domain(self, name: str) -> DomainRecord:
        found = self.tables.domains.get(name)
        if found is None:
            raise NoSuchAccount(f"There is no domain {name}.")
        return found

    def _row(self, name: str) -> DomainRow:
        tables = self.tables
        domain = tables.domains[name]
        return DomainRow(
            name,
            domain.created_at,
            accounts=sum(
                one.primary
                and one.domain == name
                and tables.accounts[one.account_id].deleted_at is None
                for one in tables.credentials.values()
            ),
            aliases=sum(one.domain == name for one in tables.aliases.values()),
            catch_all=None if domain.catch_all is None else primary_of(tables, domain.catch_all),
            alias_of=domain.alias_of,
            purging_at=domain.purging_at,
        )
