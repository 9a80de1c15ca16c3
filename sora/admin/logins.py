"""`sora-admin stats auth` and `sora-admin auth …`: logins of a running server."""

from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, CommandFailed, Report, Store
from sora.config.units import write_duration


class Stats(Command):
    """Count logins."""

    words = ("stats", "auth")
    summary = "count the logins of a running server, and show who failed most"
    examples = ("stats auth", "stats auth --window 1h --json")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--window",
            metavar="DURATION",
            default="24h",
            help="of so long until now, at most 24h (default: 24h)",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.api.get("/auth/stats", window=given.window)
        total = sum(found["results"].values())
        lines = [f"{total} logins in the last {write_duration(found['seconds'])}"]
        for protocol, counts in sorted(found["protocols"].items()):
            said = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
            lines.append(f"  {protocol}: {said}")
        for title, rows in (("users", found["users"]), ("addresses", found["addresses"])):
            if rows:
                lines.append(f"{title} that failed most:")
                lines += [f"  {row['name']}: {row['failures']}" for row in rows]
        report.text("\n".join(lines), **found)


class ListBlocked(Command):
    """List who is kept out."""

    words = ("auth", "blocked")
    summary = "list addresses that are refused, and users that are delayed, for guessing passwords"
    examples = ("auth blocked", "auth blocked --json")
    needs_database = False

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.api.get("/auth/blocked")
        rows = [
            {
                **one,
                "protocols": ", ".join(one["protocols"]),
                "for": write_duration(one["seconds"]),
            }
            for one in found["items"]
        ]
        report.table(["kind", "name", "failures", "protocols", "for"], rows)


class Unblock(Command):
    """Let somebody in again."""

    words = ("auth", "unblock")
    summary = "forget the failed logins of an address or a user on a running server"
    examples = ("auth unblock --address 192.0.2.7", "auth unblock --user ann@example.com")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", metavar="ADDRESS", default="", help="of this IP address")
        parser.add_argument("--user", metavar="ADDRESS", default="", help="of this user")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if bool(given.address) == bool(given.user):
            raise CommandFailed("say who is to be let in again: --address or --user")
        wanted = {"address": given.address, "user": given.user}
        done = await store.api.post("/auth/unblock", wanted)
        name = given.address or given.user
        text = "is let in again" if done["unblocked"] else "had no failed logins"
        report.say(f"{name} {text}", **done)
