"""Accounts, and the addresses of an account."""

from datetime import datetime
from enum import Enum
from typing import Any, Final

from attrs import asdict, frozen

from sora.auth.schemes import description_of
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.operations.accounts import HASHED, MAX_REASON, after_row
from sora.protocols.http.admin.retention import Rule, rule_of
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import LONGEST, cursor_of, key_of
from sora.protocols.http.values import said
from sora.storage.rows import AccountFilter, AccountRow, CredentialRow, LastLogin


class Hash(Enum):
    """How a password is stored."""

    BCRYPT = "bcrypt"
    SSHA512 = "ssha512"
    SHA512 = "sha512"


def _password() -> Any:
    return said(
        "The password; this, or `password_hash`.",
        default=None,
        min_length=1,
        max_length=1024,
        secret=True,
    )


def _password_hash() -> Any:
    return said(
        "Instead: a hash that was made elsewhere, as Dovecot and others write it (bcrypt,"
        " SHA512-CRYPT, SSHA512, SCRAM-SHA-256, ...).",
        default=None,
        min_length=1,
        max_length=1024,
        secret=True,
    )


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
    next: str | None = said("The cursor of the next page; null when this is the last.")


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
    cursor: str = said("Where the page begins: `next` of the one before.", default="")
    limit: int = said("Accounts of a page.", default=100, minimum=1, maximum=LONGEST)


@frozen
class NewAccount:
    """An account that is to be made, with INBOX, Drafts, Sent, Trash, Junk and Archive."""

    email: str = said("Its address.", example="ann@example.com", max_length=320)
    password: str | None = _password()
    password_hash: str | None = _password_hash()
    hash: Hash = said("How the password is stored.", default=Hash.BCRYPT)


@frozen
class NewAddress:
    """An address that is to be added to an account."""

    email: str = said("The address.", example="sales@example.com", max_length=320)
    password: str | None = _password()
    password_hash: str | None = _password_hash()
    hash: Hash = said("How the password is stored.", default=Hash.BCRYPT)
    primary: bool = said(
        "Whether the account is known by it from now on (in the same domain).", default=False
    )


@frozen
class NewPassword:
    """Another password."""

    password: str | None = _password()
    password_hash: str | None = _password_hash()
    hash: Hash = said("How it is stored.", default=Hash.BCRYPT)


@frozen
class AddressChange:
    """What is to change of an address."""

    primary: bool = said("That the account is known by it from now on; always true.")


@frozen
class Credential:
    """An address that logs in to an account, and at which it receives."""

    email: str = said("The address.", example="sales@example.com")
    primary: bool = said("Whether it is the account's primary address.")
    secrets: tuple[str, ...] = said("The kinds of secrets that it has.", example=["password"])
    schemes: tuple[str, ...] = said(
        "How they are stored, without anything of a hash.", example=["bcrypt, cost 12"]
    )
    created: datetime = said("When it was made.")
    updated: datetime = said("When its secrets were last changed.")
    last_login: datetime | None = said("When somebody has last logged in with it; null: never.")
    last_login_protocol: str | None = said("By which protocol.", example="imap")
    last_login_address: str | None = said("From which address.", example="192.0.2.1")


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
        disabled=row.disabled,
        disabled_since=row.disabled_at,
        disabled_reason=row.disabled_reason,
        quota_storage=row.quota_storage,
        quota_messages=row.quota_messages,
        **_login(row.last_login),
    )


def _login(login: LastLogin | None) -> dict[str, Any]:
    return {
        "last_login": None if login is None else login.at,
        "last_login_protocol": None if login is None else login.protocol,
        "last_login_address": None if login is None else login.address,
    }


def _credential(row: CredentialRow) -> Credential:
    return Credential(
        email=row.address,
        primary=row.primary,
        secrets=tuple(row.kinds),
        schemes=tuple([description_of(secret.verifier) for secret in row.secrets]),
        created=row.created_at,
        updated=row.updated_at,
        **_login(row.last_login),
    )


def _password_of(body: NewAccount | NewAddress | NewPassword) -> tuple[str, str]:
    """What is given as a password, and its scheme. Raises BadArgument unless it is one thing."""
    if (body.password is None) == (body.password_hash is None):
        raise BadArgument("Give password or password_hash: one of the two")
    if body.password is not None:
        return body.password, body.hash.value
    return body.password_hash or "", HASHED


async def _list(nouns: Nouns, call: Call) -> Accounts:
    asked: AccountsQuery = call.query
    after = key_of(asked.cursor)
    which = AccountFilter(
        asked.domain, asked.deleted, asked.disabled, asked.prefix, asked.inactive_since
    )
    rows = await nouns.accounts.page(which, after, asked.limit)
    is_last = len(rows) < asked.limit
    following = None if is_last else cursor_of(after_row(rows[-1]))
    return Accounts(items=tuple([account_of(row) for row in rows]), next=following)


async def _create(nouns: Nouns, call: Call) -> Account:
    new: NewAccount = call.body
    return account_of(await nouns.accounts.create(new.email, *_password_of(new)))


async def _show(nouns: Nouns, call: Call) -> AccountDetail:
    detail = await nouns.details.show(call.path["email"])
    return AccountDetail(
        **asdict(account_of(detail.account)),
        restorable_until=detail.restorable_until,
        quota_mailboxes=None if detail.quota is None else detail.quota.limits.mailboxes,
        addresses=tuple([_credential(row) for row in detail.credentials]),
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


async def _set_password(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.update(call.path["email"], *_password_of(call.body))


async def _delete(nouns: Nouns, call: Call) -> None:
    row = await nouns.accounts.delete(call.path["email"])
    nouns.connections.close(row.address)


async def _restore(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.restore(call.path["email"])


async def _list_credentials(nouns: Nouns, call: Call) -> Credentials:
    rows = await nouns.credentials.list(call.path["email"])
    return Credentials(items=tuple([_credential(row) for row in rows]))


async def _add_credential(nouns: Nouns, call: Call) -> Credential:
    new: NewAddress = call.body
    row = await nouns.credentials.add(call.path["email"], new.email, *_password_of(new))
    if new.primary:
        await nouns.credentials.make_primary(row.address)
        row = await nouns.credentials.show(row.address)
    return _credential(row)


async def _show_credential(nouns: Nouns, call: Call) -> Credential:
    return _credential(await nouns.credentials.show(call.path["email"]))


async def _change_credential(nouns: Nouns, call: Call) -> Credential:
    if not call.body.primary:
        raise BadArgument("Make another address the primary one: an account always has one")
    await nouns.credentials.make_primary(call.path["email"])
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
        body=NewAddress,
        answer=Credential,
        status=201,
        place="/credentials/{answer.email}",
        changes="added the address {answer.email} to the account {email}",
        about=("email",),
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
        method="PATCH",
        path="/credentials/{email}",
        name="changeCredential",
        summary="Make an address the primary one of its account, by which it is known",
        scope=Scope.WRITE,
        body=AddressChange,
        answer=Credential,
        changes="made {email} the primary address of its account",
        errors=(NoSuchAccount, BadArgument),
        run=_change_credential,
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
