"""Mailboxes by name, of accounts and of domains, and what accounts have subscribed to."""

from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import (
    AlreadyExists,
    BadArgument,
    BadName,
    HasChildren,
    NoSuchAccount,
    NoSuchMailbox,
    OverQuota,
)
from sora.mail.mailbox_names import name_key
from sora.protocols.http.admin.owners import ACCOUNT, BOTH, DOMAIN, Owner, whose
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import next_page, page_begin, page_length, page_of
from sora.protocols.http.values import said
from sora.storage.rows import MailboxRow

_NAME: Final = 1024


@frozen
class Mailbox:
    """A mailbox, its counters, and the numbers that clients know it by."""

    mailbox: str = said("Its name, with `/` between levels.", example="Work/Reports")
    id: str = said("MAILBOXID (RFC 8474): it stays when the name changes.")
    messages: int = said("Messages in it.", minimum=0)
    unseen: int = said("Those that nobody has seen.", minimum=0)
    deleted: int = said("Those with \\Deleted.", minimum=0)
    size: int = said("Octets of all of them.", minimum=0)
    special_use: str | None = said("Its special use (RFC 6154).", example="\\Sent")
    uidvalidity: int = said("UIDVALIDITY.", minimum=1)
    uidnext: int = said("UIDNEXT.", minimum=1)
    highest_modseq: int = said("HIGHESTMODSEQ.", minimum=1)


@frozen
class Mailboxes:
    """Some mailboxes, ascending by name."""

    items: tuple[Mailbox, ...] = said("The mailboxes.")
    next: str | None = next_page()


@frozen
class MailboxesQuery:
    """Which mailboxes."""

    below: str = said("Only those below this one.", default="", example="Work", max_length=_NAME)
    cursor: str = page_begin()
    limit: int = page_length("Mailboxes of a page.")


@frozen
class NewMailbox:
    """A mailbox that is to be made, with those that are missing above it."""

    mailbox: str = said("Its name.", example="Work/Reports", max_length=_NAME)


@frozen
class NewDomainMailbox:
    """A mailbox that is to belong to a domain."""

    mailbox: str = said("Its name.", example="Team", max_length=_NAME)
    user: str = said("A user of the domain, who has rights.", example="ann@example.com")
    rights: str = said("The user's rights (RFC 4314).", default="lrswipkxtea", max_length=64)


@frozen
class MailboxChange:
    """What is to be another."""

    mailbox: str = said("Another name.", example="Old/Reports", max_length=_NAME)


@frozen
class Subscriptions:
    """Names that an account has subscribed to, ascending; a mailbox need not be there."""

    items: tuple[str, ...] = said("The names.", example=["INBOX"])
    next: str | None = next_page()


@frozen
class SubscriptionsQuery:
    """Which part of the list."""

    cursor: str = page_begin()
    limit: int = page_length("Names of a page.")


def mailbox_of(row: MailboxRow) -> Mailbox:
    """A mailbox as it is shown."""
    return Mailbox(
        mailbox=row.name,
        id=row.object_id,
        messages=row.messages,
        unseen=row.unseen,
        deleted=row.deleted,
        size=row.size,
        special_use=row.special_use,
        uidvalidity=row.uidvalidity,
        uidnext=row.uidnext,
        highest_modseq=row.highest_modseq,
    )


async def _list(nouns: Nouns, call: Call) -> Mailboxes:
    asked: MailboxesQuery = call.query
    above = f"{name_key(asked.below)}/" if asked.below else ""
    listing = await nouns.mailboxes.list(whose(call))
    rows = [row for row in listing.mailboxes if row.name.startswith(above)]
    page, following = page_of(rows, asked, lambda row: row.name)
    return Mailboxes(items=tuple(map(mailbox_of, page)), next=following)


async def _create(nouns: Nouns, call: Call) -> Mailbox:
    return mailbox_of(await nouns.mailboxes.create(whose(call), call.body.mailbox))


async def _create_for_domain(nouns: Nouns, call: Call) -> Mailbox:
    new: NewDomainMailbox = call.body
    domain = call.path["domain"]
    return mailbox_of(await nouns.acl.create_shared(domain, new.mailbox, new.user, new.rights))


async def _show(nouns: Nouns, call: Call) -> Mailbox:
    return mailbox_of(await nouns.mailboxes.status(whose(call), call.path["mailbox"]))


async def _rename(nouns: Nouns, call: Call) -> Mailbox:
    new = call.body.mailbox
    await nouns.mailboxes.rename(whose(call), call.path["mailbox"], new)
    return mailbox_of(await nouns.mailboxes.status(whose(call), new))


async def _delete(nouns: Nouns, call: Call) -> None:
    await nouns.mailboxes.delete(whose(call), call.path["mailbox"])


