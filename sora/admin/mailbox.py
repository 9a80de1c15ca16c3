"""`sora-admin mailbox …`"""

from argparse import ArgumentParser, Namespace
from typing import Any

from attrs import asdict

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.messages import FEW, flag_names
from sora.admin.output import Octets
from sora.admin.owners import add_mailbox, add_owner, owner_of
from sora.admin.times import moment
from sora.mail.mailbox_names import name_key
from sora.operations.past import Entry


class _OfOne(Command):
    """A command about one mailbox."""

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        add_mailbox(parser)


class ListMailboxes(Command):
    """List mailboxes."""

    words = ("mailbox", "list")
    summary = "list mailboxes, and how much is in them"
    examples = (
        "mailbox list --email ann@example.com",
        "mailbox list --domain example.com --json",
        "mailbox list --email ann@example.com --subscribed",
        "mailbox list --email ann@example.com --deleted",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--deleted", action="store_true", help="those that were deleted and can be restored"
        )
        which.add_argument("--subscribed", action="store_true", help="only those that clients show")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.deleted:
            await self._deleted(given, store, report)
            return
        listing = await store.mailboxes.list(owner_of(given))
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
                if name_key(row.name) in subscribed or not given.subscribed
            ],
        )

    async def _deleted(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(
            ["mailbox", "number", "deleted", "messages", "size", "kept until"],
            [
                {
                    "mailbox": each.name,
                    "number": each.id,
                    "deleted": each.deleted_at,
                    "messages": each.messages,
                    "size": Octets(each.size),
                    "kept until": each.grace_from + store.restoring.grace,
                }
                for each in await store.restoring.deleted_mailboxes(owner_of(given))
            ],
        )


class Status(_OfOne):
    """Show one mailbox."""

    words = ("mailbox", "status")
    summary = "show the counters of a mailbox, and the numbers that clients know it by"
    examples = ("mailbox status --email ann@example.com --mailbox INBOX",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        row = await store.mailboxes.status(owner_of(given), given.mailbox)
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
        row = await store.mailboxes.create(owner_of(given), given.mailbox)
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
        await store.mailboxes.rename(owner_of(given), given.mailbox, given.to)
        report.say(f"{given.mailbox} is {given.to} now", mailbox=given.mailbox, to=given.to)


class Delete(_OfOne):
    """Delete a mailbox."""

    words = ("mailbox", "delete")
    summary = "delete a mailbox with its messages"
    examples = ("mailbox delete --email ann@example.com --mailbox Work --yes",)
    destroys = "Delete the mailbox {mailbox} with its messages?"

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailboxes.delete(owner_of(given), given.mailbox)
        report.say(f"deleted {given.mailbox} of {owner_of(given)}", mailbox=given.mailbox)


class Subscribe(_OfOne):
    """Subscribe to a name."""

    words = ("mailbox", "subscribe")
    summary = "add a name to the subscriptions"
    examples = ("mailbox subscribe --email ann@example.com --mailbox Work",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailboxes.subscribe(owner_of(given), given.mailbox)
        report.say(f"subscribed to {given.mailbox}", mailbox=given.mailbox, subscribed=True)


class Unsubscribe(_OfOne):
    """Subscribe to a name no longer."""

    words = ("mailbox", "unsubscribe")
    summary = "remove a name from the subscriptions"
    examples = ("mailbox unsubscribe --email ann@example.com --mailbox Work",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.mailboxes.unsubscribe(owner_of(given), given.mailbox)
        report.say(
            f"not subscribed to {given.mailbox} any longer",
            mailbox=given.mailbox,
            subscribed=False,
        )


class At(_OfOne):
    """Show a mailbox as it was."""

    words = ("mailbox", "at")
    summary = "show a mailbox as it was at a time, and what became of its messages"
    examples = (
        "mailbox at --email ann@example.com --mailbox INBOX --time 2026-11-20T14:00",
        "mailbox at --email ann@example.com --mailbox Work --time 2026-11-20 --limit 1000 --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--time", type=moment, required=True, metavar="TIME", help="when")
        parser.add_argument(
            "--limit", type=int, default=FEW, metavar="N", help=f"show the first N ({FEW})"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if given.limit < 1:
            raise CommandFailed("--limit is at least 1")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        was = await store.past.at(owner_of(given), given.mailbox, given.time, given.limit)
        rows = [_entry(entry) for entry in was.entries]
        if given.json:
            report.say(
                "", mailbox=was.mailbox, messages=was.messages, came_later=was.came, list=rows
            )
            return
        report.table(["uid", "now", "uid now", "flags", "date", "size", "from", "subject"], rows)
        report.say(f"{was.messages} messages were there, {was.came} came later")


def _entry(entry: Entry) -> dict[str, Any]:
    message = entry.message
    return {
        "uid": entry.uid,
        "now": entry.state,
        "uid now": entry.uid_now,
        "flags": None if entry.flags is None else flag_names(entry.flags),
        "date": None if message is None else message.internal_date,
        "size": None if message is None else Octets(message.size),
        "from": None if message is None else message.sender,
        "subject": None if message is None else message.subject,
        "email id": None if message is None else f"M{message.email_id.hex}",
    }


class Restore(_OfOne):
    """Restore a deleted mailbox, or one as it was."""

    words = ("mailbox", "restore")
    summary = "bring back a mailbox that was deleted, or what one had at a time"
    examples = (
        "mailbox restore --email ann@example.com --mailbox Work --yes",
        "mailbox restore --email ann@example.com --mailbox Work --to Work/Old --yes",
        "mailbox restore --email ann@example.com --mailbox INBOX --at 2026-11-20T14:00 --dry-run",
    )
    destroys = "Restore the mailbox {mailbox}?"

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument(
            "--to", metavar="NAME", help="under this name, where its own is taken or not wanted"
        )
        parser.add_argument(
            "--number",
            type=int,
            metavar="N",
            help="of several with this name the one that `mailbox list --deleted` tells so",
        )
        parser.add_argument(
            "--at",
            type=moment,
            metavar="TIME",
            help="a mailbox that is there: what is gone since then, and the flags of that time",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="with --at: show what would be done"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if given.at is None and given.dry_run:
            raise CommandFailed("--dry-run is for --at; `mailbox list --deleted` shows the others")
        if given.at is not None and (given.to is not None or given.number is not None):
            raise CommandFailed("--to and --number are for deleted mailboxes, and not for --at")
        if not given.dry_run:
            super().prepare(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.at is not None:
            await self._as_it_was(given, store, report)
            return
        row = await store.restoring.restore_mailbox(
            owner_of(given), given.mailbox, given.to, given.number
        )
        report.say(
            f"restored {given.mailbox} as {row.name}, with {row.messages} messages",
            mailbox=given.mailbox,
            name=row.name,
            messages=row.messages,
        )

    async def _as_it_was(self, given: Namespace, store: Store, report: Report) -> None:
        back = await store.past.restore(owner_of(given), given.mailbox, given.at, given.dry_run)
        if given.json:
            report.say("", dry_run=given.dry_run, **asdict(back))
            return
        would = "would be " if given.dry_run else ""
        report.say(
            f"{back.restored} messages {would}restored, flags of {back.flags} {would}put back"
        )
        for count, what in (
            (back.came, "came later and stay"),
            (back.removed, "are removed for good"),
            (back.unknown, "had flags that are not recorded: they keep those that they have"),
            (back.refused, "were changed by somebody meanwhile: they stay as they are"),
        ):
            if count:
                report.say(f"{count} messages {what}")


class Recount(Command):
    """Count mailboxes anew."""

    words = ("mailbox", "recount")
    summary = "count the messages of mailboxes anew, tell which counters are wrong and mend them"
    examples = (
        "mailbox recount --email ann@example.com",
        "mailbox recount --email ann@example.com --mailbox INBOX --dry-run --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        parser.add_argument("--mailbox", metavar="NAME", help="only this one")
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell which counters are wrong"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        counted = await store.history.recount(
            owner_of(given), given.mailbox, mend=not given.dry_run
        )
        wrong = [
            {"mailbox": each.mailbox, "counter": name.replace("_", " "), "was": was, "is": now}
            for each in counted
            for (name, was), now in zip(
                asdict(each.was).items(), asdict(each.counted).values(), strict=True
            )
            if was != now
        ]
        if given.json:
            report.say("", mailboxes=len(counted), wrong=wrong, mended=not given.dry_run)
            return
        if wrong:
            report.table(["mailbox", "counter", "was", "is"], wrong)
        done = "wrong" if given.dry_run else "wrong, and mended"
        report.say(f"{len(counted)} mailboxes counted, {len(wrong)} counters were {done}")
