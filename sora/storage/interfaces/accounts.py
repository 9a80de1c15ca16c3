"""Accounts, their addresses, secrets, domains and quotas."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.addresses import Address
from sora.storage.rows import (
    AccountFilter,
    AccountRow,
    AliasRow,
    CredentialRow,
    DomainRow,
    Login,
    NewLogin,
    NewMailbox,
    NewSecret,
    Quota,
    QuotaLimits,
    Recipient,
)

EVERYBODY: Final = AccountFilter()
"""all live accounts"""


class IAccounts(Interface):
    """Accounts: their life, and where their mail is delivered."""

    def create(
        address: Address,
        secrets: Sequence[NewSecret],
        mailboxes: Sequence[NewMailbox],
    ) -> "Deferred[AccountRow]":
        """Make an account with its primary credential and its first mailboxes.

        The domain is made when it is not there. Raises AlreadyExists when the address is a
        credential of a live account, or of a deleted one that can still be restored.
        """

    def show(address: Address) -> "Deferred[AccountRow]":
        """One account, live or deleted, by any of its addresses. Raises NoSuchAccount."""

    def list(
        which: AccountFilter = EVERYBODY, after: str = "", limit: int = 1000
    ) -> "Deferred[Sequence[AccountRow]]":
        """Accounts ascending by primary address key, beginning after the key `after`.

        One round trip; with `inactive_since` one for some thousand addresses that are looked at.
        """

    def disable(address: Address, disabled: bool, reason: str = "") -> "Deferred[AccountRow]":
        """Let nobody log in to an account, whose mail goes on to arrive; or let them again. Raises
        NoSuchAccount, also for one that is deleted."""

    def closed(keys: Sequence[str]) -> "Deferred[Sequence[str]]":
        """Of these keys of addresses that log in, those whose account is disabled or deleted; in
        any order."""

    def delete(address: Address) -> "Deferred[None]":
        """Mark as deleted: no login, no delivery; restorable. Raises NoSuchAccount."""

    def restore(address: Address) -> "Deferred[None]":
        """Undo `delete`. Raises NoSuchAccount when there is no deleted account."""

    def purge(address: Address) -> "Deferred[None]":
        """Let the grace of a deleted account be over, as if it had been deleted in 1900: what
        removes those that are deleted for longer than 50 years (`ICleaning.remove_account`) removes
        it. Raises NoSuchAccount when there is no deleted account."""

    def recipient(address: Address) -> "Deferred[Recipient | None]":
        """Who receives mail for this address (credentials, aliases, the domain's catch-all), and
        the scripts that run for it.

        One round trip. None when nobody does.
        """


class ICredentials(Interface):
    """Addresses that log in, and their secrets."""

    def login(address: Address) -> "Deferred[Login | None]":
        """What is needed to verify a login, in one round trip; None when there is nobody.

        The account of a Login may be disabled; it is never a deleted one.
        """

    def add(
        account: Address, alias: Address, secrets: Sequence[NewSecret]
    ) -> "Deferred[CredentialRow]":
        """Add an address to an account. Raises NoSuchAccount, AlreadyExists."""

    def list(account: Address) -> "Deferred[Sequence[CredentialRow]]":
        """All credentials of the account that has this address, the primary one first, the others
        by key. Raises NoSuchAccount."""

    def show(address: Address) -> "Deferred[CredentialRow]":
        """One credential. Raises NoSuchAccount."""

    def delete(address: Address) -> "Deferred[None]":
        """Remove a credential. Raises NoSuchAccount; BadArgument for the primary one."""

    def set_secrets(address: Address, secrets: Sequence[NewSecret]) -> "Deferred[None]":
        """Replace all secrets but those with a name, and raise the version: nothing of the old
        password is left (G54). Raises NoSuchAccount."""

    def make_primary(address: Address) -> "Deferred[None]":
        """Make a credential the primary one of its account. Raises NoSuchAccount; BadArgument when
        it is of another domain than the present one."""

    def note_logins(logins: Sequence[NewLogin]) -> "Deferred[None]":
        """Note when each of these credentials was last used; each is there once. One round trip.

        No time goes back, whoever writes when: so this may be repeated. Accounts that are gone, or
        deleted, are left out. What an account's address was used for is the account's, also when
        the address is taken from it.
        """

    def logins_since() -> "Deferred[datetime]":
        """Since when logins are noted: of the time before, nothing is known."""


class IAliases(Interface):
    """Addresses of accounts that only receive. Each address is a credential or an alias, and
    never both; an alias is one account's."""

    def add(account: Address, alias: Address, most: int) -> "Deferred[AliasRow]":
        """Add an alias to an account, which may have `most`. The domain is made when it is not
        there. Raises NoSuchAccount, AlreadyExists, TooMany."""

    def list(
        account: Address | None = None,
        domain: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> "Deferred[Sequence[AliasRow]]":
        """Aliases, of an account or in a domain, ascending by key, beginning after the key
        `after`. Raises NoSuchAccount."""

    def show(alias: Address) -> "Deferred[AliasRow]":
        """One alias. Raises NoSuchAccount."""

    def delete(alias: Address) -> "Deferred[None]":
        """Remove an alias. Raises NoSuchAccount."""


class IDomains(Interface):
    """Domains, and who receives what is addressed to nobody in them. Names are folded, in A-labels
    (`sora.addresses.fold_domain`)."""

    def create(name: str) -> "Deferred[DomainRow]":
        """Make a domain; the first account in it makes it too. Raises AlreadyExists."""

    def list(after: str = "", limit: int = 1000) -> "Deferred[Sequence[DomainRow]]":
        """Domains ascending by name, beginning after the name `after`."""

    def show(name: str) -> "Deferred[DomainRow]":
        """One domain. Raises NoSuchAccount."""

    def delete(name: str) -> "Deferred[None]":
        """Remove a domain. Raises NoSuchAccount; InUse when there is something in it."""

    def set_catch_all(name: str, account: Address | None) -> "Deferred[None]":
        """Say who takes mail for addresses that are nobody's. Raises NoSuchAccount."""

    def set_alias_of(name: str, of: str | None) -> "Deferred[None]":
        """Make the domain another name of `of`, or one of its own again. What is addressed in
        itself (accounts, aliases) goes first.

        Raises NoSuchAccount; BadArgument when `of` is an alias itself or this domain, or this
        domain has aliases.
        """


class IQuotas(Interface):
    """How much accounts may have (RFC 9208). Limits are kept by whatever adds to an account, under
    the lock of its row."""

    def quota(account_id: int) -> "Deferred[Quota]":
        """What an account has, and may have. One round trip. Raises NoSuchAccount."""

    def set(
        account_id: int, limits: QuotaLimits, asker: int | None, replaces: QuotaLimits | None = None
    ) -> "Deferred[None]":
        """Set all limits of an account. One round trip. With `replaces` only where these are its
        limits.

        `asker` is the account that wants it, None an operator. Raises NotPermitted unless it
        was allowed to set quotas and is of the same domain; Superseded where the limits are others;
        NoSuchAccount.
        """

    def allow(account_id: int, allowed: bool) -> "Deferred[None]":
        """Say whether a user may set the quotas of his domain. Raises NoSuchAccount."""
