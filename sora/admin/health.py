"""`sora-admin health`"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sora.admin.api import NoServer
from sora.admin.command import Command, CommandFailed, Report, Store
from sora.operations.health import ComponentRow

LIVE: Final = "the running server"


class Health(Command):
    """Show how well a server is."""

    words = ("health",)
    summary = "show how well a running server is, or without one what it stands on"
    examples = ("health", "health --detailed", "health --json")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--detailed",
            action="store_true",
            help="with figures, and with the last changes of each part",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        try:
            found = await store.api.get("/health/overview")
            where = f"the server at {store.api.url}"
        except NoServer as error:
            found = await _here(store, error)
            where = f"{error}; looked at from here"
        text = "\n".join([f"{found['status']}: {where}", *component_lines(found, given.detailed)])
        report.text(text, where=where, **found)
        if found["status"] == "unhealthy":
            raise CommandFailed(f"not healthy: {', '.join(culprits(found['components']))}")


async def _here(store: Store, error: NoServer) -> dict[str, Any]:
    """What is found from here. A server that should answer and does not is ill; where the
    configuration has none, nobody can say whether one runs."""
    overview = await store.health()
    parts = [component_fields(row) for row in overview.components]
    parts.append(not_asked(error, "unhealthy" if store.api.is_configured else "degraded"))
    states = {one["status"] for one in parts}
    return {
        "status": "unhealthy" if "unhealthy" in states else "degraded",
        "components": parts,
    }


def not_asked(error: CommandFailed, status: str) -> dict[str, Any]:
    """The running server as a part, when it does not tell how it is."""
    return {
        "name": LIVE,
        "status": status,
        "text": f"It cannot be asked: {str(error).splitlines()[0]}",
        "remedy": "Start Sora with a server of type http_api, and see [admin] api_url and api_key",
        "follows": "",
        "took_ms": 0,
        "facts": {},
        "history": [],
    }


def component_fields(row: ComponentRow) -> dict[str, Any]:
    """A part as the HTTP API tells it."""
    return {
        "name": row.name,
        "status": row.status,
        "text": row.text,
        "remedy": row.remedy,
        "follows": row.follows,
        "took_ms": round(row.took * 1000),
        "facts": {name: str(value) for name, value in row.facts.items()},
        "history": [],
    }


def culprits(components: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of what is unhealthy by itself."""
    return [one["name"] for one in components if one["status"] == "unhealthy" and not follows(one)]


def follows(component: Mapping[str, Any]) -> str:
    """The part whose illness it is; a server of an older version does not say."""
    return str(component.get("follows", ""))


def component_lines(found: Mapping[str, Any], detailed: bool) -> list[str]:
    """Each part with what to do about it; `detailed` with figures and the last changes. What only
    follows from others is named at the end."""
    lines = []
    shown = [one for one in found["components"] if not follows(one)]
    width = max((len(one["name"]) for one in shown), default=0)
    for one in shown:
        lines.append(f"  {one['name']:<{width}}  {one['status']:<9}  {one['text']}")
        indent = " " * (width + 15)
        if one["remedy"]:
            lines.append(f"{indent}-> {one['remedy']}")
        if detailed:
            lines += [f"{indent}{name}: {value}" for name, value in one["facts"].items()]
            lines += [
                f"{indent}{change['at']}: {change['status']}: {change['text']}"
                for change in one["history"]
            ]
    return lines + _not_looked_at(found["components"])


def _not_looked_at(components: Iterable[Mapping[str, Any]]) -> list[str]:
    by_culprit: dict[str, list[str]] = {}
    for one in components:
        if culprit := follows(one):
            by_culprit.setdefault(culprit, []).append(one["name"])
    return [
        f"Not looked at while {culprit} is unhealthy: {', '.join(names)}"
        for culprit, names in by_culprit.items()
    ]