async def _subscriptions(nouns: Nouns, call: Call) -> Subscriptions:
    listing = await nouns.mailboxes.list(whose(call))
    names, following = page_of(listing.subscriptions, call.query, str)
    return Subscriptions(items=tuple(names), next=following)


async def _subscribe(nouns: Nouns, call: Call) -> None:
    await nouns.mailboxes.subscribe(whose(call), call.path["mailbox"])


async def _unsubscribe(nouns: Nouns, call: Call) -> None:
    await nouns.mailboxes.unsubscribe(whose(call), call.path["mailbox"])


_endpoint = partial(Endpoint, group="mailboxes")


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = f"of {owner.logged}"
    one = f"{owner.path}/mailboxes/{{mailbox}}"
    return (
        _endpoint(
            method="GET",
            path=f"{owner.path}/mailboxes",
            name=owner.name("list", "Mailboxes"),
            summary=f"List the mailboxes of {owner.text}, and how much is in them",
            query=MailboxesQuery,
            answer=Mailboxes,
            errors=(NoSuchAccount, BadArgument),
            run=_list,
        ),
        _endpoint(
            method="GET",
            path=one,
            name=owner.name("show", "Mailbox"),
            summary=f"Show a mailbox of {owner.text}",
            answer=Mailbox,
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_show,
        ),
        _endpoint(
            method="PATCH",
            path=one,
            name=owner.name("rename", "Mailbox"),
            summary=f"Give a mailbox of {owner.text}, and what is below it, another name",
            scope=Scope.WRITE,
            body=MailboxChange,
            answer=Mailbox,
            changes=f"renamed the mailbox {{mailbox}} {of}",
            about=("mailbox",),
            errors=(
                NoSuchAccount,
                NoSuchMailbox,
                AlreadyExists,
                OverQuota,
                BadArgument,
                BadName,
            ),
            run=_rename,
        ),
        _endpoint(
            method="DELETE",
            path=one,
            name=owner.name("delete", "Mailbox"),
            summary=f"Delete a mailbox of {owner.text} with its messages; none may be below it",
            scope=Scope.WRITE,
            changes=f"deleted the mailbox {{mailbox}} {of}",
            errors=(NoSuchAccount, NoSuchMailbox, HasChildren, BadArgument, BadName),
            run=_delete,
        ),
    )


ENDPOINTS: Final = (
    *(endpoint for owner in BOTH for endpoint in _of(owner)),
    _endpoint(
        method="POST",
        path=f"{ACCOUNT.path}/mailboxes",
        name="createMailbox",
        summary="Make a mailbox of an account, with those that are missing above it",
        scope=Scope.WRITE,
        body=NewMailbox,
        answer=Mailbox,
        status=201,
        place=f"{ACCOUNT.path}/mailboxes/{{answer.mailbox}}",
        changes="made the mailbox {answer.mailbox} of the account {email}",
        about=("mailbox",),
        errors=(NoSuchAccount, AlreadyExists, OverQuota, BadArgument, BadName),
        run=_create,
    ),
    _endpoint(
        method="POST",
        path=f"{DOMAIN.path}/mailboxes",
        name="createDomainMailbox",
        summary="Make a mailbox that belongs to a domain, and give a user rights on it",
        scope=Scope.WRITE,
        body=NewDomainMailbox,
        answer=Mailbox,
        status=201,
        place=f"{DOMAIN.path}/mailboxes/{{answer.mailbox}}",
        changes="made the mailbox {answer.mailbox} of the domain {domain}",
        about=("mailbox",),
        errors=(NoSuchAccount, AlreadyExists, OverQuota, BadArgument, BadName),
        run=_create_for_domain,
    ),
    _endpoint(
        method="GET",
        path=f"{ACCOUNT.path}/subscriptions",
        name="listSubscriptions",
        summary="List the names of mailboxes that an account has subscribed to",
        query=SubscriptionsQuery,
        answer=Subscriptions,
        errors=(NoSuchAccount, BadArgument),
        run=_subscriptions,
    ),
    _endpoint(
        method="PUT",
        path=f"{ACCOUNT.path}/subscriptions/{{mailbox}}",
        name="subscribe",
        summary="Add a name to the subscriptions of an account; no mailbox need be there",
        scope=Scope.WRITE,
        changes="subscribed the account {email} to {mailbox}",
        errors=(NoSuchAccount, BadArgument, BadName),
        run=_subscribe,
    ),
    _endpoint(
        method="DELETE",
        path=f"{ACCOUNT.path}/subscriptions/{{mailbox}}",
        name="unsubscribe",
        summary="Remove a name from the subscriptions of an account",
        scope=Scope.WRITE,
        changes="unsubscribed the account {email} from {mailbox}",
        errors=(NoSuchAccount, BadArgument, BadName),
        run=_unsubscribe,
    ),
)
