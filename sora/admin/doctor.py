"""`sora-admin doctor`: everything at once, what to mend first at the top."""

from argparse import ArgumentParser, Namespace
from typing import Any

from sora.admin.command import Command, CommandFailed, Report, Store
from sora.admin.health import LIVE, component_fields, component_lines, not_asked


class Doctor(Command):
    """Say what is wrong."""

    words = ("doctor",)
    summary = "look at everything, and say what is wrong and how to mend it, the cause first"
    examples = ("doctor", "doctor --config new.toml", "doctor --json")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--detailed", action="store_true", help="with figures, and with all that is well"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        overview = await store.doctor()
        found = [component_fields(row) for row in overview.components]
        found += await _live(store)
        ill = [one for one in found if one["status"] != "healthy"]
        bad = [one for one in ill if one["status"] == "unhealthy"]
        shown = found if given.detailed else ill
        lines = [f"{len(found)} parts were looked at, {len(found) - len(ill)} are well"]
        if first := (bad or ill)[:1]:
            lines.append(f"Mend first: {first[0]['name']}: {first[0]['text']}")
        lines += component_lines({"components": shown}, given.detailed)
        report.text("\n".join(lines), first=first[0]["name"] if first else None, components=found)
        if bad:
            raise CommandFailed(f"not healthy: {', '.join(one['name'] for one in bad)}")


async def _live(store: Store) -> list[dict[str, Any]]:
    """What a running server finds of itself, beside what was found from here. None may run."""
    try:
        overview = await store.api.get("/health/overview")
    except CommandFailed as error:
        return [not_asked(error, "degraded")]
    return [
        {**one, "name": f"{LIVE}: {one['name']}", "history": []} for one in overview["components"]
    ]
