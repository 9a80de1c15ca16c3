"""What was deleted and can be restored: messages, and mailboxes."""

from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from attrs import frozen

from sora.errors import AlreadyExists, BadArgument, BadName, NoSuchAccount, NoSuchMailbox
from sora.mail.flags import SYSTEM_NAMES, Flags
from sora.mail.numbers import MAX_NUMBER, NumberSet
from sora.operations.restoring import CameBack, CameBackAll, RestoringOperations, Wanted
from sora.protocols.http.admin.mailboxes import Mailbox, mailbox_of
from sora.protocols.http.admin.owners import BOTH, Owner, whose
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import (
    LONGEST,
    cursor_of,
    key_of,
    next_page,
    page_begin,
    page_length,
    page_of,
)
from sora.protocols.http.values import said
from sora.storage.rows import DeletedMailbox, GoneFilter, GoneMessage, GonePlace
from sora.times import moment_of

_NAME: Final = 1024
_TEXT: Final = 200
MOST: Final = 10_000
"""messages that one request restores"""


@frozen
class DeletedMessage:
    """A message that can be restored."""

    mailbox: str = said("The mailbox that it was in.", example="INBOX")
    mailbox_deleted: bool = said("Whether that was deleted.")
    uid: int = said("The UID that it had.", minimum=1)
    email_id: str = said("EMAILID (RFC 8474): it stays when the message is restored.")
    gone_at: datetime = said("When it went.")
    how: str = said("`expunged`, `retention`, `moved` or `mailbox deleted`.", example="expunged")
    kept_until: datetime = said("Until when it can be restored at least.")
    date: datetime = said("INTERNALDATE.")
    size: int = said("Octets.", minimum=0)
    flags: tuple[str, ...] = said("The flags that it had.", example=["\\Seen"])
    sender: str = said("From: a name, or an address.")
    subject: str = said("Its subject.")


@frozen
class DeletedMessages:
    """Some of them, the latest first. A page may be empty and not be the last."""

    items: tuple[DeletedMessage, ...] = said("The messages.")
    next: str | None = next_page()


@frozen
class DeletedMessagesQuery:
    """Which messages."""

    mailbox: str | None = said(
        "Only of this mailbox, which may have been deleted.", default=None, max_length=_NAME
    )
    since: datetime | None = said("Only what went then or later.", default=None)
    before: datetime | None = said("Only what went before.", default=None)
    sender: str = said("Only with this in From.", default="", max_length=_TEXT)
    subject: str = said("Only with this in the subject.", default="", max_length=_TEXT)
    moved: bool = said("Also what was only moved to another mailbox.", default=False)
    cursor: str = page_begin()
    limit: int = page_length("Messages that are looked at for a page.", default=LONGEST)


@frozen
class WhatToRestore:
    """Which messages are to come back, and where to. Without any condition `all` has to say so."""

    mailbox: str | None = said(
        "Only of this mailbox, which may have been deleted.", default=None, max_length=_NAME
    )
    uids: tuple[int, ...] = said("Only with these UIDs, of `mailbox`.", default=())
    email_ids: tuple[str, ...] = said("Only with these email ids.", default=())
    since: datetime | None = said("Only what went then or later.", default=None)
    before: datetime | None = said("Only what went before.", default=None)
    sender: str = said("Only with this in From.", default="", max_length=_TEXT)
    subject: str = said("Only with this in the subject.", default="", max_length=_TEXT)
    moved: bool = said("Also what was only moved to another mailbox.", default=False)
    all: bool = said("All that can be restored.", default=False)
    to: str | None = said(
        "Into this mailbox, which is made if it is not there; without it where they were.",
        default=None,
        max_length=_NAME,
    )
    dry_run: bool = said("Only count.", default=False)
    most: int = said("At most so many, the latest.", default=1000, minimum=1, maximum=MOST)


@frozen
class RestoredMailbox:
    """Messages of one mailbox that came back."""

    mailbox: str = said("The mailbox that they were in.")
    destination: str = said("The mailbox that they are in now.")
    made: bool = said("Whether that was made for them.")
    messages: int = said("How many.", minimum=0)


@frozen
class RestoredMessages:
    """What came back, or would."""

    messages: int = said("How many messages.", minimum=0)
    mailboxes: tuple[RestoredMailbox, ...] = said("Mailbox by mailbox.")
    over_quota: bool = said("Whether the account has more than it may now.")
    more: bool = said("Whether there may be more than `most` that fit.")


@frozen
class GoneMailbox:
    """A mailbox that can be restored."""

    mailbox: str = said("Its name. Several may have had it.")
    number: int = said("What it is restored by.", minimum=1)
    deleted_at: datetime = said("When it was deleted.")
    kept_until: datetime = said("Until when it can be restored at least.")
    messages: int = said("Messages in it.", minimum=0)
    size: int = said("Octets of all of them.", minimum=0)


@frozen
class GoneMailboxes:
    """Mailboxes that were deleted."""

    items: tuple[GoneMailbox, ...] = said("The mailboxes, by number.")
    next: str | None = next_page()


@frozen
class GoneMailboxesQuery:
    """Which part of the list."""

    cursor: str = page_begin()
    limit: int = page_length("Mailboxes of a page.")


@frozen
class NewName:
    """What a mailbox is to be called."""

    to: str | None = said(
        "Its name; without it the one that it had, or one beside it where that is taken.",
        default=None,
        max_length=_NAME,
    )


def flag_names(flags: Flags) -> tuple[str, ...]:
    """The names of flags."""
    return (*(name for bit, name in SYSTEM_NAMES if flags.system & bit), *flags.keywords)


def email_id(text: str) -> UUID:
    """An EMAILID. Raises BadArgument."""
    try:
        return UUID(text.removeprefix("M"))
    except ValueError:
        raise BadArgument(f"{text!r} is no email id") from None


