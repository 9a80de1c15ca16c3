"""`sora-admin cache …`: what a running server has, and what the database knows of all."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime
from typing import Any, Final

from attrs import asdict

from sora.admin.command import Command, Report, Store
from sora.admin.output import Octets, size_text
from sora.config.units import read_duration
from sora.storage.rows import CacheSample

PATIENCE: Final = 300.0
"""seconds that a purge may take: each body is a file"""


def _duration(text: str) -> float:
    try:
        return read_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{100 * ratio:.1f} %"


class Stats(Command):
    """Show the cache of a running server."""

    words = ("cache", "stats")
    summary = "show how full the cache of a running server is, and how good"
    examples = ("cache stats", "cache stats --json")
    needs_database = False

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.api.get("/cache/stats")
        since = datetime.fromisoformat(found["began_at"]).astimezone()
        ratio = _ratio(found["hits"], found["misses"])
        lines = [
            f"{found['path']} of {found['instance']}: {found['objects']} bodies,"
            f" {size_text(found['octets'])} of {size_text(found['capacity'])};"
            f" none over {size_text(found['max_object_size'])}",
            f"since {since:%Y-%m-%d %H:%M}: {found['hits']} hits, {found['misses']} misses"
            f" ({_percent(ratio)}), {found['written']} written, {found['evicted']} evicted,"
            f" {found['damaged']} damaged",
        ]
        report.text("\n".join(lines), **found, hit_ratio=ratio)


class Purge(Command):
    """Empty the cache of a running server."""

    words = ("cache", "purge")
    summary = "empty the cache of a running server; what is read next comes from the object store"
    examples = ("cache purge", "cache purge --yes")
    destroys = "All bodies are removed from the cache; reading will be slower for a while. Go on?"
    needs_database = False

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        done = await store.api.post("/cache/purge", None, PATIENCE)
        report.say(f"{done['objects']} bodies were removed, {size_text(done['octets'])}", **done)


class Metrics(Command):
    """Show how the caches of all processes were."""

    words = ("cache", "metrics")
    summary = "show how good the caches of all processes are, or were in the last weeks"
    examples = (
        "cache metrics",
        "cache metrics --instance mail-1 --history --since 7d --limit 500 --json",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--instance", metavar="NAME", default="", help="of this process alone")
        parser.add_argument(
            "--since",
            metavar="AGE",
            type=_duration,
            default="24h",
            help="in the time since, for example 90m or 7d (default: 24h; kept are 30 days)",
        )
        parser.add_argument(
            "--history", action="store_true", help="every five minutes, not only the last figures"
        )
        parser.add_argument(
            "--limit", metavar="N", type=int, default=100, help="lines at most (default: 100)"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        samples = await store.cache.metrics(given.instance, given.since, given.limit, given.history)
        columns = ["instance", "at", "objects", "octets", "capacity", "hits", "misses", "hit ratio"]
        report.table([*columns, "evicted", "damaged"], [_row(sample) for sample in samples])


def _row(sample: CacheSample) -> dict[str, Any]:
    status = sample.status
    return {
        "instance": sample.instance,
        "at": sample.at,
        "began_at": sample.began_at,
        **asdict(status),
        "octets": Octets(status.octets),
        "capacity": Octets(status.capacity),
        "hit ratio": _percent(status.hit_ratio),
        "hit_ratio": status.hit_ratio,
    }


def _ratio(hits: int, misses: int) -> float | None:
    return hits / (hits + misses) if hits + misses else None
