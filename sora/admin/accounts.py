"""`sora-admin accounts …`"""

from argparse import ArgumentParser, Namespace
from typing import Any

from sora.admin.command import Command, Report, Store
from sora.auth.passwords import SCHEMES
from sora.storage.rows import AccountRow, CredentialRow


def add_email(parser: ArgumentParser, what: str = "the address of the account") -> None:
    """`--email`, which nearly every command has."""
    parser.add_argument("--email", required=True, metavar="ADDRESS", help=what)


def add_password(parser: ArgumentParser) -> None:
    """`--password` and `--hash`."""
    parser.add_argument("--password", help="the password; asked for, or read from stdin, without")
    parser.add_argument(
        "--hash", choices=SCHEMES, default="bcrypt", help="how it is stored (default: bcrypt)"
    )


class Create(Command):
    """Make an account."""

    words = ("accounts", "create")
    summary = "make an account, with INBOX, Drafts, Sent, Trash, Junk and Archive"
    examples = (
        "accounts create --email ann@example.com",
        "accounts create --email ann@example.com --hash ssha512 < password.txt",
    )
    wants_password = True

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "the address of the new account")
        add_password(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.accounts.create(given.email, given.password, given.hash)
        report.say(f"created {row.address}", **account_fields(row))


class Update(Command):
    """Set a password."""

    words = ("accounts", "update")
    summary = "set another password for an address"
    examples = ("accounts update --email ann@example.com",)
    wants_password = True

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
        "accounts list --deleted",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", help="only accounts of this domain")
        parser.add_argument(
            "--deleted", action="store_true", help="those that are deleted and can be restored"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = await store.accounts.list(given.domain, given.deleted)
        columns = ["email", "mailboxes", "messages", "size", "created"]
        if given.deleted:
            columns.append("deleted")
        report.table(columns, [account_fields(row) for row in rows])


class Delete(Command):
    """Delete an account."""

    words = ("accounts", "delete")
    summary = "delete an account; it can be restored within the grace period"
    examples = ("accounts delete --email ann@example.com --yes",)
    destroys = "Delete the account {email}? It can be restored within the grace period."

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.accounts.delete(given.email)
        report.say(f"deleted {given.email}", email=given.email)


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


class AddCredential(Command):
    """Add an address."""

    words = ("accounts", "credentials", "add")
    summary = "add an address, with a password of its own, to an account"
    examples = ("accounts credentials add --email ann@example.com --alias sales@example.com",)
    wants_password = True

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)
        parser.add_argument("--alias", required=True, metavar="ADDRESS", help="the new address")
        add_password(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.credentials.add(given.email, given.alias, given.password, given.hash)
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
        columns = ["email", "primary", "secrets", "created"]
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
        "quota_storage": row.quota_storage,
        "quota_messages": row.quota_messages,
    }


def credential_fields(row: CredentialRow) -> dict[str, Any]:
    """A credential as a row of a table, or a JSON object. Verifiers are never shown."""
    return {
        "email": row.address,
        "primary": row.primary,
        "secrets": list(row.kinds),
        "created": row.created_at,
        "updated": row.updated_at,
    }
