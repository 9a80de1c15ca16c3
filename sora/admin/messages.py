"""`sora-admin messages …`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any
from uuid import UUID

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.output import Octets
from sora.admin.owners import add_owner, owner_of
from sora.admin.times import moment
from sora.mail.flags import SYSTEM_NAMES, Flags
from sora.mail.numbers import MAX_NUMBER, NumberSet
from sora.operations.restoring import CameBackAll, RestoringOperations, Wanted
from sora.storage.rows import GoneFilter, GoneMessage

FEW = 100


def uids(text: str) -> NumberSet:
    """`3,7:9`. An argument's type."""
    found = []
    try:
        for part in text.split(","):
            first, _, last = part.partition(":")
            pair = int(first), int(last or first)
            if not 0 < min(pair) <= max(pair) <= MAX_NUMBER:
                raise ValueError
            found.append((min(pair), max(pair)))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} are no UIDs: write 7, or 3,7:9") from None
    return NumberSet(tuple(found))


def email_id(text: str) -> UUID:
    """An EMAILID (RFC 8474), as `list-deleted` and IMAP tell it. An argument's type."""
    try:
        return UUID(text.removeprefix("M"))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no email id") from None


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--mailbox", metavar="NAME", help="only of this mailbox, which may have been deleted"
    )
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="only what went at this time or later"
    )
    parser.add_argument(
        "--before", type=moment, metavar="TIME", help="only what went before this time"
    )
    parser.add_argument(
        "--from", dest="sender", default="", metavar="TEXT", help="only with this in From"
    )
    parser.add_argument(
        "--subject", default="", metavar="TEXT", help="only with this in the subject"
    )
    parser.add_argument(
        "--moved", action="store_true", help="also what was only moved to another mailbox"
    )


def _wanted(given: Namespace, **more: Any) -> Wanted:
    which = GoneFilter(
        since=given.since,
        before=given.before,
        sender=given.sender,
        subject=given.subject,
        moved=given.moved,
        **more,
    )
    return Wanted(given.mailbox, which)


def flag_names(flags: Flags) -> list[str]:
    """The names of flags."""
    return [name for bit, name in SYSTEM_NAMES if flags.system & bit] + list(flags.keywords)


def _fields(message: GoneMessage, restoring: RestoringOperations) -> dict[str, Any]:
    return {
        "mailbox": message.mailbox,
        "uid": message.place.uid,
        "gone": message.place.at,
        "how": message.kind,
        "date": message.internal_date,
        "size": Octets(message.size),
        "from": message.sender,
        "subject": message.subject,
        "kept until": restoring.kept_until(message),
        "flags": flag_names(message.flags),
        "email id": f"M{message.email_id.hex}",
        "mailbox deleted": message.mailbox_is_deleted,
    }


class ListDeleted(Command):
    """List messages that can be restored."""

    words = ("messages", "list-deleted")
    summary = "list messages that were deleted and can be restored, the latest first"
    examples = (
        "messages list-deleted --email ann@example.com",
        "messages list-deleted --email ann@example.com --mailbox Work --since 2026-11-20",
        "messages list-deleted --email ann@example.com --from bob@ --subject plans --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        _add_filters(parser)
        parser.add_argument(
            "--limit", type=int, default=FEW, metavar="N", help=f"at most so many ({FEW})"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.limit < 1:
            raise CommandFailed("--limit is at least 1")
        found = await store.restoring.gone(owner_of(given), _wanted(given), given.limit)
        report.table(
            ["mailbox", "uid", "gone", "how", "size", "from", "subject", "kept until"],
            [_fields(message, store.restoring) for message in found],
        )


class Restore(Command):
    """Restore messages."""

    words = ("messages", "restore")
    summary = "bring deleted messages back into their mailboxes, or into another one"
    examples = (
        "messages restore --email ann@example.com --mailbox INBOX --uid 17,20:25 --yes",
        "messages restore --email ann@example.com --since 2026-11-20T14:00 --dry-run",
        "messages restore --email ann@example.com --from bob@ --to Restored --yes",
    )
    destroys = "Restore messages of {whose}?"

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        _add_filters(parser)
        parser.add_argument(
            "--uid", type=uids, metavar="UIDS", help="only with these UIDs, which need --mailbox"
        )
        parser.add_argument(
            "--id",
            type=email_id,
            action="append",
            metavar="ID",
            help="only with this email id; it can be given several times",
        )
        parser.add_argument("--all", action="store_true", help="all that can be restored")
        parser.add_argument(
            "--to", metavar="NAME", help="into this mailbox, which is made if it is not there"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would be restored")

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if self._wanted(given).is_everything and not given.all:
            raise CommandFailed("say which messages are meant, or --all")
        given.whose = owner_of(given)
        if not given.dry_run:
            super().prepare(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        back = await store.restoring.restore(
            owner_of(given), self._wanted(given), given.to, given.dry_run
        )
        if given.json:
            report.say("", **_all_fields(back, given.dry_run))
            return
        for part in back.parts:
            made = " (new)" if part.is_made else ""
            report.say(f"{part.mailbox}: {part.messages} into {part.destination}{made}")
        done = "would be restored" if given.dry_run else "restored"
        report.say(f"{back.messages} messages {done}")
        if back.over_quota:
            report.say(f"warning: {owner_of(given)} is over the quota now")

    def _wanted(self, given: Namespace) -> Wanted:
        return _wanted(given, uids=given.uid, email_ids=tuple(given.id) if given.id else None)


def _all_fields(back: CameBackAll, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "messages": back.messages,
        "over_quota": back.over_quota,
        "mailboxes": [
            {
                "mailbox": part.mailbox,
                "destination": part.destination,
                "made": part.is_made,
                "messages": part.messages,
            }
            for part in back.parts
        ],
    }
