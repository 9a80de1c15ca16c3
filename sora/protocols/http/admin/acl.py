"""Rights on mailboxes (RFC 4314)."""

from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import (
    BadArgument,
    BadName,
    BadRights,
    NoSuchAccount,
    NoSuchMailbox,
    TooMany,
)
from sora.protocols.http.admin.owners import BOTH, Owner, whose
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class Right:
    """What somebody may do with a mailbox."""

    user: str = said("An address, or `anyone` for everybody in the domain.")
    rights: str = said("Letters of RFC 4314.", example="lrs")


@frozen
class Acl:
    """Who has rights on a mailbox, beside its owner."""

    items: tuple[Right, ...] = said("Everybody first, then by address.")


@frozen
class NewRights:
    """Rights that somebody is to have."""

    rights: str = said(
        "Letters of RFC 4314; with `+` or `-` in front: more or fewer.",
        example="lrswi",
        max_length=64,
    )


async def _list(nouns: Nouns, call: Call) -> Acl:
    entries = await nouns.acl.show(whose(call), call.path["mailbox"])
    return Acl(items=tuple([Right(user=user, rights=rights) for user, rights in entries]))


async def _set(nouns: Nouns, call: Call) -> Right:
    user = call.path["user"]
    now = await nouns.acl.set(whose(call), call.path["mailbox"], user, call.body.rights)
    return Right(user=user, rights=now)


async def _delete(nouns: Nouns, call: Call) -> None:
    await nouns.acl.delete(whose(call), call.path["mailbox"], call.path["user"])


_endpoint = partial(Endpoint, group="acl")


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = f"{{mailbox}} of {owner.logged}"
    all_of_it = f"{owner.path}/mailboxes/{{mailbox}}/acl"
    return (
        _endpoint(
            method="GET",
            path=all_of_it,
            name=owner.name("list", "Rights"),
            summary=f"Show who has rights on a mailbox of {owner.text}",
            answer=Acl,
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_list,
        ),
        _endpoint(
            method="PUT",
            path=f"{all_of_it}/{{user}}",
            name=owner.name("set", "Rights"),
            summary=f"Give somebody rights on a mailbox of {owner.text}",
            scope=Scope.WRITE,
            body=NewRights,
            answer=Right,
            changes=f"set the rights of {{user}} on {of}",
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName, BadRights, TooMany),
            run=_set,
        ),
        _endpoint(
            method="DELETE",
            path=f"{all_of_it}/{{user}}",
            name=owner.name("delete", "Rights"),
            summary=f"Take all rights on a mailbox of {owner.text} from somebody",
            scope=Scope.WRITE,
            changes=f"took the rights of {{user}} on {of}",
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_delete,
        ),
    )


ENDPOINTS: Final = tuple(endpoint for owner in BOTH for endpoint in _of(owner))
