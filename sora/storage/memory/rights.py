"""Rights on mailboxes in memory."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from sora.addresses import Address
from sora.errors import BadArgument, NoSuchAccount, NoSuchMailbox, NotPermitted, TooMany
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, RightsChange, letters
from sora.storage.interfaces import IRights
from sora.storage.memory.accounts import refuse_going
from sora.storage.memory.records import AccountRecord, MailboxRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import ANYONE, AclEntry, EventKind, Operation, Owner, RightsSet

MAX_GRANTEES = 1000


@implementer(IRights)
@frozen
class MemoryRights:
    """`IRights` in dicts."""

    tables: MemoryStore

    @operation
    def owner(self, asker: int, address: Address | None) -> Owner | None:
        """See `IRights.owner`."""
        tables = self.tables
        domain = tables.domain(asker)
        if address is None:
            account_id = tables.shared_accounts.get(domain)
        else:
            account_id = _account_of(tables, address)
        if account_id is None:
            return None
        account = tables.accounts[account_id]
        if account.deleted_at is not None or tables.domain(account_id) != domain:
            return None
        primary = tables.primary(account_id)
        return Owner(account_id, account.scope_id, primary.address if primary else None)

    @operation
    def domain_owner(self, domain: str, make: bool = False) -> Owner | None:
        """See `IRights.domain_owner`."""
        if domain in self.tables.shared_accounts or (make and self._is_domain(domain)):
            return self._owner_of(domain)
        if make:
            raise NoSuchAccount(f"There is no domain {domain}.")
        return None

    def _is_domain(self, domain: str) -> bool:
        return domain in self.tables.domains

    @operation
    def shared_owner(self, asker: int) -> Owner:
        """See `IRights.shared_owner`."""
        return self._owner_of(self.tables.domain(asker))

    def _owner_of(self, domain: str) -> Owner:
        tables = self.tables
        account_id = tables.shared_accounts.get(domain)
        if account_id is None:
            refuse_going(tables, domain)
            account_id = tables.shared_accounts[domain] = tables.new_id()
            tables.accounts[account_id] = AccountRecord(
                id=account_id,
                scope_id=tables.scope(account_id, domain),
                created_at=tables.now(),
                next_uidvalidity=max(1, int(tables.clock.seconds())),
            )
        return Owner(account_id, tables.accounts[account_id].scope_id, None)

    @operation
    def acl(self, account_id: int, name: str, asker: int | None) -> Sequence[AclEntry]:
        """See `IRights.acl`."""
        mailbox = self._administered(account_id, name, asker)
        found = []
        for grantee, rights in mailbox.acl.items():
            primary = self.tables.primary(grantee) if grantee != ANYONE else None
            entry = AclEntry(primary.address if primary else None, rights)
            found.append((primary.key if primary else "", entry))
        return [entry for _, entry in sorted(found, key=lambda one: one[0])]

    @operation
    def set(
        self,
        account_id: int,
        name: str,
        asker: int | None,
        grantee: Address | None,
        change: RightsChange,
        operation: Operation,
    ) -> RightsSet:
        """See `IRights.set`."""
        mailbox = self._administered(account_id, name, asker)
        who = self._grantee(account_id, grantee, change)
        before = mailbox.highest_modseq
        old = mailbox.acl.get(who, Rights.NONE)
        new = change.applied(old)
        if new == old:
            return RightsSet(mailbox.id, before, before, dict(mailbox.acl))
        others = {one: rights for one, rights in mailbox.acl.items() if one != who}
        acl = others | ({who: new} if new else {})
        self._check(mailbox, asker, old & ~new, acl)
        mailbox.acl = acl
        for account in {account_id, who} - {ANYONE}:
            self.tables.accounts[account].version += 1
        modseq = self.tables.record(mailbox, EventKind.RIGHTS, NumberSet(), operation)
        return RightsSet(mailbox.id, before, modseq, dict(acl))

    def _administered(self, account_id: int, name: str, asker: int | None) -> MailboxRecord:
        mailbox = self.tables.find(account_id, name)
        rights = mailbox.rights(asker) if self.tables.may_ask(asker, mailbox) else Rights.NONE
        if Rights.ADMINISTER in rights:
            return mailbox
        if Rights.LOOKUP in rights:
            missing = letters(Rights.ADMINISTER)
            raise NotPermitted(f"You have not the right {missing} on this mailbox.")
        raise NoSuchMailbox(f"There is no mailbox {name}.")

    def _grantee(self, owner: int, address: Address | None, change: RightsChange) -> int:
        tables = self.tables
        if address is None:
            return ANYONE
        account_id = _account_of(tables, address)
        taking = change.mode == "remove" or not change.rights
        if (
            account_id is None
            or tables.domain(account_id) != tables.domain(owner)
            or (tables.accounts[account_id].deleted_at is not None and not taking)
        ):
            raise NoSuchAccount(f"There is no user {address.base} in this domain.")
        if account_id == owner:
            raise BadArgument("The owner of a mailbox has all rights; they cannot be changed.")
        return account_id

    def _check(
        self, mailbox: MailboxRecord, asker: int | None, taken: Rights, acl: dict[int, Rights]
    ) -> None:
        if (
            asker is not None
            and Rights.ADMINISTER in taken
            and mailbox.account_id in self.tables.shared_accounts.values()
            and not any(Rights.ADMINISTER in rights for rights in acl.values())
        ):
            raise BadArgument(
                "Nobody else has the right a on this mailbox: give it to somebody first."
            )
        if len(acl) > MAX_GRANTEES:
            raise TooMany(f"A mailbox is shared with at most {MAX_GRANTEES}.")


def _account_of(tables: MemoryStore, address: Address) -> int | None:
    credential = tables.credentials.get(address.key)
    if credential is not None:
        return credential.account_id
    alias = tables.aliases.get(address.key)
    return None if alias is None else alias.account_id
