"""`sora-admin accounts …`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.output import time_text
from sora.admin.passwords import WantsPassword, add_password
from sora.admin.times import moment_or_age
from sora.auth.schemes import description_of
from sora.operations.last_logins import login_fields
from sora.storage.rows import AccountFilter, AccountRow, CredentialRow

SORTS: Final[Mapping[str, Callable[[AccountRow], Any] | None]] = {
    "email": None,
    "created": lambda row: row.created_at,
    "messages": lambda row: row.messages,
    "size": lambda row: row.storage,
}
"""orders of a list: `email` is that of the database"""


def count(text: str) -> int:
    """A number of things, 1 at least. An argument's type."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000_000:
        raise ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def add_email(parser: ArgumentParser, what: str = "the address of the account") -> None:
    """`--email`, which nearly every command has."""
    parser.add_argument("--email", required=True, metavar="ADDRESS", help=what)


class Create(WantsPassword):
    """Make an account."""

    words = ("accounts", "create")
    summary = "make an account, with INBOX, Drafts, Sent, Trash, Junk and Archive"
    examples = (
        "accounts create --email ann@example.com",
        "accounts create --email ann@example.com --hash ssha512 < password.txt",
        "accounts create --email ann@example.com --password-file password.txt",
        "accounts create --email ann@example.com --password-hash - < hash.txt",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "the address of the new account")
        add_password(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.accounts.create(given.email, given.password, given.hash)
        report.say(f"created {row.address}", **account_fields(row))


class Update(WantsPassword):
    """Set a password."""

    words = ("accounts", "update")
    summary = "set another password for an address"
    examples = (
        "accounts update --email ann@example.com",
        "accounts update --email ann@example.com --password-file password.txt",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)
        add_password(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.accounts.update(given.email, given.password, given.hash)
        report.say(f"set a new password for {given.email}", email=given.email)


class ListAccounts(Command):
    """List accounts."""

    words = ("accounts", "list")
    summary = "list accounts with what they hold"
    examples = (
        "accounts list",
        "accounts list --domain example.com --json",
        "accounts list --prefix ann --limit 20",
        "accounts list --sort size --limit 10",
        "accounts list --disabled",
        "accounts list --inactive-since 90d",
        "accounts list --deleted",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", help="only accounts of this domain")
        parser.add_argument(
            "--prefix", default="", metavar="TEXT", help="only addresses that begin so"
        )
        parser.add_argument(
            "--deleted", action="store_true", help="those that are deleted and can be restored"
        )
        parser.add_argument(
            "--disabled", action="store_true", help="only those that nobody can log in to"
        )
        parser.add_argument(
            "--inactive-since",
            type=moment_or_age,
            metavar="TIME",
            help="only those to which nobody has logged in since then (2026-08-01, or 90d ago),"
            " among them those to which nobody ever has",
        )
        parser.add_argument(
            "--sort",
            choices=sorted(SORTS),
            default="email",
            help="by address (as without it), or the newest, the fullest first",
        )
        parser.add_argument("--limit", type=count, metavar="N", help="at most so many")
        parser.add_argument(
            "--after", default="", metavar="ADDRESS", help="go on after this address"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if given.after and given.sort != "email":
            raise CommandFailed("--after goes on in the order of addresses: it needs no --sort")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        which = AccountFilter(
            given.domain,
            given.deleted,
            given.disabled or None,
            given.prefix,
            given.inactive_since,
        )
        key = SORTS[given.sort]
        limit = None if key is not None else given.limit
        rows = await store.accounts.list(which, given.after, limit)
        if key is not None:
            rows = sorted(rows, key=key, reverse=True)[: given.limit]
        columns = ["email", "mailboxes", "messages", "size", "created", "disabled"]
        if given.inactive_since is not None:
            columns.append("last_login")
            await _tell_since(given.inactive_since, store, report)
        if given.deleted:
            columns.append("deleted")
        report.table(columns, [account_fields(row) for row in rows])


async def _tell_since(asked: datetime, store: Store, report: Report) -> None:
    """That not all of the time is known that is asked for."""
    since = await store.accounts.logins_since()
    if asked < since:
        report.note(
            f"logins are noted since {time_text(since)}: who was here before that, and not since,"
            " is in the list, too"
        )


class Delete(Command):
    """Delete an account."""

    words = ("accounts", "delete")
    summary = "delete an account; it can be restored within the grace period, unless it is purged"
    examples = (
        "accounts delete --email ann@example.com --yes",
        "accounts delete --email ann@example.com --purge",
    )
    destroys = "Delete the account {email}? {fate}"

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)
        parser.add_argument(
            "--purge",
            action="store_true",
            help="remove it with all its mail now and for good, also one that is deleted already",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.fate = "It can be restored within the grace period."
        if given.purge:
            given.fate = "All its mail is removed for good, and nothing brings it back."
        super().prepare(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.purge:
            await self._purge(given, store, report)
            return
        row = await store.accounts.delete(given.email)
        report.say(f"deleted {row.address}", email=row.address)

    async def _purge(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.accounts.purge(given.email)
        with report.progress() as progress:
            messages = await store.cleaning.remove_purged(
                lambda removed: progress.show(None, f"{removed} messages removed")
            )
        report.say(
            f"removed {row.address} for good, with {messages} messages",
            email=row.address,
            messages=messages,
        )


class Restore(Command):
    """Restore an account."""

    words = ("accounts", "restore")
    summary = "undo the deletion of an account"
    examples = ("accounts restore --email ann@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.accounts.restore(given.email)
        report.say(f"restored {given.email}", email=given.email)


class AddCredential(WantsPassword):
    """Add an address."""

    words = ("accounts", "credentials", "add")
    summary = "add an address, with a password of its own, to an account"
    examples = (
        "accounts credentials add --email ann@example.com --alias sales@example.com",
        "accounts credentials add --email ann@example.com --alias ann.b@example.com --make-primary",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)
        parser.add_argument("--alias", required=True, metavar="ADDRESS", help="the new address")
        add_password(parser)
        parser.add_argument(
            "--make-primary",
            action="store_true",
            help="let the account be known by it from now on (in the same domain)",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.credentials.add(given.email, given.alias, given.password, given.hash)
        if given.make_primary:
            await store.credentials.make_primary(row.address)
            row = await store.credentials.show(row.address)
        report.say(f"added {row.address} to {given.email}", **credential_fields(row))


class ListCredentials(Command):
    """List the addresses of an account."""

    words = ("accounts", "credentials", "list")
    summary = "list the addresses of an account"
    examples = ("accounts credentials list --email ann@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = await store.credentials.list(given.email)
        columns = ["email", "primary", "schemes", "created"]
        report.table(columns, [credential_fields(row) for row in rows])


def account_fields(row: AccountRow) -> dict[str, Any]:
    """An account as a row of a table, or a JSON object."""
    return {
        "email": row.address,
        "mailboxes": row.mailboxes,
        "messages": row.messages,
        "size": row.storage,
        "created": row.created_at,
        "deleted": row.deleted_at,
        "disabled": row.disabled,
        "disabled_since": row.disabled_at,
        "disabled_reason": row.disabled_reason,
        "quota_storage": row.quota_storage,
        "quota_messages": row.quota_messages,
        **login_fields(row.last_login),
    }


def credential_fields(row: CredentialRow) -> dict[str, Any]:
    """A credential as a row of a table, or a JSON object. Verifiers are never shown."""
    return {
        "email": row.address,
        "primary": row.primary,
        "secrets": list(row.kinds),
        "schemes": [description_of(secret.verifier) for secret in row.secrets],
        "created": row.created_at,
        "updated": row.updated_at,
        **login_fields(row.last_login),
    }
