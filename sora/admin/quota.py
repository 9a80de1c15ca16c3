"""`sora-admin quota …`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from sora.admin.accounts import add_email
from sora.admin.command import Command, CommandFailed, Report, Store
from sora.admin.output import Octets
from sora.admin.owners import add_owner, owner_of
from sora.config.units import read_size
from sora.operations.quota import KEEP
from sora.storage.rows import Quota

MAX_LIMIT = 1 << 53


def _size(text: str) -> int | None:
    """`10gb`, or `none` for no limit."""
    if text.lower() == "none":
        return None
    try:
        return read_size(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no size: write 500mb, 10gb, or none") from error


def _count(text: str) -> int | None:
    """A number, or `none` for no limit."""
    if text.lower() == "none":
        return None
    if not text.isdecimal() or int(text) > MAX_LIMIT:
        raise ArgumentTypeError(f"{text!r} is no limit: write a number, or none")
    return int(text)


class Show(Command):
    """Show a quota."""

    words = ("quota", "show")
    summary = "show what an account has, and may have"
    examples = ("quota show --email ann@example.com", "quota show --domain example.com --json")

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        _report(await store.quota.show(owner_of(given)), report)


class Set(Command):
    """Set limits."""

    words = ("quota", "set")
    summary = "set how much an account may have; what is not named stays as it is"
    examples = (
        "quota set --email ann@example.com --storage 10gb --messages 100000",
        "quota set --email ann@example.com --storage none",
        "quota set --domain example.com --mailboxes 500",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        add_owner(parser)
        for name, kind, about in (
            ("storage", _size, "octets of all messages: 500mb, 10gb, or none"),
            ("messages", _count, "how many messages, or none"),
            ("mailboxes", _count, "how many mailboxes, or none"),
        ):
            parser.add_argument(f"--{name}", type=kind, default=KEEP, metavar="LIMIT", help=about)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.storage == given.messages == given.mailboxes == KEEP:
            raise CommandFailed("nothing to set: name --storage, --messages or --mailboxes")
        quota = await store.quota.set(
            owner_of(given), given.storage, given.messages, given.mailboxes
        )
        _report(quota, report)


class Allow(Command):
    """Let a user set quotas."""

    words = ("quota", "allow")
    summary = "let a user set the quotas of the domain over IMAP (SETQUOTA)"
    examples = ("quota allow --email postmaster@example.com",)
    allowed = True

    def arguments(self, parser: ArgumentParser) -> None:
        add_email(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        await store.quota.allow(given.email, self.allowed)
        what = "may" if self.allowed else "may no longer"
        report.say(f"{given.email} {what} set quotas", email=given.email, allowed=self.allowed)


class Deny(Allow):
    """Let a user set quotas no longer."""

    words = ("quota", "deny")
    summary = "let a user set quotas no longer"
    examples = ("quota deny --email postmaster@example.com",)
    allowed = False


def _report(quota: Quota, report: Report) -> None:
    limits = quota.limits
    storage_limit = None if limits.storage is None else Octets(limits.storage)
    report.table(
        ["resource", "used", "limit"],
        [
            {"resource": "storage", "used": Octets(quota.storage), "limit": storage_limit},
            {"resource": "messages", "used": quota.messages, "limit": limits.messages},
            {"resource": "mailboxes", "used": quota.mailboxes, "limit": limits.mailboxes},
        ],
    )
