"""`sora-admin domains …`"""

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from sora.admin.command import Command, CommandFailed, Report, Store
from sora.storage.rows import DomainRow

COLUMNS = ["domain", "accounts", "aliases", "catch-all", "alias of", "created"]
NONE: Final = "none"
"""takes away what is set"""


def _add_domain(parser: ArgumentParser) -> None:
    parser.add_argument("--domain", required=True, help="the domain")


def _fields(row: DomainRow) -> dict[str, Any]:
    return {
        "domain": row.name,
        "accounts": row.accounts,
        "aliases": row.aliases,
        "catch-all": row.catch_all,
        "alias of": row.alias_of,
        "created": row.created_at,
        "purging_since": row.purging_at,
    }


class Create(Command):
    """Make a domain."""

    words = ("domains", "create")
    summary = "make a domain; the first account in it makes it too"
    examples = ("domains create --domain example.net",)

    def arguments(self, parser: ArgumentParser) -> None:
        _add_domain(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.domains.create(given.domain)
        report.say(f"made the domain {row.name}", **_fields(row))


class ListDomains(Command):
    """List domains."""

    words = ("domains", "list")
    summary = "list domains, with what is in them and who takes what is nobody's"
    examples = ("domains list",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(COLUMNS, [_fields(row) for row in await store.domains.list()])


class Show(Command):
    """Show a domain."""

    words = ("domains", "show")
    summary = "show a domain"
    examples = ("domains show --domain example.com --json",)

    def arguments(self, parser: ArgumentParser) -> None:
        _add_domain(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(COLUMNS, [_fields(await store.domains.show(given.domain))])


class Set(Command):
    """Set who receives mail."""

    words = ("domains", "set")
    summary = "say who takes mail for what is nobody's address, or of which domain it is an alias"
    examples = (
        "domains set --domain example.com --catch-all ann@example.com",
        "domains set --domain example.com --catch-all none",
        "domains set --domain example.net --alias-of example.com",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        _add_domain(parser)
        parser.add_argument(
            "--catch-all",
            metavar="ADDRESS",
            help="an address of the account that takes it; `none`: it is refused",
        )
        parser.add_argument(
            "--alias-of",
            metavar="DOMAIN",
            help="mail is for the same name in that domain; `none`: the domain is its own",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.catch_all is None and given.alias_of is None:
            raise CommandFailed("nothing to set: name --catch-all or --alias-of")
        if given.alias_of is not None:
            await store.domains.set_alias_of(given.domain, _given(given.alias_of))
        if given.catch_all is not None:
            await store.domains.set_catch_all(given.domain, _given(given.catch_all))
        report.table(COLUMNS, [_fields(await store.domains.show(given.domain))])


class Delete(Command):
    """Remove a domain."""

    words = ("domains", "delete")
    summary = "remove a domain in which there is nothing"
    examples = ("domains delete --domain example.net --yes",)
    destroys = "Remove the domain {domain}?"

    def arguments(self, parser: ArgumentParser) -> None:
        _add_domain(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.domains.delete(given.domain)
        report.say(f"removed the domain {given.domain}", domain=given.domain)


def _given(text: str) -> str | None:
    return None if text.lower() == NONE else text
