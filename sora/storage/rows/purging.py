"""A domain that goes as a whole, and what goes with it."""

from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class AccountHoldings:
    """What some accounts of a domain hold; `last` is the address key of the last of them, None when
    there was none.

    `accounts` are live ones, `deleted` those that could be restored; `rights` are those that they
    have on mailboxes of others. `elsewhere` are their addresses in other domains, credentials and
    aliases; `catch_alls` the other domains that have one of them as catch-all.
    """

    last: str | None
    accounts: int
    deleted: int
    mailboxes: int
    messages: int
    size: int
    rights: int
    elsewhere: tuple[str, ...]
    catch_alls: tuple[str, ...]


@frozen(kw_only=True)
class OwnHoldings:
    """What belongs to a domain itself: shared mailboxes with messages and octets, scripts, rules of
    retention, aliases.

    `alias_domains` are other names of it; `guests` some addresses in it with which accounts of
    other domains log in or receive. `purging_at` is when it was marked, None when it was not.
    """

    purging_at: datetime | None
    mailboxes: int
    messages: int
    size: int
    scripts: int
    rules: int
    aliases: int
    alias_domains: tuple[str, ...]
    guests: tuple[str, ...]


@frozen
class ClosedPage:
    """Accounts that were closed, by their primary addresses; `last` is the key of the last of them,
    None when there was none."""

    addresses: tuple[str, ...]
    last: str | None