def _message(each: GoneMessage, restoring: RestoringOperations) -> DeletedMessage:
    return DeletedMessage(
        mailbox=each.mailbox,
        mailbox_deleted=each.mailbox_is_deleted,
        uid=each.place.uid,
        email_id=f"M{each.email_id.hex}",
        gone_at=each.place.at,
        how=each.kind,
        kept_until=restoring.kept_until(each),
        date=each.internal_date,
        size=each.size,
        flags=flag_names(each.flags),
        sender=each.sender,
        subject=each.subject,
    )


def _part(part: CameBack) -> RestoredMailbox:
    return RestoredMailbox(
        mailbox=part.mailbox,
        destination=part.destination,
        made=part.is_made,
        messages=part.messages,
    )


def _cursor(place: GonePlace) -> str:
    return cursor_of(f"{place.at.isoformat()} {place.mailbox_id} {place.uid}")


def _place(cursor: str) -> GonePlace | None:
    key = key_of(cursor)
    if not key:
        return None
    try:
        at, mailbox_id, uid = key.split(" ")
        return GonePlace(moment_of(at), int(mailbox_id), int(uid))
    except ValueError:
        raise BadArgument("The cursor is none that this server has given") from None


async def _list(nouns: Nouns, call: Call) -> DeletedMessages:
    asked: DeletedMessagesQuery = call.query
    which = GoneFilter(
        since=asked.since,
        before=asked.before,
        sender=asked.sender,
        subject=asked.subject,
        moved=asked.moved,
    )
    wanted = Wanted(asked.mailbox, which)
    page = await nouns.restoring.page(whose(call), wanted, _place(asked.cursor), asked.limit)
    return DeletedMessages(
        items=tuple(_message(each, nouns.restoring) for each in page.messages),
        next=None if page.last is None else _cursor(page.last),
    )


async def _restore(nouns: Nouns, call: Call) -> RestoredMessages:
    asked: WhatToRestore = call.body
    if any(not 0 < uid <= MAX_NUMBER for uid in asked.uids):
        raise BadArgument("A UID is a number of 32 bits")
    which = GoneFilter(
        uids=NumberSet.of(asked.uids) if asked.uids else None,
        email_ids=tuple(map(email_id, asked.email_ids)) or None,
        since=asked.since,
        before=asked.before,
        sender=asked.sender,
        subject=asked.subject,
        moved=asked.moved,
    )
    wanted = Wanted(asked.mailbox, which)
    if wanted.is_everything and not asked.all:
        raise BadArgument("Say which messages are meant, or all")
    back: CameBackAll = await nouns.restoring.restore(
        whose(call), wanted, asked.to, asked.dry_run, asked.most
    )
    return RestoredMessages(
        messages=back.messages,
        mailboxes=tuple(map(_part, back.parts)),
        over_quota=back.over_quota,
        more=back.is_more,
    )


async def _mailboxes(nouns: Nouns, call: Call) -> GoneMailboxes:
    deleted = await nouns.restoring.deleted_mailboxes(whose(call))
    page, following = page_of(deleted, call.query, lambda each: f"{each.id:020}")

    def shown(each: DeletedMailbox) -> GoneMailbox:
        return GoneMailbox(
            mailbox=each.name,
            number=each.id,
            deleted_at=each.deleted_at,
            kept_until=each.grace_from + nouns.restoring.grace,
            messages=each.messages,
            size=each.size,
        )

    return GoneMailboxes(items=tuple(map(shown, page)), next=following)


async def _restore_mailbox(nouns: Nouns, call: Call) -> Mailbox:
    number = int(call.path["number"])
    row = await nouns.restoring.restore_mailbox(whose(call), None, call.body.to, number)
    return mailbox_of(row)


_endpoint = partial(Endpoint, group="restoring")


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = f"of {owner.logged}"
    return (
        _endpoint(
            method="GET",
            path=f"{owner.path}/deleted/messages",
            name=owner.name("list", "DeletedMessages"),
            summary=f"List messages of {owner.text} that were deleted and can be restored",
            query=DeletedMessagesQuery,
            answer=DeletedMessages,
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_list,
        ),
        _endpoint(
            method="POST",
            path=f"{owner.path}/deleted/messages/restore",
            name=owner.name("restore", "Messages"),
            summary=f"Bring deleted messages of {owner.text} back, under new UIDs",
            scope=Scope.WRITE,
            body=WhatToRestore,
            answer=RestoredMessages,
            changes=f"restored {{answer.messages}} messages {of}",
            errors=(NoSuchAccount, NoSuchMailbox, BadArgument, BadName),
            run=_restore,
        ),
        _endpoint(
            method="GET",
            path=f"{owner.path}/deleted/mailboxes",
            name=owner.name("list", "DeletedMailboxes"),
            summary=f"List mailboxes of {owner.text} that were deleted and can be restored",
            query=GoneMailboxesQuery,
            answer=GoneMailboxes,
            errors=(NoSuchAccount, BadArgument),
            run=_mailboxes,
        ),
        _endpoint(
            method="POST",
            path=f"{owner.path}/deleted/mailboxes/{{number}}/restore",
            name=owner.name("restore", "Mailbox"),
            summary=f"Bring a deleted mailbox of {owner.text} back, with its messages",
            scope=Scope.WRITE,
            body=NewName,
            answer=Mailbox,
            changes=f"restored the mailbox {{answer.mailbox}} {of}",
            errors=(NoSuchAccount, NoSuchMailbox, AlreadyExists, BadArgument, BadName),
            run=_restore_mailbox,
        ),
    )


ENDPOINTS: Final = tuple(endpoint for owner in BOTH for endpoint in _of(owner))
