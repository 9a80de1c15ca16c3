"""The steps in which a domain goes, in memory."""

from datetime import UTC, datetime

from attrs import frozen
from zope.interface import implementer

from sora.errors import NoSuchAccount
from sora.storage.interfaces import IPurging
from sora.storage.memory.records import CredentialRecord, DomainRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import AccountHoldings, ClosedPage, OwnHoldings, RetentionOwner

_PURGED = datetime(1900, 1, 1, tzinfo=UTC)


@implementer(IPurging)
@frozen
class MemoryPurging:
    """`IPurging` in dicts."""

    tables: MemoryStore

    @operation
    def own_holdings(self, name: str, limit: int) -> OwnHoldings:
        """See `IPurging.own_holdings`."""
        tables, domain = self.tables, self._domain(name)
        shared = tables.shared_accounts.get(name)
        boxes = [] if shared is None else tables.mailboxes_of(shared)
        aliases = {key: one for key, one in tables.aliases.items() if one.domain == name}
        here = [(key, one.address, one.account_id) for key, one in aliases.items()] + [
            (key, one.address, one.account_id)
            for key, one in tables.credentials.items()
            if one.domain == name and not one.primary
        ]
        guests = [address for _, address, owner in sorted(here) if tables.domain(owner) != name]
        rules = tables.retention.get(RetentionOwner(None, self._number(name)), {})
        return OwnHoldings(
            purging_at=domain.purging_at,
            mailboxes=len(boxes),
            messages=sum(len(box.messages) for box in boxes),
            size=sum(box.size for box in boxes),
            scripts=len(tables.scripts.get(shared or 0, {})),
            rules=len(rules),
            aliases=len(aliases),
            alias_domains=tuple(
                sorted(other for other, one in tables.domains.items() if one.alias_of == name)
            ),
            guests=tuple(guests[:limit]),
        )

    @operation
    def account_holdings(self, name: str, after: str, limit: int) -> AccountHoldings:
        """See `IPurging.account_holdings`."""
        tables, page = self.tables, self._page(name, after, limit)
        ids = {one.account_id for one in page}
        accounts = [tables.accounts[one] for one in ids]
        boxes = [box for one in ids for box in tables.mailboxes_of(one)]
        addresses = [
            (one.account_id, one.domain, key, one.address)
            for key, one in tables.credentials.items()
        ] + [(one.account_id, one.domain, key, one.address) for key, one in tables.aliases.items()]
        elsewhere = [
            (key, address)
            for owner, domain, key, address in addresses
            if owner in ids and domain != name
        ]
        return AccountHoldings(
            last=page[-1].key if page else None,
            accounts=sum(one.deleted_at is None for one in accounts),
            deleted=sum(one.deleted_at is not None for one in accounts),
            mailboxes=len(boxes),
            messages=sum(len(box.messages) for box in boxes),
            size=sum(box.size for box in boxes),
            rights=sum(len(ids & set(box.acl)) for box in tables.mailboxes.values()),
            elsewhere=tuple(address for _, address in sorted(elsewhere)),
            catch_alls=tuple(
                sorted(
                    other
                    for other, one in tables.domains.items()
                    if one.catch_all in ids and other != name
                )
            ),
        )

    @operation
    def mark(self, name: str) -> None:
        """See `IPurging.mark`."""
        domain, tables = self._domain(name), self.tables
        for other in tables.domains.values():
            if other.alias_of == name:
                other.alias_of = None
        domain.purging_at = domain.purging_at or tables.now()
        domain.catch_all = domain.alias_of = None
        shared = tables.shared_accounts.pop(name, None)
        if shared is not None:
            tables.accounts[shared].deleted_at = _PURGED

    @operation
    def disable(self, name: str, after: str, limit: int) -> ClosedPage:
        """See `IPurging.disable`."""
        self._going(name)
        page = self._page(name, after, limit)
        for one in page:
            account = self.tables.accounts[one.account_id]
            if not account.is_closed:
                account.disabled_at = self.tables.now()
                account.disabled_reason = "The domain is being removed."
        return _closed(page)

    @operation
    def delete(self, name: str, after: str, limit: int) -> ClosedPage:
        """See `IPurging.delete`."""
        self._going(name)
        page = self._page(name, after, limit)
        for one in page:
            self.tables.accounts[one.account_id].deleted_at = _PURGED
        return _closed(page)

    @operation
    def free_addresses(self, name: str, limit: int) -> int:
        """See `IPurging.free_addresses`."""
        self._going(name)
        tables = self.tables
        aliases = sorted(key for key, one in tables.aliases.items() if one.domain == name)[:limit]
        addresses = sorted(
            key for key, one in tables.credentials.items() if one.domain == name and not one.primary
        )[:limit]
        for key in aliases:
            del tables.aliases[key]
        for key in addresses:
            del tables.credentials[key]
        return len(aliases) + len(addresses)

    @operation
    def end(self, name: str) -> bool:
        """See `IPurging.end`."""
        self._going(name)
        tables = self.tables
        if any(one.domain == name for one in tables.credentials.values()) or any(
            one.domain == name for one in tables.aliases.values()
        ):
            return False
        tables.retention.pop(RetentionOwner(None, self._number(name)), None)
        del tables.domains[name]
        return True

    def _domain(self, name: str) -> DomainRecord:
        found = self.tables.domains.get(name)
        if found is None:
            raise NoSuchAccount(f"There is no domain {name}.")
        return found

    def _going(self, name: str) -> None:
        found = self.tables.domains.get(name)
        if found is None or found.purging_at is None:
            raise NoSuchAccount(f"There is no domain {name} that is being removed.")

    def _page(self, name: str, after: str, limit: int) -> list[CredentialRecord]:
        found = [
            one
            for one in self.tables.credentials.values()
            if one.domain == name and one.primary and one.key > after
        ]
        return sorted(found, key=lambda one: one.key)[:limit]

    def _number(self, name: str) -> int:
        """What its rules are known by: see `MemoryRetention`."""
        return list(self.tables.domains).index(name) + 1


def _closed(page: list[CredentialRecord]) -> ClosedPage:
    return ClosedPage(tuple(one.address for one in page), page[-1].key if page else None)
