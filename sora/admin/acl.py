"""`sora-admin acl …` and `sora-admin shared …`"""

from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, Report, Store
from sora.admin.owners import add_mailbox, add_owner, owner_of


def _add_user(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--user", required=True, metavar="ADDRESS", help="who; `anyone` is everybody in the domain"
    )


class Show(Command):
    """Show rights."""

    words = ("acl", "show")
    summary = "show who has rights on a mailbox, beside its owner"
    examples = (
        "acl show --email ann@example.com --mailbox Work",
        "acl show --domain example.com --mailbox Team",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        add_mailbox(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        entries = await store.acl.show(owner_of(given), given.mailbox)
        rows = [{"user": user, "rights": rights} for user, rights in entries]
        report.table(["user", "rights"], rows)


class Set(Command):
    """Give rights."""

    words = ("acl", "set")
    summary = "give a user rights on a mailbox; with + or - in front: more or fewer"
    examples = (
        "acl set --email ann@example.com --mailbox Work --user bob@example.com --rights lrs",
        "acl set --domain example.com --mailbox Team --user anyone --rights=+i",
        "acl set --domain example.com --mailbox Team --user anyone --rights=-i",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        add_mailbox(parser)
        _add_user(parser)
        parser.add_argument(
            "--rights", required=True, metavar="LETTERS", help="of lrswipkxtea (RFC 4314)"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rights = await store.acl.set(owner_of(given), given.mailbox, given.user, given.rights)
        report.say(
            f"{given.user} has {rights or 'no rights'} on {given.mailbox} of {owner_of(given)}",
            user=given.user,
            mailbox=given.mailbox,
            rights=rights,
        )


class Delete(Command):
    """Take rights away."""

    words = ("acl", "delete")
    summary = "take all rights on a mailbox from a user"
    examples = ("acl delete --email ann@example.com --mailbox Work --user bob@example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        add_mailbox(parser)
        _add_user(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.acl.delete(owner_of(given), given.mailbox, given.user)
        report.say(
            f"{given.user} has no rights on {given.mailbox} of {owner_of(given)}",
            user=given.user,
            mailbox=given.mailbox,
        )


class CreateShared(Command):
    """Make a mailbox of a domain."""

    words = ("shared", "create")
    summary = "make a mailbox that belongs to a domain, and give a user rights on it"
    examples = (
        "shared create --domain example.com --mailbox Team --user ann@example.com",
        "shared create --domain example.com --mailbox News --user ann@example.com --rights lri",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", required=True, help="the domain whose it will be")
        add_mailbox(parser)
        parser.add_argument(
            "--user", required=True, metavar="ADDRESS", help="a user of the domain, who has rights"
        )
        parser.add_argument(
            "--rights",
            default="lrswipkxtea",
            metavar="LETTERS",
            help="of lrswipkxtea (default: all)",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.acl.create_shared(given.domain, given.mailbox, given.user, given.rights)
        report.say(f"made {row.name} of {given.domain}", mailbox=row.name, domain=given.domain)


class ListShared(Command):
    """List the mailboxes of a domain."""

    words = ("shared", "list")
    summary = "list the mailboxes that belong to a domain"
    examples = ("shared list --domain example.com",)

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", required=True, help="the domain")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = await store.acl.list_shared(given.domain)
        report.table(
            ["mailbox", "messages", "unseen", "size"],
            [
                {
                    "mailbox": row.name,
                    "messages": row.messages,
                    "unseen": row.unseen,
                    "size": row.size,
                }
                for row in rows
            ],
        )
