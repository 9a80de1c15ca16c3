"""Accounts, their addresses and secrets, and how much they may have."""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from sora.storage.rows.scripts import RecipientScripts


@frozen
class NewSecret:
    """A verifier to be stored with a credential.

    `kind` is `password` (a hash with its scheme in braces, or a bare bcrypt hash) or
    `scram-sha-256` (`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, base64 parts).
    """

    kind: str
    verifier: str = field(repr=False)


@frozen
class Secret:
    """A stored verifier; `name` and `scopes` are those of an app password."""

    kind: str
    verifier: str = field(repr=False)
    name: str = ""
    scopes: tuple[str, ...] = ()
    expires: datetime | None = None


@frozen
class Login:
    """What a login reads in its one round trip.

    `version` changes with every change of the credential's secrets: a cached verification
    counts only for the version it was made with (G54).
    """

    account_id: int
    scope_id: int
    credential_id: int
    address: str
    version: int
    disabled: bool
    secrets: tuple[Secret, ...]


@frozen
class LastLogin:
    """When somebody has last logged in, by which protocol, and from which address."""

    at: datetime
    protocol: str
    address: str


@frozen
class NewLogin:
    """That somebody has logged in with a credential, `age` seconds ago. From then on until the
    storage has noted it no clock is asked but one: how late it comes does not matter."""

    account_id: int
    credential_id: int
    age: float
    protocol: str
    address: str


@frozen
class AccountRow:
    """An account as an operator sees it. One that is disabled receives, and logs in nobody;
    `disabled_reason` is what the operator wrote then. `last_login` is by any of its addresses; None
    when nobody ever has."""

    id: int
    address: str
    scope_id: int
    created_at: datetime
    deleted_at: datetime | None
    quota_storage: int | None
    quota_messages: int | None
    mailboxes: int
    messages: int
    storage: int
    disabled: bool = False
    disabled_at: datetime | None = None
    disabled_reason: str = ""
    last_login: LastLogin | None = None


@frozen
class AccountFilter:
    """Which accounts: live ones, or with `deleted` those that can be restored; of a domain
    (folded); only those that are disabled, or that are not; those whose primary address key begins
    with `prefix`; those to which nobody has logged in since `inactive_since`, if ever."""

    domain: str | None = None
    deleted: bool = False
    disabled: bool | None = None
    prefix: str = ""
    inactive_since: datetime | None = None


@frozen
class CredentialRow:
    """An address with which one can log in to an account, and at which it receives; `last_login` is
    that with this address."""

    id: int
    account_id: int
    address: str
    primary: bool
    created_at: datetime
    updated_at: datetime
    secrets: tuple[Secret, ...]
    last_login: LastLogin | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its secrets."""
        return tuple(sorted({secret.kind for secret in self.secrets}))


@frozen
class Recipient:
    """What RCPT TO reads in its one round trip.

    `address` is the primary address of the account, `mailboxes` its live mailboxes by name
    key (`sora.mail.mailbox_names.name_key`), at least INBOX.
    """

    account_id: int
    scope_id: int
    address: str
    mailboxes: Mapping[str, int]
    quota_storage: int | None
    storage: int
    scripts: RecipientScripts = RecipientScripts()
    quota_messages: int | None = None
    messages: int = 0
    addresses: tuple[str, ...] = ()
    """all addresses of the account, the primary one first, if a script runs for it: else none"""
    uses: Mapping[str, int] = field(factory=dict)
    """mailboxes by special use (RFC 6154)"""
    object_ids: Mapping[str, int] = field(factory=dict)
    """mailboxes by MAILBOXID (RFC 8474)"""


@frozen
class AliasRow:
    """An address that only receives: mail for it is the account's, whose primary address
    `account` is."""

    address: str
    account_id: int
    account: str
    created_at: datetime


@frozen
class DomainRow:
    """A domain, in A-labels, with the number of live accounts and of aliases in it.

    `catch_all` is the primary address of the account that takes what is nobody's. Mail for an
    alias domain is for the same local part in `alias_of`. `purging_at` is since when it is being
    removed, with all that is in it.
    """

    name: str
    created_at: datetime
    accounts: int
    aliases: int
    catch_all: str | None = None
    alias_of: str | None = None
    purging_at: datetime | None = None


@frozen
class QuotaLimits:
    """How much an account may have: octets, messages, mailboxes; None is no limit."""

    storage: int | None = None
    messages: int | None = None
    mailboxes: int | None = None


@frozen
class Quota:
    """What an account has of each, and how much it may have."""

    storage: int
    messages: int
    mailboxes: int
    limits: QuotaLimits
