"""What an operator can do with accounts."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from sora.addresses import Address, fold_domain, fold_local, parse_address
from sora.auth.passwords import new_secrets
from sora.auth.schemes import secrets_of_hash
from sora.errors import BadArgument, NoSuchAccount
from sora.operations.paging import all_of
from sora.storage.interfaces import IAccounts, ICredentials, IDomains
from sora.storage.interfaces.accounts import EVERYBODY
from sora.storage.rows import AccountFilter, AccountRow, DomainRow, NewMailbox, NewSecret

FIRST_MAILBOXES: Final = (
    NewMailbox("INBOX"),
    NewMailbox("Drafts", "\\Drafts"),
    NewMailbox("Sent", "\\Sent"),
    NewMailbox("Trash", "\\Trash"),
    NewMailbox("Junk", "\\Junk"),
    NewMailbox("Archive", "\\Archive"),
)
"""The mailboxes of a new account, all subscribed (RFC 6154)."""

HASHED: Final = "hashed"
"""the scheme of a password that is given as a hash, made elsewhere"""
MAX_REASON: Final = 200
"""characters of the reason for which an account is disabled"""

InThread = Callable[..., Any]
"""Does `work(*arguments)` in a thread; gives an awaitable of its result."""


@frozen
class PasswordHashing:
    """How new passwords become secrets: in a thread, since hashing takes its time."""

    random: Callable[[int], bytes]
    in_thread: InThread

    async def secrets(self, password: str, scheme: str = "bcrypt") -> tuple[NewSecret, ...]:
        """What is stored for a password, or for its hash (`HASHED`). Raises BadArgument when it
        cannot be used."""
        if scheme == HASHED:
            return secrets_of_hash(password)
        made: tuple[NewSecret, ...] = await self.in_thread(
            new_secrets, password, self.random, scheme
        )
        return made


@frozen
class AccountOperations:
    """Accounts: create, change, list, disable, delete, restore. Errors are those of
    `sora.errors`."""

    accounts: IAccounts
    credentials: ICredentials
    domains: IDomains
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
        """One account, live or deleted, by any of its addresses. Raises NoSuchAccount."""
        address = address_of(email)
        try:
            row: AccountRow = await self.accounts.show(address)
        except NoSuchAccount:
            raise await self._nobody(address) from None
        return row

    async def _nobody(self, address: Address) -> NoSuchAccount:
        """There is no such account; in an alias domain, where it would be is said."""
        text = f"There is no account {address.base}"
        try:
            domain: DomainRow = await self.domains.show(address.domain)
        except NoSuchAccount:
            return NoSuchAccount(f"{text}, and no domain {address.domain}")
        if domain.alias_of is None:
            return NoSuchAccount(text)
        return NoSuchAccount(
            f"{text}: {domain.name} is another name of {domain.alias_of}, where accounts are"
        )

    async def exists(self, email: str) -> bool:
        """Whether somebody has this address: a live account. Raises BadArgument."""
        try:
            row: AccountRow = await self.accounts.show(address_of(email))
        except NoSuchAccount:
            return False
        return row.deleted_at is None

    async def list(
        self, which: AccountFilter = EVERYBODY, after: str = "", limit: int | None = None
    ) -> list[AccountRow]:
        """All such accounts, or so many, ascending by address, above the address `after`. Raises
        NoSuchAccount for a domain that is not there."""
        return await all_of(
            lambda after, limit: self.page(which, after, limit),
            after_row,
            folded_prefix(after),
            limit,
        )

    async def page(self, which: AccountFilter, after: str, limit: int) -> Sequence[AccountRow]:
        """At most `limit` of them, above the address key `after`. The domain and the prefix are
        folded here."""
        domain = None if which.domain is None else fold_domain(which.domain)
        folded = evolve(which, domain=domain, prefix=folded_prefix(which.prefix))
        rows: Sequence[AccountRow] = await self.accounts.list(folded, after, limit)
        if domain is not None and not rows:
            await self._require_domain(domain)
        return rows

    async def logins_since(self) -> datetime:
        """Since when logins are noted: who was here before that only is known as one who never
        was."""
        since: datetime = await self.credentials.logins_since()
        return since

    async def _require_domain(self, name: str) -> None:
        domain: DomainRow = await self.domains.show(name)
        if domain.alias_of is not None:
            raise BadArgument(
                f"{name} is another name of {domain.alias_of}, where accounts are: ask for that"
            )

    async def disable(self, email: str, reason: str = "") -> AccountRow:
        """Let nobody log in to an account, whose mail goes on to arrive. Raises NoSuchAccount,
        BadArgument."""
        if len(reason) > MAX_REASON or not reason.isprintable():
            raise BadArgument(f"A reason is one line of {MAX_REASON} characters at most")
        return await self._disable(email, True, reason)

    async def enable(self, email: str) -> AccountRow:
        """Let people log in to an account again. Raises NoSuchAccount."""
        return await self._disable(email, False, "")

    async def _disable(self, email: str, disabled: bool, reason: str) -> AccountRow:
        found = await self.show(email)
        if found.deleted_at is not None:
            raise NoSuchAccount(f"The account {found.address} is deleted: restore it first")
        row: AccountRow = await self.accounts.disable(address_of(email), disabled, reason)
        return row

    async def delete(self, email: str) -> AccountRow:
        """Delete an account; it can be restored within the grace period. Gives it as it was.
        Raises NoSuchAccount."""
        row = await self.show(email)
        if row.deleted_at is not None:
            raise NoSuchAccount(f"The account {row.address} is deleted already")
        await self.accounts.delete(address_of(email))
        return row

    async def purge(self, email: str) -> AccountRow:
        """Delete an account for good: it is the next that is removed
        (`CleaningOperations.remove_purged`). Gives it as it was. Raises NoSuchAccount."""
        row = await self.show(email)
        if row.deleted_at is None:
            await self.accounts.delete(address_of(email))
        await self.accounts.purge(address_of(email))
        return row

    async def restore(self, email: str) -> None:
        """Undo a deletion. Raises NoSuchAccount when there is nothing to restore."""
        await self.accounts.restore(address_of(email))


def after_row(row: AccountRow) -> str:
    """The key after which the next page of accounts begins."""
    return parse_address(row.address, "").key


def folded_prefix(text: str) -> str:
    """How the keys of addresses begin that begin with `text`, in any case."""
    local, at, domain = text.strip().partition("@")
    return f"{fold_local(local)}{at}{domain.lower()}"


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
