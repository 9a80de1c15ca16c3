"""Aliases: addresses of accounts that only receive."""

from datetime import datetime
from functools import partial
from typing import Final

from attrs import frozen

from sora.addresses import parse_address
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount, TooMany
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import key_of, next_of, next_page, page_begin, page_length
from sora.protocols.http.values import said
from sora.storage.rows import AliasRow


@frozen
class Alias:
    """An address that only receives."""

    address: str = said("The address.", example="sales@example.com")
    account: str = said("The primary address of the account.", example="ann@example.com")
    created: datetime = said("When it was made.")


@frozen
class Aliases:
    """Some aliases, ascending by address."""

    items: tuple[Alias, ...] = said("The aliases.")
    next: str | None = next_page()


@frozen
class AliasesQuery:
    """Which aliases."""

    account: str | None = said(
        "Only those of this account.", default=None, example="ann@example.com"
    )
    domain: str | None = said("Only those in this domain.", default=None, example="example.com")
    cursor: str = page_begin()
    limit: int = page_length("Aliases of a page.")


@frozen
class NewAlias:
    """An alias that is to be made."""

    address: str = said("The address.", example="sales@example.com", max_length=320)
    account: str = said("An address of the account.", example="ann@example.com", max_length=320)


def _alias(row: AliasRow) -> Alias:
    return Alias(address=row.address, account=row.account, created=row.created_at)


async def _list(nouns: Nouns, call: Call) -> Aliases:
    asked: AliasesQuery = call.query
    after = key_of(asked.cursor)
    rows = await nouns.aliases.page(asked.account, asked.domain, after, asked.limit)
    following = next_of(rows, asked.limit, lambda row: parse_address(row.address, "").key)
    return Aliases(items=tuple(map(_alias, rows)), next=following)


async def _create(nouns: Nouns, call: Call) -> Alias:
    new: NewAlias = call.body
    return _alias(await nouns.aliases.create(new.account, new.address))


async def _show(nouns: Nouns, call: Call) -> Alias:
    return _alias(await nouns.aliases.show(call.path["address"]))


async def _delete(nouns: Nouns, call: Call) -> None:
    await nouns.aliases.delete(call.path["address"])


_endpoint = partial(Endpoint, group="aliases")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/aliases",
        name="listAliases",
        summary="List aliases, of an account or in a domain",
        query=AliasesQuery,
        answer=Aliases,
        errors=(NoSuchAccount, BadArgument),
        run=_list,
    ),
    _endpoint(
        method="POST",
        path="/aliases",
        name="createAlias",
        summary="Let an account receive at one more address",
        scope=Scope.WRITE,
        body=NewAlias,
        answer=Alias,
        status=201,
        place="/aliases/{answer.address}",
        changes="made the alias {answer.address} of {answer.account}",
        about=("address", "account"),
        errors=(NoSuchAccount, AlreadyExists, TooMany, BadArgument),
        run=_create,
    ),
    _endpoint(
        method="GET",
        path="/aliases/{address}",
        name="showAlias",
        summary="Show an alias",
        answer=Alias,
        errors=(NoSuchAccount, BadArgument),
        run=_show,
    ),
    _endpoint(
        method="DELETE",
        path="/aliases/{address}",
        name="deleteAlias",
        summary="Remove an alias",
        scope=Scope.WRITE,
        changes="removed the alias {address}",
        errors=(NoSuchAccount, BadArgument),
        run=_delete,
    ),
)
