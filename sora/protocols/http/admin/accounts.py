"""Accounts, and the addresses of an account."""

from datetime import datetime
from enum import Enum
from typing import Any, Final

from attrs import frozen

from sora.addresses import parse_address
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import LONGEST, cursor_of, key_of
from sora.protocols.http.values import said
from sora.storage.rows import AccountRow, CredentialRow


class Hash(Enum):
    """How a password is stored."""

    BCRYPT = "bcrypt"
    SSHA512 = "ssha512"
    SHA512 = "sha512"


@frozen
class Account:
    """An account, and what it holds."""

    email: str = said("The primary address.", example="ann@example.com")
    mailboxes: int = said("How many mailboxes it has.", minimum=0)
    messages: int = said("How many messages are in them.", minimum=0)
    size: int = said("Octets of these messages.", minimum=0)
    created: datetime = said("When it was made.")
    deleted: datetime | None = said("When it was deleted; it can be restored for a while.")
    quota_storage: int | None = said("Octets that it may have; null is no limit.")
    quota_messages: int | None = said("Messages that it may have; null is no limit.")


@frozen
class Accounts:
    """Some accounts, ascending by address."""

    items: tuple[Account, ...] = said("The accounts.")
    next: str | None = said("The cursor of the next page; null when this is the last.")


@frozen
class AccountsQuery:
    """Which accounts."""

    domain: str | None = said("Only accounts of this domain.", default=None, example="example.com")
    deleted: bool = said("Those that are deleted and can be restored.", default=False)
    cursor: str = said("Where the page begins: `next` of the one before.", default="")
    limit: int = said("Accounts of a page.", default=100, minimum=1, maximum=LONGEST)


@frozen
class NewAccount:
    """An account that is to be made, with INBOX, Drafts, Sent, Trash, Junk and Archive."""

    email: str = said("Its address.", example="ann@example.com", max_length=320)
    password: str = said("Its password.", min_length=1, max_length=1024, secret=True)
    hash: Hash = said("How the password is stored.", default=Hash.BCRYPT)


@frozen
class NewPassword:
    """Another password."""

    password: str = said("The password.", min_length=1, max_length=1024, secret=True)
    hash: Hash = said("How it is stored.", default=Hash.BCRYPT)


@frozen
class Credential:
    """An address that logs in to an account, and at which it receives."""

    email: str = said("The address.", example="sales@example.com")
    primary: bool = said("Whether it is the account's primary address.")
    secrets: tuple[str, ...] = said("The kinds of secrets that it has.", example=["password"])
    created: datetime = said("When it was made.")
    updated: datetime = said("When its secrets were last changed.")


@frozen
class Credentials:
    """All addresses of an account."""

    items: tuple[Credential, ...] = said("The addresses.")


def account_of(row: AccountRow) -> Account:
    """An account as it is shown."""
    return Account(
        email=row.address,
        mailboxes=row.mailboxes,
        messages=row.messages,
        size=row.storage,
        created=row.created_at,
        deleted=row.deleted_at,
        quota_storage=row.quota_storage,
        quota_messages=row.quota_messages,
    )


def _credential(row: CredentialRow) -> Credential:
    return Credential(
        email=row.address,
        primary=row.primary,
        secrets=tuple(row.kinds),
        created=row.created_at,
        updated=row.updated_at,
    )


async def _list(nouns: Nouns, call: Call) -> Accounts:
    asked: AccountsQuery = call.query
    after = key_of(asked.cursor)
    rows = await nouns.accounts.page(asked.domain, asked.deleted, after, asked.limit)
    is_last = len(rows) < asked.limit
    following = None if is_last else cursor_of(parse_address(rows[-1].address, "").key)
    return Accounts(items=tuple([account_of(row) for row in rows]), next=following)


async def _create(nouns: Nouns, call: Call) -> Account:
    new: NewAccount = call.body
    return account_of(await nouns.accounts.create(new.email, new.password, new.hash.value))


async def _show(nouns: Nouns, call: Call) -> Account:
    return account_of(await nouns.accounts.show(call.path["email"]))


async def _set_password(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.update(call.path["email"], call.body.password, call.body.hash.value)


async def _delete(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.delete(call.path["email"])


async def _restore(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.restore(call.path["email"])


async def _list_credentials(nouns: Nouns, call: Call) -> Credentials:
    rows = await nouns.credentials.list(call.path["email"])
    return Credentials(items=tuple([_credential(row) for row in rows]))


async def _add_credential(nouns: Nouns, call: Call) -> Credential:
    new: NewAccount = call.body
    row = await nouns.credentials.add(call.path["email"], new.email, new.password, new.hash.value)
    return _credential(row)


async def _show_credential(nouns: Nouns, call: Call) -> Credential:
    return _credential(await nouns.credentials.show(call.path["email"]))


async def _delete_credential(nouns: Nouns, call: Call) -> None:
    await nouns.credentials.delete(call.path["email"])


def _endpoint(**fields: Any) -> Endpoint:
    return Endpoint(group="accounts", **fields)


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/accounts",
        name="listAccounts",
        summary="List accounts, with what they hold",
        query=AccountsQuery,
        answer=Accounts,
        errors=(BadArgument,),
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
        errors=(AlreadyExists, BadArgument),
        run=_create,
    ),
    _endpoint(
        method="GET",
        path="/accounts/{email}",
        name="showAccount",
        summary="Show an account, by any of its addresses",
        answer=Account,
        errors=(NoSuchAccount, BadArgument),
        run=_show,
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
    _endpoint(
        method="PUT",
        path="/accounts/{email}/password",
        name="setPassword",
        summary="Set another password for an address",
        scope=Scope.WRITE,
        body=NewPassword,
        changes="set a password for {email}",
        errors=(NoSuchAccount, BadArgument),
        run=_set_password,
    ),
    _endpoint(
        method="GET",
        path="/accounts/{email}/credentials",
        name="listCredentials",
        summary="List the addresses of an account",
        answer=Credentials,
        errors=(NoSuchAccount, BadArgument),
        run=_list_credentials,
    ),
    _endpoint(
        method="POST",
        path="/accounts/{email}/credentials",
        name="addCredential",
        summary="Add an address, with a password of its own, to an account",
        scope=Scope.WRITE,
        body=NewAccount,
        answer=Credential,
        status=201,
        place="/credentials/{answer.email}",
        changes="added the address {answer.email} to the account {email}",
        errors=(AlreadyExists, NoSuchAccount, BadArgument),
        run=_add_credential,
    ),
    _endpoint(
        method="GET",
        path="/credentials/{email}",
        name="showCredential",
        summary="Show one address",
        answer=Credential,
        errors=(NoSuchAccount, BadArgument),
        run=_show_credential,
    ),
    _endpoint(
        method="DELETE",
        path="/credentials/{email}",
        name="deleteCredential",
        summary="Remove an address; the primary one of an account stays",
        scope=Scope.WRITE,
        changes="removed the address {email}",
        errors=(NoSuchAccount, BadArgument),
        run=_delete_credential,
    ),
)
