"""`sora-admin doctor`: everything at once, what to mend first at the top."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sora.admin.command import Command, CommandFailed, Report, Store
from sora.admin.health import LIVE, component_fields, component_lines, follows, not_asked


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
        here = [component_fields(row) for row in overview.components]
        live = await _live(store)
        found = [*here, *live]
        same = _seen_by_both(here, live)
        told = [one for one in found if one not in same]
        ill = [one for one in told if one["status"] != "healthy" and not follows(one)]
        bad = [one for one in ill if one["status"] == "unhealthy"]
        first = (bad or ill)[:1]
        shown = told if given.detailed else [one for one in told if one["status"] != "healthy"]
        lines = [_count(found)]
        if first:
            lines.append(f"Mend first: {first[0]['name']}: {first[0]['text']}")
        lines += component_lines({"components": shown}, given.detailed)
        if names := [_bare(one["name"]) for one in same if not follows(one)]:
            lines.append(f"The running server finds the same: {', '.join(names)}")
        report.text("\n".join(lines), first=first[0]["name"] if first else None, components=found)
        if bad:
            raise CommandFailed(f"not healthy: {', '.join(one['name'] for one in bad)}")


def _count(found: Iterable[Mapping[str, Any]]) -> str:
    looked_at = [one for one in found if not follows(one)]
    well = sum(one["status"] == "healthy" for one in looked_at)
    return f"{len(looked_at)} parts were looked at, {well} are well"


def _seen_by_both(
    here: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """What a running server finds ill that is ill from here as well, with what follows from it:
    a reason is told once."""
    ill = {one["name"] for one in here if one["status"] != "healthy"}
    return [
        one
        for one in live
        if one["status"] != "healthy"
        and not ill.isdisjoint({_bare(one["name"]), _bare(follows(one))})
    ]


async def _live(store: Store) -> list[dict[str, Any]]:
    """What a running server finds of itself, beside what was found from here. None may run."""
    try:
        overview = await store.api.get("/health/overview")
    except CommandFailed as error:
        return [not_asked(error, "degraded")]
    return [
        {
            **one,
            "name": _PREFIX + one["name"],
            "follows": _PREFIX + follows(one) if follows(one) else "",
            "history": [],
        }
        for one in overview["components"]
    ]


_PREFIX: Final = f"{LIVE}: "


def _bare(name: str) -> str:
    return name.removeprefix(_PREFIX)
