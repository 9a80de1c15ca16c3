"""`sora-admin mailbox …`"""

from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, Report, Store
from sora.admin.output import Octets
from sora.admin.owners import add_mailbox, add_owner, owner_of
from sora.mail.mailbox_names import name_key


class _OfOne(Command):
    """A command about one mailbox."""

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        add_mailbox(parser)


class ListMailboxes(Command):
    """List mailboxes."""

    words = ("mailbox", "list")
    summary = "list mailboxes, and how much is in them"
    examples = ("mailbox list --email ann@example.com", "mailbox list --domain example.com --json")

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        listing = await store.mailbox.list(owner_of(given))
        subscribed = {name_key(name) for name in listing.subscriptions}
        report.table(
            ["mailbox", "messages", "unseen", "size", "use", "subscribed"],
            [
                {
                    "mailbox": row.name,
                    "messages": row.messages,
                    "unseen": row.unseen,
                    "size": Octets(row.size),
                    "use": row.special_use,
                    "subscribed": name_key(row.name) in subscribed,
                }
                for row in listing.mailboxes
            ],
        )


class Status(_OfOne):
    """Show one mailbox."""

    words = ("mailbox", "status")
    summary = "show the counters of a mailbox, and the numbers that clients know it by"
    examples = ("mailbox status --email ann@example.com --mailbox INBOX",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.mailbox.status(owner_of(given), given.mailbox)
        facts = {
            "mailbox": row.name,
            "messages": row.messages,
            "unseen": row.unseen,
            "deleted": row.deleted,
            "size": Octets(row.size),
            "deleted size": Octets(row.deleted_size),
            "use": row.special_use,
            "uidvalidity": row.uidvalidity,
            "uidnext": row.uidnext,
            "highest modseq": row.highest_modseq,
            "mailbox id": row.object_id,
        }
        report.table(["what", "value"], [{"what": k, "value": v} for k, v in facts.items()])


class Create(_OfOne):
    """Make a mailbox."""

    words = ("mailbox", "create")
    summary = "make a mailbox, and those above it that are missing"
    examples = ("mailbox create --email ann@example.com --mailbox Work/Reports",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.mailbox.create(owner_of(given), given.mailbox)
        report.say(f"made {row.name} of {owner_of(given)}", mailbox=row.name)


class Rename(_OfOne):
    """Rename a mailbox."""

    words = ("mailbox", "rename")
    summary = "rename a mailbox and all below it"
    examples = ("mailbox rename --email ann@example.com --mailbox Work --to Archive/Work",)

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--to", required=True, metavar="NAME", help="its new name")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailbox.rename(owner_of(given), given.mailbox, given.to)
        report.say(f"{given.mailbox} is {given.to} now", mailbox=given.mailbox, to=given.to)


class Delete(_OfOne):
    """Delete a mailbox."""

    words = ("mailbox", "delete")
    summary = "delete a mailbox with its messages"
    examples = ("mailbox delete --email ann@example.com --mailbox Work --yes",)
    destroys = "Delete the mailbox {mailbox} with its messages?"

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailbox.delete(owner_of(given), given.mailbox)
        report.say(f"deleted {given.mailbox} of {owner_of(given)}", mailbox=given.mailbox)


class Subscribe(_OfOne):
    """Subscribe to a name."""

    words = ("mailbox", "subscribe")
    summary = "add a name to the subscriptions"
    examples = ("mailbox subscribe --email ann@example.com --mailbox Work",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailbox.subscribe(owner_of(given), given.mailbox)
        report.say(f"subscribed to {given.mailbox}", mailbox=given.mailbox, subscribed=True)


class Unsubscribe(_OfOne):
    """Subscribe to a name no longer."""

    words = ("mailbox", "unsubscribe")
    summary = "remove a name from the subscriptions"
    examples = ("mailbox unsubscribe --email ann@example.com --mailbox Work",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailbox.unsubscribe(owner_of(given), given.mailbox)
        report.say(
            f"not subscribed to {given.mailbox} any longer",
            mailbox=given.mailbox,
            subscribed=False,
        )
