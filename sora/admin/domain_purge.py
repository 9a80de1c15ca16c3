"""`sora-admin domains purge`."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from attrs import asdict

from sora.admin.command import Command, Report, Store, Terminal
from sora.admin.output import size_text, time_text

if TYPE_CHECKING:
    from sora.operations.domain_purge import Holdings


class Purge(Command):
    """Remove a domain as a whole."""

    words = ("domains", "purge")
    summary = "remove a domain with its accounts and all their mail, for good"
    examples = (
        "domains purge --domain example.net --dry-run",
        "domains purge --domain example.net --yes",
    )
    destroys = (
        "Remove the domain {domain} with all its accounts? All their mail is removed for good, and"
        " nothing brings it back (--dry-run says how much)."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--domain", required=True, help="the domain")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would go, and do nothing"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if not given.dry_run:
            super().prepare(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.dry_run:
            held = await store.domain_purge.holdings(given.domain)
            lines = _lines(held)
            width = max(len(name) for name, _ in lines)
            report.text(
                "\n".join(f"{name:<{width}}  {value}" for name, value in lines), **asdict(held)
            )
            return
        with report.progress() as progress:
            gone = await store.domain_purge.purge(
                given.domain,
                lambda share, messages: progress.show(share, f"{messages} messages removed"),
            )
        report.say(
            f"removed {gone.domain} for good, with {gone.accounts} accounts and"
            f" {gone.messages} messages",
            **asdict(gone),
        )


def _lines(held: "Holdings") -> list[tuple[str, str]]:
    lines = [("domain", held.domain)]
    if held.purging_since is not None:
        lines.append(("purging since", time_text(held.purging_since)))
    lines += [
        ("accounts", f"{held.accounts}, and {held.deleted_accounts} deleted"),
        ("mailboxes", f"{held.mailboxes}, of which {held.shared_mailboxes} are the domain's"),
        ("messages", str(held.messages)),
        ("storage", size_text(held.size)),
        ("its own", f"{held.scripts} scripts, {held.retention_rules} retention rules"),
        ("aliases", str(held.aliases)),
        ("rights", f"{held.rights} on mailboxes of others"),
    ]
    lines += [("address elsewhere", address) for address in held.addresses_elsewhere]
    more = held.addresses_elsewhere_count - len(held.addresses_elsewhere)
    if more:
        lines.append(("address elsewhere", f"and {more} more"))
    lines += [("catch-all of", domain) for domain in held.catch_alls]
    lines += [("address of others", address) for address in held.addresses_of_others]
    lines += [("alias domain", domain) for domain in held.alias_domains]
    return lines
