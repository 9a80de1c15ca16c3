"""`sora-admin credentials …`"""

from argparse import ArgumentParser, Namespace

from sora.admin.accounts import add_email, credential_fields
from sora.admin.command import Command, Report, Store


class Show(Command):
    """Show an address."""

    words = ("credentials", "show")
    summary = "show an address that logs in, and what is stored for it"
    examples = ("credentials show --email sales@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "the address")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.credentials.show(given.email)
        account = next(
            other.address for other in await store.credentials.list(given.email) if other.primary
        )
        columns = ["email", "account", "primary", "schemes", "created", "updated"]
        report.table(columns, [{**credential_fields(row), "account": account}])


class MakePrimary(Command):
    """Make an address the primary one."""

    words = ("credentials", "make-primary")
    summary = "let an account be known and listed by this address of it"
    examples = ("credentials make-primary --email ann.b@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "an address that logs in to the account, of the same domain")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.credentials.make_primary(given.email)
        report.say(f"{given.email} is the primary address of its account", email=given.email)


class Delete(Command):
    """Remove an address."""

    words = ("credentials", "delete")
    summary = "remove an address from its account; the primary one stays"
    examples = ("credentials delete --email sales@example.com --yes",)
    destroys = "Remove the address {email}? It can no longer log in or receive mail."

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser, "the address")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.credentials.delete(given.email)
        report.say(f"removed {given.email}", email=given.email)
