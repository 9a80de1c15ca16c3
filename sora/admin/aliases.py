"""`sora-admin aliases …`"""

from argparse import ArgumentParser, Namespace
from typing import Any

from sora.admin.accounts import add_email
from sora.admin.command import Command, Report, Store
from sora.storage.rows import AliasRow

COLUMNS = ["alias", "account", "created"]


def _add_alias(parser: ArgumentParser) -> None:
    parser.add_argument("--alias", required=True, metavar="ADDRESS", help="the alias")


def _fields(row: AliasRow) -> dict[str, Any]:
    return {"alias": row.address, "account": row.account, "created": row.created_at}


class Create(Command):
    """Add an alias."""

    words = ("aliases", "create")
    summary = "let mail for another address be an account's; nobody logs in with it"
    examples = ("aliases create --email ann@example.com --alias sales@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)
        _add_alias(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.aliases.create(given.email, given.alias)
        report.say(f"mail for {row.address} goes to {row.account}", **_fields(row))


class ListAliases(Command):
    """List aliases."""

    words = ("aliases", "list")
    summary = "list aliases: all, those of an account, or those in a domain"
    examples = (
        "aliases list --email ann@example.com",
        "aliases list --domain example.com --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--email", metavar="ADDRESS", help="an address of the account")
        which.add_argument("--domain", help="the domain that they are in")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = await store.aliases.list(given.email, given.domain)
        report.table(COLUMNS, [_fields(row) for row in rows])


class Show(Command):
    """Show an alias."""

    words = ("aliases", "show")
    summary = "show whose an alias is"
    examples = ("aliases show --alias sales@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        _add_alias(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(COLUMNS, [_fields(await store.aliases.show(given.alias))])


class Delete(Command):
    """Remove an alias."""

    words = ("aliases", "delete")
    summary = "remove an alias; what has come stays where it is"
    examples = ("aliases delete --alias sales@example.com --yes",)
    destroys = "Remove the alias {alias}? Mail for it is no longer received."

    def arguments(self, parser: ArgumentParser) -> None:
        _add_alias(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.aliases.delete(given.alias)
        report.say(f"removed the alias {given.alias}", alias=given.alias)
