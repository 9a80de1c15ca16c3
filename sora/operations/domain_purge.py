"""A domain goes as a whole, with its accounts and all their mail, for good."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

from attrs import evolve, frozen
from twisted.internet.defer import Deferred

from sora.addresses import fold_domain
from sora.errors import NoSuchAccount
from sora.operations.cleaning import CleaningOperations
from sora.storage.interfaces import IPurging
from sora.storage.rows import AccountHoldings, ClosedPage, OwnHoldings

PAGE: Final = 1000
"""accounts that are closed at once"""
LOOKED_AT: Final = 200
"""accounts that are looked at at once, with all their addresses"""
NAMED: Final = 100
"""addresses and domains of one kind that are told by name"""
PAUSE: Final = 1.0
"""seconds until the end is tried again, while a cleaner elsewhere removes the last account"""


class Telling(Protocol):
    """Hears how many messages are removed, and the share of all, from 0 to 1, where there are any.
    What it raises ends the work between two steps."""

    def __call__(self, share: float | None, messages: int) -> None: ...


@frozen(kw_only=True)
class Holdings:
    """What goes with a domain: its accounts, live and deleted, with mailboxes, messages and octets,
    those of its shared mailboxes among them; scripts and rules of retention of its own, aliases in
    it. `purging_since` is when its end began, None when it did not.

    With its accounts go rights that they have on mailboxes of others, their addresses in other
    domains (`addresses_elsewhere`), and catch-alls of other domains that they are. Accounts of
    other domains lose the addresses in it that they have (`addresses_of_others`), and other domains
    that are another name of it are domains of their own again (`alias_domains`). Of the names, the
    first hundred are told.
    """

    domain: str
    purging_since: datetime | None
    accounts: int = 0
    deleted_accounts: int = 0
    mailboxes: int
    shared_mailboxes: int
    messages: int
    size: int
    scripts: int
    retention_rules: int
    rights: int = 0
    aliases: int
    addresses_elsewhere: tuple[str, ...] = ()
    addresses_elsewhere_count: int = 0
    catch_alls: tuple[str, ...] = ()
    addresses_of_others: tuple[str, ...]
    alias_domains: tuple[str, ...]

    def plus(self, part: AccountHoldings) -> "Holdings":
        """These, and those of further accounts."""
        return evolve(
            self,
            accounts=self.accounts + part.accounts,
            deleted_accounts=self.deleted_accounts + part.deleted,
            mailboxes=self.mailboxes + part.mailboxes,
            messages=self.messages + part.messages,
            size=self.size + part.size,
            rights=self.rights + part.rights,
            addresses_elsewhere=(*self.addresses_elsewhere, *part.elsewhere)[:NAMED],
            addresses_elsewhere_count=self.addresses_elsewhere_count + len(part.elsewhere),
            catch_alls=(*self.catch_alls, *part.catch_alls)[:NAMED],
        )


@frozen
class Purged:
    """What has gone this time: accounts, live ones and those that were deleted; messages, also
    those that were expunged and could have been restored."""

    domain: str
    accounts: int
    messages: int


@frozen
class DomainPurge:
    """Removes domains. `pause` waits for so many seconds."""

    purging: IPurging
    cleaning: CleaningOperations
    pause: Callable[[float], Awaitable[Any]]

    async def holdings(self, domain: str) -> Holdings:
        """What would go with a domain; nothing is done. Raises NoSuchAccount."""
        name = fold_domain(domain)
        own: OwnHoldings = await self.purging.own_holdings(name, NAMED)
        held = Holdings(
            domain=name,
            purging_since=own.purging_at,
            mailboxes=own.mailboxes,
            shared_mailboxes=own.mailboxes,
            messages=own.messages,
            size=own.size,
            scripts=own.scripts,
            retention_rules=own.rules,
            aliases=own.aliases,
            addresses_of_others=own.guests,
            alias_domains=own.alias_domains[:NAMED],
        )
        after: str | None = ""
        while after is not None:
            part: AccountHoldings = await self.purging.account_holdings(name, after, LOOKED_AT)
            held = held.plus(part)
            after = part.last
        return held

    async def purge(
        self, domain: str, told: Telling, closed: Callable[[str], object] = lambda address: None
    ) -> Purged:
        """Remove a domain; begun again, it goes on with what is left. `closed` hears of each
        account that nobody logs in to any more, before anything is removed. Raises NoSuchAccount,
        Unavailable."""
        held = await self.holdings(domain)
        removed = 0

        def tell(messages: int) -> None:
            nonlocal removed
            removed += messages
            told(min(removed / held.messages, 1.0) if held.messages else None, removed)

        tell(0)
        with suppress(NoSuchAccount):  # somebody else removes it too, and was earlier
            await self._remove(held.domain, tell, closed)
        return Purged(held.domain, held.accounts + held.deleted_accounts, removed)

    async def _remove(
        self, name: str, tell: Callable[[int], None], closed: Callable[[str], object]
    ) -> None:
        """`tell` hears of further messages."""
        await self.purging.mark(name)
        await self._each_page(lambda after: self.purging.disable(name, after, PAGE), tell, closed)
        while True:
            await self._each_page(lambda after: self.purging.delete(name, after, PAGE), tell)
            while await self.purging.free_addresses(name, PAGE):
                tell(0)
            await self._remove_purged(tell)
            if await self.purging.end(name):
                return
            tell(0)
            await self.pause(PAUSE)

    async def _remove_purged(self, tell: Callable[[int], None]) -> None:
        known = 0

        def removed(messages: int) -> None:
            nonlocal known
            tell(messages - known)
            known = messages

        await self.cleaning.remove_purged(removed)

    async def _each_page(
        self,
        close: "Callable[[str], Deferred[ClosedPage]]",
        tell: Callable[[int], None],
        closed: Callable[[str], object] = lambda address: None,
    ) -> None:
        after: str | None = ""
        while after is not None:
            page = await close(after)
            for address in page.addresses:
                closed(address)
            after = page.last
            tell(0)
