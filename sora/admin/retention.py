"""`sora-admin retention …`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import timedelta

from sora.admin.command import Command, Report, Store
from sora.admin.output import Octets
from sora.admin.owners import owner_of
from sora.config.units import read_duration, write_duration
from sora.operations.owners import Whose
from sora.operations.retention import USES, RuleOf

NEVER = "never"


def _age(text: str) -> float | None:
    """`30d`, or `never`."""
    if text.lower() == NEVER:
        return None
    try:
        return read_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no age: write 30d, 12h, or never") from error


def _add_whose(parser: ArgumentParser, required: bool) -> None:
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--email", metavar="ADDRESS", help="the user whose mailboxes are meant")
    group.add_argument("--domain", help="instead: all mailboxes of the domain")


def _add_use(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--mailbox-use",
        choices=USES,
        metavar="USE",
        help=f"only mailboxes with this special use: {', '.join(USES)}",
    )


def _whose(given: Namespace) -> Whose | None:
    return owner_of(given) if given.email or given.domain else None


def _shown(age: timedelta | None) -> str:
    return NEVER if age is None else write_duration(age.total_seconds())


def rule_fields(line: RuleOf) -> dict[str, str]:
    """A rule as a row of a table, or a JSON object."""
    use = line.rule.special_use.removeprefix("\\").lower()
    return {"owner": line.owner, "mailboxes": use or "all", "max age": _shown(line.rule.max_age)}


class Show(Command):
    """Show policies."""

    words = ("retention", "show")
    summary = "show how long messages may stay in mailboxes; the first rule that fits counts"
    examples = ("retention show", "retention show --email ann@example.com --json")

    def arguments(self, parser: ArgumentParser) -> None:
        _add_whose(parser, required=False)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        lines = await store.retention.show(_whose(given))
        report.table(["owner", "mailboxes", "max age"], [rule_fields(line) for line in lines])


class Set(Command):
    """Set a policy."""

    words = ("retention", "set")
    summary = "set how long messages may stay in mailboxes; what is older is expunged"
    examples = (
        "retention set --email ann@example.com --mailbox-use trash --max-age 30d",
        "retention set --domain example.com --max-age 365d",
        "retention set --email ann@example.com --max-age never",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        _add_whose(parser, required=True)
        _add_use(parser)
        parser.add_argument(
            "--max-age",
            type=_age,
            required=True,
            metavar="AGE",
            help="since they came into their mailbox: 30d, 12h, or never",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        await store.retention.set(whose, given.mailbox_use, given.max_age)
        age = NEVER if given.max_age is None else write_duration(given.max_age)
        use = given.mailbox_use or "all"
        report.say(
            f"the longest age in mailboxes of {whose} ({use}) is {age}",
            owner=str(whose),
            mailboxes=use,
            max_age=age,
        )


class Clear(Command):
    """Remove a policy."""

    words = ("retention", "clear")
    summary = "remove a rule of an account or a domain; the wider one counts again"
    examples = ("retention clear --email ann@example.com --mailbox-use trash",)

    def arguments(self, parser: ArgumentParser) -> None:
        _add_whose(parser, required=True)
        _add_use(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose, use = owner_of(given), given.mailbox_use or "all"
        await store.retention.clear(whose, given.mailbox_use)
        report.say(f"the rule about {whose} ({use}) is gone", owner=str(whose), mailboxes=use)


class Preview(Command):
    """Show what policies would expunge."""

    words = ("retention", "preview")
    summary = "show what policies would expunge now, mailbox by mailbox; nothing is done"
    examples = ("retention preview --domain example.com", "retention preview --json")

    def arguments(self, parser: ArgumentParser) -> None:
        _add_whose(parser, required=False)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(
            ["account", "mailbox", "max age", "messages", "octets"],
            [
                {
                    "account": each.address,
                    "mailbox": each.mailbox,
                    "max age": _shown(each.max_age),
                    "messages": each.messages,
                    "octets": Octets(each.octets),
                }
                for each in await store.retention.due(_whose(given))
            ],
        )
