"""Accounts."""

from datetime import datetime
from functools import partial
from typing import Final

from attrs import asdict, frozen

from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.operations.accounts import MAX_REASON, after_row
from sora.operations.last_logins import login_fields
from sora.protocols.http.admin.credentials import (
    Credential,
    Hash,
    credential_of,
    password_field,
    password_hash_field,
    password_of,
)
from sora.protocols.http.admin.retention import Rule, rule_of
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import key_of, next_of, next_page, page_begin, page_length
from sora.protocols.http.values import said
from sora.storage.rows import AccountFilter, AccountRow


@frozen
class Account:
    """An account, and what it holds."""

    email: str = said("The primary address.", example="ann@example.com")
    mailboxes: int = said("How many mailboxes it has.", minimum=0)
    messages: int = said("How many messages are in them.", minimum=0)
    size: int = said("Octets of these messages.", minimum=0)
    created: datetime = said("When it was made.")
    deleted: datetime | None = said("When it was deleted; it can be restored for a while.")
    disabled: bool = said("Whether nobody can log in; its mail goes on to arrive.")
    disabled_since: datetime | None = said("Since when; null when it is not.")
    disabled_reason: str = said("What an operator wrote then; users never see it.")
    quota_storage: int | None = said("Octets that it may have; null is no limit.")
    quota_messages: int | None = said("Messages that it may have; null is no limit.")
    last_login: datetime | None = said("When somebody has last logged in; null: never.")
    last_login_protocol: str | None = said("By which protocol.", example="imap")
    last_login_address: str | None = said("From which address.", example="192.0.2.1")


@frozen
class AccountChange:
    """What is to change of an account; what is not there stays as it is."""

    disabled: bool | None = said(
        "Whether nobody may log in; sessions that are open are ended.", default=None
    )
    reason: str = said("Why it is disabled, for operators.", default="", max_length=MAX_REASON)


@frozen
class Accounts:
    """Some accounts, ascending by address."""

    items: tuple[Account, ...] = said("The accounts.")
    next: str | None = next_page()
    logins_since: datetime | None = said(
        "Where `inactive_since` is asked for: since when logins are noted. Who was here before"
        " that, and not since, is in the list, too."
    )


@frozen
class AccountsQuery:
    """Which accounts."""

    domain: str | None = said("Only accounts of this domain.", default=None, example="example.com")
    deleted: bool = said("Those that are deleted and can be restored.", default=False)
    disabled: bool | None = said("Only those that are disabled, or that are not.", default=None)
    prefix: str = said(
        "Only those whose address begins so, in any case.", default="", max_length=320
    )
    inactive_since: datetime | None = said(
        "Only those to which nobody has logged in since then, if ever.", default=None
    )
    cursor: str = page_begin()
    limit: int = page_length("Accounts of a page.")


@frozen
class NewAccount:
    """An account that is to be made, with INBOX, Drafts, Sent, Trash, Junk and Archive."""

    email: str = said("Its address.", example="ann@example.com", max_length=320)
    password: str | None = password_field()
    password_hash: str | None = password_hash_field()
    hash: Hash = said("How the password is stored.", default=Hash.BCRYPT)


@frozen
class AccountDetail(Account):
    """An account as a whole."""

    restorable_until: datetime | None = said(
        "Until when a deleted one can be restored; null when it is not deleted."
    )
    quota_mailboxes: int | None = said("Mailboxes that it may have; null is no limit.")
    addresses: tuple[Credential, ...] = said("The addresses that log in, the primary one first.")
    aliases: tuple[str, ...] = said("The addresses that only receive.")
    script: str | None = said("The name of the active Sieve script; null for none.")
    retention: tuple[Rule, ...] = said(
        "How long its messages may stay; the first rule that fits counts."
    )


def account_of(row: AccountRow) -> Account:
    """An account as it is shown."""
    return Account(
        email=row.address,
        mailboxes=row.mailboxes,
        messages=row.messages,
        size=row.storage,
        created=row.created_at,
        deleted=row.deleted_at,
        disabled=row.disabled,
        disabled_since=row.disabled_at,
        disabled_reason=row.disabled_reason,
        quota_storage=row.quota_storage,
        quota_messages=row.quota_messages,
        **login_fields(row.last_login),
    )


