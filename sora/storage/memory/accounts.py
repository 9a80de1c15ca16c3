"""Accounts and credentials in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from attrs import evolve, frozen
from zope.interface import implementer

from sora.addresses import Address
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.storage.interfaces import IAccounts, ICredentials
from sora.storage.interfaces.accounts import EVERYBODY
from sora.storage.memory.records import AccountRecord, CredentialRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    AccountFilter,
    AccountRow,
    ActiveScript,
    CredentialRow,
    LastLogin,
    Login,
    NewLogin,
    NewMailbox,
    NewSecret,
    Operation,
    Recipient,
    RecipientScripts,
    ScriptPosition,
    Secret,
)

_BY_OPERATOR = Operation(UUID(int=0), actor="operator")


def account_id_of(store: MemoryStore, address: Address) -> int | None:
    """The account that an address belongs to, live or deleted."""
    credential = store.credentials.get(address.key)
    if credential is not None:
        return credential.account_id
    alias = store.aliases.get(address.key)
    return None if alias is None else alias.account_id


def refuse_known(store: MemoryStore, address: Address) -> None:
    """Raises AlreadyExists when the address is a credential or an alias already."""
    if account_id_of(store, address) is not None:
        raise AlreadyExists(f"{address.base} is the address of an account already.")


def refuse_going(store: MemoryStore, name: str) -> None:
    """Raises BadArgument when a domain is being removed."""
    domain = store.domains.get(name)
    if domain is not None and domain.purging_at is not None:
        raise BadArgument(f"The domain {name} is being removed: nothing can be made in it.")


def primary_of(store: MemoryStore, account_id: int) -> str:
    """The primary address of an account."""
    return _primary(store, account_id).address


def _credential(store: MemoryStore, address: Address) -> CredentialRecord:
    found = store.credentials.get(address.key)
    if found is None:
        raise NoSuchAccount(f"There is no account {address.base}")
    return found


def _account(store: MemoryStore, address: Address) -> AccountRecord:
    account_id = account_id_of(store, address)
    if account_id is None:
        raise NoSuchAccount(f"There is no account {address.base}")
    return store.accounts[account_id]


def _primary(store: MemoryStore, account_id: int) -> CredentialRecord:
    return next(
        credential
        for credential in store.credentials.values()
        if credential.account_id == account_id and credential.primary
    )


def _add(
    store: MemoryStore,
    account_id: int,
    address: Address,
    secrets: Sequence[NewSecret],
    primary: bool,
) -> CredentialRecord:
    now = store.now()
    credential = CredentialRecord(
        id=store.new_id(),
        account_id=account_id,
        address=address.base,
        key=address.key,
        domain=address.domain,
        primary=primary,
        created_at=now,
        updated_at=now,
        secrets={secret.kind: secret for secret in secrets},
    )
    store.credentials[address.key] = credential
    store.make_domain(address.domain)
    return credential


@implementer(IAccounts)
@frozen
class MemoryAccounts:
    """`IAccounts` in dicts."""

    tables: MemoryStore

    @operation
    def create(
        self,
        address: Address,
        secrets: Sequence[NewSecret],
        mailboxes: Sequence[NewMailbox],
    ) -> AccountRow:
        """See `IAccounts.create`."""
        refuse_going(self.tables, address.domain)
        refuse_known(self.tables, address)
        account_id = self.tables.new_id()
        account = AccountRecord(
            id=account_id,
            scope_id=self.tables.scope(account_id, address.domain),
            created_at=self.tables.now(),
            next_uidvalidity=max(1, int(self.tables.clock.seconds())),
        )
        self.tables.accounts[account_id] = account
        _add(self.tables, account_id, address, secrets, primary=True)
        for mailbox in mailboxes:
            self.tables.make_mailbox(account, mailbox.name, mailbox.special_use, _BY_OPERATOR)
            if mailbox.subscribed:
                account.subscriptions[mailbox.name] = mailbox.name
        return self._row(account)

    @operation
    def show(self, address: Address) -> AccountRow:
        """See `IAccounts.show`."""
        return self._row(_account(self.tables, address))

    @operation
    def list(
        self, which: AccountFilter = EVERYBODY, after: str = "", limit: int = 1000
    ) -> Sequence[AccountRow]:
        """See `IAccounts.list`."""
        primaries = sorted(
            (credential.key, credential.account_id)
            for credential in self.tables.credentials.values()
            if credential.primary
            and credential.key > after
            and credential.key.startswith(which.prefix)
            and which.domain in (None, credential.domain)
        )
        rows = [self._row(self.tables.accounts[account_id]) for _, account_id in primaries]
        wanted = [
            row
            for row in rows
            if (row.deleted_at is not None) == which.deleted
            and which.disabled in (None, row.disabled)
            and (which.inactive_since is None or _is_inactive(row, which.inactive_since))
        ]
        return wanted[:limit]

    @operation
    def disable(self, address: Address, disabled: bool, reason: str = "") -> AccountRow:
        """See `IAccounts.disable`."""
        account = _account(self.tables, address)
        if account.deleted_at is not None:
            raise NoSuchAccount(f"There is no account {address.base}")
        account.disabled_at = (account.disabled_at or self.tables.now()) if disabled else None
        account.disabled_reason = reason if disabled else ""
        return self._row(account)

    @operation
    def closed(self, keys: Sequence[str]) -> Sequence[str]:
        """See `IAccounts.closed`."""
        found = [self.tables.credentials[key] for key in keys if key in self.tables.credentials]
        of = self.tables.accounts
        return [one.key for one in found if of[one.account_id].is_closed]

    @operation
    def delete(self, address: Address) -> None:
        """See `IAccounts.delete`."""
        account = _account(self.tables, address)
        if account.deleted_at is not None:
            raise NoSuchAccount(f"There is no account {address.base}")
        account.deleted_at = self.tables.now()

    @operation
    def restore(self, address: Address) -> None:
        """See `IAccounts.restore`."""
        account = _account(self.tables, address)
        if account.deleted_at is None:
            raise NoSuchAccount(f"There is no deleted account {address.base}")
        if account.removing:
            raise NoSuchAccount("The account is being removed: its grace period is over.")
        account.deleted_at = None

    @operation
    def purge(self, address: Address) -> None:
        """See `IAccounts.purge`."""
        account = _account(self.tables, address)
        if account.deleted_at is None:
            raise NoSuchAccount(f"There is no deleted account {address.base}")
        account.deleted_at = datetime(1900, 1, 1, tzinfo=UTC)

    @operation
    def recipient(self, address: Address) -> Recipient | None:
        """See `IAccounts.recipient`."""
        account_id = self._receiver(address)
        if account_id is None or self.tables.accounts[account_id].deleted_at is not None:
            return None
        account = self.tables.accounts[account_id]
        mailboxes = self.tables.mailboxes_of(account_id)
        return Recipient(
            account_id=account_id,
            scope_id=account.scope_id,
            address=_primary(self.tables, account_id).address,
            mailboxes={mailbox.key: mailbox.id for mailbox in mailboxes},
            quota_storage=account.quota_storage,
            storage=sum(mailbox.size for mailbox in mailboxes),
            scripts=self._scripts(account_id),
            quota_messages=account.quota_messages,
            messages=sum(len(mailbox.messages) for mailbox in mailboxes),
            addresses=self._addresses(account_id),
            uses={each.special_use: each.id for each in mailboxes if each.special_use},
            object_ids={each.object_id: each.id for each in mailboxes},
        )

    def _receiver(self, address: Address) -> int | None:
        """Whose mail it is: see `receiver_v1` in PostgreSQL."""
        domains = self.tables.domains
        account_id = account_id_of(self.tables, address)
        domain = domains.get(address.domain)
        if account_id is not None or domain is None:
            return account_id
        of = domain.alias_of
        if of is not None:
            account_id = account_id_of(self.tables, evolve(address, domain=of))
        catch_alls = (domain.catch_all, domains[of].catch_all if of is not None else None)
        return next((each for each in (account_id, *catch_alls) if each is not None), None)

    def _addresses(self, account_id: int) -> tuple[str, ...]:
        if self._scripts(account_id) == RecipientScripts():
            return ()
        credentials = sorted(
            (not one.primary, key, one.address)
            for key, one in self.tables.credentials.items()
            if one.account_id == account_id
        )
        aliases = sorted(
            (key, alias.address)
            for key, alias in self.tables.aliases.items()
            if alias.account_id == account_id
        )
        return (*(found[-1] for found in credentials), *(found[-1] for found in aliases))

    def _scripts(self, account_id: int) -> RecipientScripts:
        def standing(owner: int | None, position: ScriptPosition) -> ActiveScript | None:
            scripts = self.tables.scripts.get(owner or 0, {})
            found = (
                ActiveScript(name, script.source)
                for name, script in scripts.items()
                if script.position is position
            )
            return next(found, None)

        domain = self.tables.shared_accounts.get(self.tables.domain(account_id))
        before = standing(domain, ScriptPosition.BEFORE)
        after = standing(domain, ScriptPosition.AFTER)
        return RecipientScripts(
            None if before is None else before.source,
            standing(account_id, ScriptPosition.ACTIVE),
            None if after is None else after.source,
        )

    def _row(self, account: AccountRecord) -> AccountRow:
        mailboxes = self.tables.mailboxes_of(account.id)
        return AccountRow(
            id=account.id,
            address=_primary(self.tables, account.id).address,
            scope_id=account.scope_id,
            created_at=account.created_at,
            deleted_at=account.deleted_at,
            quota_storage=account.quota_storage,
            quota_messages=account.quota_messages,
            mailboxes=len(mailboxes),
            messages=sum(len(mailbox.messages) for mailbox in mailboxes),
            storage=sum(mailbox.size for mailbox in mailboxes),
            disabled=account.disabled_at is not None,
            disabled_at=account.disabled_at,
            disabled_reason=account.disabled_reason,
            last_login=self._last_login(account.id),
        )

    def _last_login(self, account_id: int) -> LastLogin | None:
        found = [login for key, login in self.tables.logins.items() if key[0] == account_id]
        return max(found, key=lambda login: login.at, default=None)


def _is_inactive(row: AccountRow, since: datetime) -> bool:
    return row.last_login is None or row.last_login.at <= since


@implementer(ICredentials)
@frozen
class MemoryCredentials:
    """`ICredentials` in dicts."""

    tables: MemoryStore

    @operation
    def login(self, address: Address) -> Login | None:
        """See `ICredentials.login`."""
        credential = self.tables.credentials.get(address.key)
        if credential is None:
            return None
        account = self.tables.accounts[credential.account_id]
        if account.deleted_at is not None:
            return None
        return Login(
            account_id=account.id,
            scope_id=account.scope_id,
            credential_id=credential.id,
            address=_primary(self.tables, account.id).address,
            version=credential.version,
            disabled=account.disabled_at is not None,
            secrets=tuple(
                Secret(secret.kind, secret.verifier) for secret in credential.secrets.values()
            ),
        )

    @operation
    def add(self, account: Address, alias: Address, secrets: Sequence[NewSecret]) -> CredentialRow:
        """See `ICredentials.add`."""
        account_id = _account(self.tables, account).id
        refuse_going(self.tables, alias.domain)
        refuse_known(self.tables, alias)
        return self._row(_add(self.tables, account_id, alias, secrets, primary=False))

    @operation
    def list(self, account: Address) -> Sequence[CredentialRow]:
        """See `ICredentials.list`."""
        account_id = _account(self.tables, account).id
        found = [one for one in self.tables.credentials.values() if one.account_id == account_id]
        return [self._row(one) for one in sorted(found, key=lambda one: (not one.primary, one.key))]

    @operation
    def show(self, address: Address) -> CredentialRow:
        """See `ICredentials.show`."""
        return self._row(_credential(self.tables, address))

    @operation
    def delete(self, address: Address) -> None:
        """See `ICredentials.delete`."""
        credential = _credential(self.tables, address)
        if credential.primary:
            raise BadArgument(f"{address.base} is the primary address of its account")
        del self.tables.credentials[address.key]

    @operation
    def set_secrets(self, address: Address, secrets: Sequence[NewSecret]) -> None:
        """See `ICredentials.set_secrets`."""
        credential = _credential(self.tables, address)
        credential.secrets = {secret.kind: secret for secret in secrets}
        credential.version += 1
        credential.updated_at = self.tables.now()

    @operation
    def make_primary(self, address: Address) -> None:
        """See `ICredentials.make_primary`."""
        credential = _credential(self.tables, address)
        primary = _primary(self.tables, credential.account_id)
        if primary.domain != credential.domain:
            raise BadArgument(f"{address.base} is of another domain than {primary.address}")
        primary.primary = False
        credential.primary = True

    @operation
    def note_logins(self, logins: Sequence[NewLogin]) -> None:
        """See `ICredentials.note_logins`."""
        for new in logins:
            account = self.tables.accounts.get(new.account_id)
            if account is None or account.deleted_at is not None:
                continue
            at = self.tables.now() - timedelta(seconds=max(new.age, 0))
            key = (new.account_id, new.credential_id)
            known = self.tables.logins.get(key)
            if known is None or known.at < at:
                self.tables.logins[key] = LastLogin(at, new.protocol, new.address)

    @operation
    def logins_since(self) -> datetime:
        """See `ICredentials.logins_since`."""
        return self.tables.logins_since

    def _row(self, credential: CredentialRecord) -> CredentialRow:
        secrets = sorted(credential.secrets.items())
        return CredentialRow(
            id=credential.id,
            account_id=credential.account_id,
            address=credential.address,
            primary=credential.primary,
            created_at=credential.created_at,
            updated_at=credential.updated_at,
            secrets=tuple(Secret(secret.kind, secret.verifier) for _, secret in secrets),
            last_login=self.tables.logins.get((credential.account_id, credential.id)),
        )
