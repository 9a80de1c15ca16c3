"""The addresses that log in to an account, and their passwords."""

from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, Final, Protocol

from attrs import frozen

from sora.auth.schemes import description_of
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.operations.accounts import HASHED
from sora.operations.last_logins import login_fields
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.storage.rows import CredentialRow


class Hash(Enum):
    """How a password is stored."""

    BCRYPT = "bcrypt"
    SSHA512 = "ssha512"
    SHA512 = "sha512"


class GivesPassword(Protocol):
    """What has a password in it, or a hash of one."""

    @property
    def password(self) -> str | None:
        """The password."""

    @property
    def password_hash(self) -> str | None:
        """The hash, made elsewhere."""

    @property
    def hash(self) -> Hash:
        """How the password is to be stored."""


def password_field() -> Any:
    """The field `password` of a request."""
    return said(
        "The password; this, or `password_hash`.",
        default=None,
        min_length=1,
        max_length=1024,
        secret=True,
    )


def password_hash_field() -> Any:
    """The field `password_hash` of a request."""
    return said(
        "Instead: a hash that was made elsewhere, as Dovecot and others write it (bcrypt,"
        " SHA512-CRYPT, SSHA512, SCRAM-SHA-256, ...).",
        default=None,
        min_length=1,
        max_length=1024,
        secret=True,
    )


@frozen
class NewAddress:
    """An address that is to be added to an account."""

    email: str = said("The address.", example="sales@example.com", max_length=320)
    password: str | None = password_field()
    password_hash: str | None = password_hash_field()
    hash: Hash = said("How the password is stored.", default=Hash.BCRYPT)
    primary: bool = said(
        "Whether the account is known by it from now on (in the same domain).", default=False
    )


@frozen
class NewPassword:
    """Another password."""

    password: str | None = password_field()
    password_hash: str | None = password_hash_field()
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
class Credentials:
    """All addresses of an account."""

    items: tuple[Credential, ...] = said("The addresses.")


def credential_of(row: CredentialRow) -> Credential:
    """A credential as it is shown. Verifiers never are."""
    return Credential(
        email=row.address,
        primary=row.primary,
        secrets=tuple(row.kinds),
        schemes=tuple([description_of(secret.verifier) for secret in row.secrets]),
        created=row.created_at,
        updated=row.updated_at,
        **login_fields(row.last_login),
    )


def password_of(body: GivesPassword) -> tuple[str, str]:
    """What is given as a password, and its scheme. Raises BadArgument unless it is one thing."""
    if (body.password is None) == (body.password_hash is None):
        raise BadArgument("Give password or password_hash: one of the two")
    if body.password is not None:
        return body.password, body.hash.value
    return body.password_hash or "", HASHED


async def _set_password(nouns: Nouns, call: Call) -> None:
    await nouns.accounts.update(call.path["email"], *password_of(call.body))


async def _list_credentials(nouns: Nouns, call: Call) -> Credentials:
    rows = await nouns.credentials.list(call.path["email"])
    return Credentials(items=tuple([credential_of(row) for row in rows]))


async def _add_credential(nouns: Nouns, call: Call) -> Credential:
    new: NewAddress = call.body
    row = await nouns.credentials.add(call.path["email"], new.email, *password_of(new))
    if new.primary:
        await nouns.credentials.make_primary(row.address)
        row = await nouns.credentials.show(row.address)
    return credential_of(row)


async def _show_credential(nouns: Nouns, call: Call) -> Credential:
    return credential_of(await nouns.credentials.show(call.path["email"]))


async def _change_credential(nouns: Nouns, call: Call) -> Credential:
    if not call.body.primary:
        raise BadArgument("Make another address the primary one: an account always has one")
    await nouns.credentials.make_primary(call.path["email"])
    return credential_of(await nouns.credentials.show(call.path["email"]))


async def _delete_credential(nouns: Nouns, call: Call) -> None:
    await nouns.credentials.delete(call.path["email"])


_endpoint = partial(Endpoint, group="accounts")


ENDPOINTS: Final = (
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