async def _list(nouns: Nouns, call: Call) -> Accounts:
    asked: AccountsQuery = call.query
    after = key_of(asked.cursor)
    which = AccountFilter(
        asked.domain, asked.deleted, asked.disabled, asked.prefix, asked.inactive_since
    )
    rows = await nouns.accounts.page(which, after, asked.limit)
    following = next_of(rows, asked.limit, after_row)
    since = None if asked.inactive_since is None else await nouns.accounts.logins_since()
    return Accounts(
        items=tuple([account_of(row) for row in rows]), next=following, logins_since=since
    )


async def _create(nouns: Nouns, call: Call) -> Account:
    new: NewAccount = call.body
    return account_of(await nouns.accounts.create(new.email, *password_of(new)))


async def _show(nouns: Nouns, call: Call) -> AccountDetail:
    detail = await nouns.details.show(call.path["email"])
    return AccountDetail(
        **asdict(account_of(detail.account)),
        restorable_until=detail.restorable_until,
        quota_mailboxes=None if detail.quota is None else detail.quota.limits.mailboxes,
        addresses=tuple([credential_of(row) for row in detail.credentials]),
        aliases=tuple([row.address for row in detail.aliases]),
        script=detail.script,
        retention=tuple([rule_of(rule) for rule in detail.retention]),
    )


async def _change(nouns: Nouns, call: Call) -> Account:
    change: AccountChange = call.body
    email = call.path["email"]
    if change.reason and not change.disabled:
        raise BadArgument("A reason is for an account that is to be disabled")
    if change.disabled is None:
        return account_of(await nouns.accounts.show(email))
    if not change.disabled:
        return account_of(await nouns.accounts.enable(email))
    row = await nouns.accounts.disable(email, change.reason)
    nouns.connections.close(row.address)
    return account_of(row)


async def _delete(nouns: Nouns, call: Call) -> None:
    row = await nouns.accounts.delete(call.path["email"])
    nouns.connections.close(row.address)


async def _restore(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.restore(call.path["email"])


_endpoint = partial(Endpoint, group="accounts")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/accounts",
        name="listAccounts",
        summary="List accounts, with what they hold",
        query=AccountsQuery,
        answer=Accounts,
        errors=(BadArgument, NoSuchAccount),
        run=_list,
    ),
    _endpoint(
        method="POST",
        path="/accounts",
        name="createAccount",
        summary="Make an account",
        scope=Scope.WRITE,
        body=NewAccount,
        answer=Account,
        status=201,
        place="/accounts/{answer.email}",
        changes="made the account {answer.email}",
        about=("email",),
        errors=(AlreadyExists, BadArgument),
        run=_create,
    ),
    _endpoint(
        method="GET",
        path="/accounts/{email}",
        name="showAccount",
        summary="Show an account as a whole, by any of its addresses",
        answer=AccountDetail,
        errors=(NoSuchAccount, BadArgument),
        run=_show,
    ),
    _endpoint(
        method="PATCH",
        path="/accounts/{email}",
        name="changeAccount",
        summary="Disable an account, and end its sessions; or enable it",
        scope=Scope.WRITE,
        body=AccountChange,
        answer=Account,
        changes="changed the account {email} (disabled: {answer.disabled})",
        errors=(NoSuchAccount, BadArgument),
        run=_change,
    ),
    _endpoint(
        method="DELETE",
        path="/accounts/{email}",
        name="deleteAccount",
        summary="Delete an account; it can be restored within the grace period",
        scope=Scope.WRITE,
        changes="deleted the account {email}",
        errors=(NoSuchAccount, BadArgument),
        run=_delete,
    ),
    _endpoint(
        method="POST",
        path="/accounts/{email}/restore",
        name="restoreAccount",
        summary="Undo the deletion of an account",
        scope=Scope.WRITE,
        changes="restored the account {email}",
        errors=(NoSuchAccount, BadArgument),
        run=_restore,
    ),
)
