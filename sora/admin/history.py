"""`sora-admin history`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from uuid import UUID

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.messages import email_id
from sora.admin.owners import add_owner, owner_of
from sora.admin.times import moment
from sora.operations.history import Step

FEW = 100


def message(text: str) -> UUID | int:
    """A UID or an email id. An argument's type."""
    if text.isdigit() and len(text) <= 10:
        return int(text)
    try:
        return email_id(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"{text!r} is neither a UID nor an email id") from None


def _fields(step: Step) -> dict[str, object]:
    event = step.event
    return {
        "time": event.at,
        "mailbox": event.mailbox,
        "uids": str(step.uids),
        "what": step.what,
        "who": event.actor,
        "protocol": event.protocol,
        "address": event.address,
        "session": event.session,
        "modseq": event.modseq,
        "kind": event.kind.name.lower(),
    }


class History(Command):
    """Tell what happened."""

    words = ("history",)
    summary = "tell what happened to an account, a mailbox or a message, and who did it"
    examples = (
        "history --email ann@example.com --limit 20",
        "history --email ann@example.com --mailbox Work --since 2026-11-20",
        "history --email ann@example.com --mailbox INBOX --message 17",
        "history --email ann@example.com --message M5f0c1d2e3b4a59687786958473625140 --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        parser.add_argument(
            "--mailbox", metavar="NAME", help="only of this mailbox, which may have been deleted"
        )
        parser.add_argument(
            "--message",
            type=message,
            metavar="ID|UID",
            help="of one message, wherever it was: its EMAILID, or with --mailbox its UID",
        )
        parser.add_argument(
            "--since", type=moment, metavar="TIME", help="only what happened from this time on"
        )
        parser.add_argument(
            "--limit", type=int, default=FEW, metavar="N", help=f"the latest N ({FEW})"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if isinstance(given.message, int) and given.mailbox is None:
            raise CommandFailed("a UID is of a mailbox: say which, with --mailbox")
        if given.limit < 1:
            raise CommandFailed("--limit is at least 1")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        if given.message is None:
            steps = await store.history.of_account(whose, given.mailbox, given.since, given.limit)
        else:
            which = given.message
            if isinstance(which, int):
                which = (given.mailbox, which)
            steps = await store.history.of_message(whose, which, given.since, given.limit)
        report.table(
            ["time", "mailbox", "uids", "what", "who", "protocol", "address"],
            [_fields(step) for step in steps],
        )
