"""The statements that look for accounts, by what is asked for.

`offset 0` keeps PostgreSQL from joining whole tables, whatever else there is: each account, and
each of its logins, is looked up.
"""

from typing import Any, Final

from attrs import frozen

from sora.storage.rows import AccountFilter

LOOKED_AT: Final = 10_000
"""addresses that one statement looks at which searches for what hardly anybody may be"""

_IS_NAMED: Final = (
    "is_primary and address_key > %s"
    " and (%s::text is null or address_key between %s and %s)"
    " and (%s::text is null or domain_id = (select id from domains where name = %s))"
)
_IS_INACTIVE: Final = (
    " and not exists (select 1 from logins where account_id = accounts.id and at > %s offset 0)"
)


@frozen
class Search:
    """A statement. In each row stand an address key, the same in all, after which the search goes
    on (null: it is over), and an account; all are nulls in the row that says that none was found.
    """

    sql: str
    values: tuple[Any, ...]


def search_for(which: AccountFilter, after: str, limit: int) -> Search:
    """What gives at most `limit` of these accounts whose address key is above `after`, ascending by
    that."""
    begins = which.prefix or None
    name = (after, begins, begins, f"{begins}\U0010ffff", which.domain, which.domain)
    is_of = (
        f"deleted_at is {'not null' if which.deleted else 'null'}"
        " and (%s::boolean is null or disabled = %s)"
    )
    of: tuple[Any, ...] = (which.disabled, which.disabled)
    if which.inactive_since is not None:
        is_of += _IS_INACTIVE
        of = (*of, which.inactive_since)
    if which.deleted or which.disabled:
        return _few(is_of, of, name, limit)
    if which.inactive_since is not None:
        return _rare(is_of, of, name, limit)
    return _many(is_of, of, name, limit)


def _few(is_of: str, of: tuple[Any, ...], name: tuple[Any, ...], limit: int) -> Search:
    """Few accounts are deleted, or disabled: their addresses are looked up, and sorted."""
    found = (
        f"(select id from accounts where {is_of} offset 0) a, lateral"
        f" (select * from credentials where account_id = a.id and {_IS_NAMED} offset 0) c"
    )
    return Search(_page(found), (*of, *name, limit))


def _many(is_of: str, of: tuple[Any, ...], name: tuple[Any, ...], limit: int) -> Search:
    """Most are neither: addresses are read in their order, up to the end of the page."""
    found = (
        f"(select * from credentials where {_IS_NAMED} order by address_key offset 0) c,"
        f" lateral (select id from accounts where id = c.account_id and {is_of} offset 0) a"
    )
    return Search(_page(found), (*name, *of, limit))


def _page(found: str) -> str:
    return (
        "select null, r.* from (select c.account_id, c.address_key"
        f" from {found} order by c.address_key limit %s) c,"
        " lateral account_row_v3(c.account_id) r order by c.address_key"
    )


def _rare(is_of: str, of: tuple[Any, ...], name: tuple[Any, ...], limit: int) -> Search:
    """The same where there may be a million who log in, to be passed by until one is found who does
    not: so many addresses, and no more, are looked at by one statement."""
    return Search(
        "with looked as materialized (select account_id, address_key"
        f" from credentials where {_IS_NAMED} order by address_key limit {LOOKED_AT}),"
        " page as materialized (select c.* from looked c,"
        f" lateral (select id from accounts where id = c.account_id and {is_of} offset 0) a"
        " order by c.address_key limit %s)"
        f" select l.following, r.* from (select case when count(*) = {LOOKED_AT}"
        " then max(address_key) end as following from looked) l left join page p on true"
        " left join lateral account_row_v3(p.account_id) r on true order by p.address_key",
        (*name, *of, limit),
    )
