"""Domains, and who receives what is addressed to nobody in them."""

from datetime import datetime
from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import AlreadyExists, BadArgument, InUse, NoSuchAccount
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import key_of, next_of, next_page, page_begin, page_length
from sora.protocols.http.values import said
from sora.storage.rows import DomainRow


@frozen
class Domain:
    """A domain."""

    domain: str = said("Its name, in A-labels.", example="example.com")
    accounts: int = said("Live accounts in it.", minimum=0)
    aliases: int = said("Aliases in it.", minimum=0)
    catch_all: str | None = said("The account that takes what is nobody's; null: it is refused.")
    alias_of: str | None = said("The domain that this one is another name of.")
    created: datetime = said("When it was made.")
    purging_since: datetime | None = said(
        "Since when it is being removed with all that is in it; null: it is not."
    )


@frozen
class Domains:
    """Some domains, ascending by name."""

    items: tuple[Domain, ...] = said("The domains.")
    next: str | None = next_page()


@frozen
class DomainsQuery:
    """Which domains."""

    cursor: str = page_begin()
    limit: int = page_length("Domains of a page.")


@frozen
class NewDomain:
    """A domain that is to be made."""

    domain: str = said("Its name.", example="example.com", max_length=255)


@frozen
class CatchAll:
    """Who takes what is nobody's in a domain."""

    email: str = said("An address of the account.", example="ann@example.com", max_length=320)


@frozen
class AliasOf:
    """Which domain another one is another name of."""

    domain: str = said("The domain.", example="example.com", max_length=255)


def _domain(row: DomainRow) -> Domain:
    return Domain(
        domain=row.name,
        accounts=row.accounts,
        aliases=row.aliases,
        catch_all=row.catch_all,
        alias_of=row.alias_of,
        created=row.created_at,
        purging_since=row.purging_at,
    )


async def _list(nouns: Nouns, call: Call) -> Domains:
    asked: DomainsQuery = call.query
    rows = await nouns.domains.page(key_of(asked.cursor), asked.limit)
    following = next_of(rows, asked.limit, lambda row: row.name)
    return Domains(items=tuple(map(_domain, rows)), next=following)


async def _create(nouns: Nouns, call: Call) -> Domain:
    return _domain(await nouns.domains.create(call.body.domain))


async def _show(nouns: Nouns, call: Call) -> Domain:
    return _domain(await nouns.domains.show(call.path["domain"]))


async def _delete(nouns: Nouns, call: Call) -> None:
    await nouns.domains.delete(call.path["domain"])


async def _set_catch_all(nouns: Nouns, call: Call) -> None:
    await nouns.domains.set_catch_all(call.path["domain"], call.body.email)


async def _no_catch_all(nouns: Nouns, call: Call) -> None:
    await nouns.domains.set_catch_all(call.path["domain"], None)


async def _set_alias_of(nouns: Nouns, call: Call) -> None:
    await nouns.domains.set_alias_of(call.path["domain"], call.body.domain)


async def _no_alias(nouns: Nouns, call: Call) -> None:
    await nouns.domains.set_alias_of(call.path["domain"], None)


_endpoint = partial(Endpoint, group="domains")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/domains",
        name="listDomains",
        summary="List domains",
        query=DomainsQuery,
        answer=Domains,
        errors=(BadArgument,),
        run=_list,
    ),
    _endpoint(
        method="POST",
        path="/domains",
        name="createDomain",
        summary="Make a domain; the first account in it makes it, too",
        scope=Scope.WRITE,
        body=NewDomain,
        answer=Domain,
        status=201,
        place="/domains/{answer.domain}",
        changes="made the domain {answer.domain}",
        about=("domain",),
        errors=(AlreadyExists, BadArgument),
        run=_create,
    ),
    _endpoint(
        method="GET",
        path="/domains/{domain}",
        name="showDomain",
        summary="Show a domain",
        answer=Domain,
        errors=(NoSuchAccount, BadArgument),
        run=_show,
    ),
    _endpoint(
        method="DELETE",
        path="/domains/{domain}",
        name="deleteDomain",
        summary="Remove a domain in which there is nothing",
        scope=Scope.WRITE,
        changes="removed the domain {domain}",
        errors=(NoSuchAccount, InUse, BadArgument),
        run=_delete,
    ),
    _endpoint(
        method="PUT",
        path="/domains/{domain}/catch-all",
        name="setCatchAll",
        summary="Say who takes mail for addresses that are nobody's",
        scope=Scope.WRITE,
        body=CatchAll,
        changes="set the catch-all of the domain {domain}",
        about=("email",),
        errors=(NoSuchAccount, BadArgument),
        run=_set_catch_all,
    ),
    _endpoint(
        method="DELETE",
        path="/domains/{domain}/catch-all",
        name="removeCatchAll",
        summary="Let mail for addresses that are nobody's be refused",
        scope=Scope.WRITE,
        changes="removed the catch-all of the domain {domain}",
        errors=(NoSuchAccount, BadArgument),
        run=_no_catch_all,
    ),
    _endpoint(
        method="PUT",
        path="/domains/{domain}/alias-of",
        name="setAliasOf",
        summary="Make a domain another name of one",
        scope=Scope.WRITE,
        body=AliasOf,
        changes="made the domain {domain} another name of one",
        about=("domain",),
        errors=(NoSuchAccount, BadArgument),
        run=_set_alias_of,
    ),
    _endpoint(
        method="DELETE",
        path="/domains/{domain}/alias-of",
        name="removeAliasOf",
        summary="Make a domain one of its own again",
        scope=Scope.WRITE,
        changes="made the domain {domain} one of its own",
        errors=(NoSuchAccount, BadArgument),
        run=_no_alias,
    ),
)
