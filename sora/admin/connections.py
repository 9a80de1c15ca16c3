"""`sora-admin connections …` and `sora-admin stats connection`: asked of a running server."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import Any

from sora.admin.command import Command, CommandFailed, Report, Store
from sora.admin.output import Octets


def _which(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="ADDRESS", default="", help="of this user")
    parser.add_argument("--domain", metavar="DOMAIN", default="", help="of users of this domain")
    parser.add_argument(
        "--protocol", metavar="TYPE", default="", help="of this type of server, for example imap"
    )
    parser.add_argument("--server", metavar="NAME", default="", help="of the server of this name")
    parser.add_argument("--address", metavar="ADDRESS", default="", help="from this address")


def _chosen(given: Namespace) -> dict[str, str]:
    return {
        "user": given.user,
        "domain": given.domain,
        "protocol": given.protocol,
        "server": given.server,
        "address": given.address,
    }


class ListConnections(Command):
    """List connections."""

    words = ("connections", "list")
    summary = "list the connections of a running server"
    examples = ("connections list", "connections list --user ann@example.com --protocol imap")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        _which(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.api.get("/connections", **_chosen(given))
        rows = [_row(one) for one in found["items"]]
        headings = [
            "id",
            "user",
            "protocol",
            "server",
            "address",
            "tls",
            "state",
            "client",
            "since",
            "in",
            "out",
        ]
        report.table(headings, rows)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        **one,
        "user": one["user"] or None,
        "state": one["state"] or None,
        "client": one["client"] or None,
        "since": datetime.fromisoformat(one["since"]),
        "in": Octets(one["octets_in"]),
        "out": Octets(one["octets_out"]),
    }


class Kick(Command):
    """End connections."""

    words = ("connections", "kick")
    summary = "end connections of a running server; clients come again if they may"
    examples = (
        "connections kick --user ann@example.com",
        "connections kick --domain example.com",
        "connections kick --protocol imap --server imap-1",
    )
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        _which(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        chosen = _chosen(given)
        if not any(chosen.values()):
            raise CommandFailed("say whose: --user, --domain, --protocol, --server or --address")
        done = await store.api.post("/connections/kick", chosen)
        report.say(f"{done['kicked']} connections were told to end", **done)


class Stats(Command):
    """Count connections."""

    words = ("stats", "connection")
    summary = "count the connections of a running server"
    examples = ("stats connection", "stats connection --domain example.com --protocol imap")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        _which(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.api.get("/connections/stats", **_chosen(given))
        lines = [
            f"{found['connections']} connections, {found['authenticated']} logged in,"
            f" of {found['users']} users"
        ]
        lines += [f"  {name}: {count}" for name, count in sorted(found["protocols"].items())]
        report.text("\n".join(lines), **found)
