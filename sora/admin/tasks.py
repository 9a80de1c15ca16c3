"""`sora-admin tasks …`: work that takes long, on whatever server, asked of a running one."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sora.admin.command import Command, Report, Store
from sora.admin.failed import CommandFailed

STATES: Final = ("running", "done", "failed", "cancelled", "lost")
MOST: Final = 1000
FIRST: Final[tuple[str, ...]] = ("seen", "done", "skipped", "failed", "left")
PAUSE: Final = 1.0
"""seconds between two looks at a task that is followed"""


class ListTasks(Command):
    """List tasks."""

    words = ("tasks", "list")
    summary = "list work that takes long, of all servers, the newest first"
    examples = ("tasks list", "tasks list --state running")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state", choices=STATES, default="", help="only those in this state")
        parser.add_argument(
            "--limit", type=_limit, default=100, metavar="NUMBER", help="so many (default: 100)"
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.api.get("/tasks", state=given.state, limit=str(given.limit))
        headings = ["id", "about", "caller", "node", "state", "percent", "began", "error"]
        report.table(headings, [_row(one) for one in found["items"]])


class _OneTask(Command):
    """A command about a task; with `--follow` until it has ended."""

    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", type=_name, help="what `tasks list` calls it")
        parser.add_argument(
            "--follow",
            action="store_true",
            help="wait until it has ended; not 0 unless all of it is done",
        )

    async def follow(self, given: Namespace, store: Store, report: Report, task: Any) -> Any:
        """The task as it is, or as it has ended."""
        with report.progress() as progress:
            while given.follow and task["state"] == "running":
                percent = task["percent"]
                share = None if percent is None else percent / 100
                progress.show(share, _counted(task["progress"]))
                await store.api.pause(PAUSE)
                task = await store.api.get(f"/tasks/{given.id}")
        return task


class Show(_OneTask):
    """Show a task."""

    words = ("tasks", "show")
    summary = "show how far a task is, or what came of it"
    examples = (
        "tasks show 0f3c8a52-5d0c-4c8e-9a8e-0a7b8f3d2c11",
        "tasks show 0f3c8a52-5d0c-4c8e-9a8e-0a7b8f3d2c11 --follow",
    )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        task = await store.api.get(f"/tasks/{given.id}")
        task = await self.follow(given, store, report, task)
        report.text(_text(task), **task)
        if given.follow:
            _require_done(task)


class Cancel(_OneTask):
    """End a task."""

    words = ("tasks", "cancel")
    summary = "let a task end within seconds; what is done stays done"
    examples = ("tasks cancel 0f3c8a52-5d0c-4c8e-9a8e-0a7b8f3d2c11 --follow",)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        task = await store.api.post(f"/tasks/{given.id}/cancel", None)
        task = await self.follow(given, store, report, task)
        report.text(_text(task), **task)


def _row(task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **task,
        "began": datetime.fromisoformat(task["began"]),
        "error": task["error"] or None,
    }


def _text(task: Mapping[str, Any]) -> str:
    """A task for people."""
    state = task["state"]
    if state == "running":
        state += ", and is to end" if task["cancelling"] else ""
        state += "" if task["percent"] is None else f", {task['percent']} %"
    lines = [
        f"{task['about']}: {state}",
        f"  on {task['node']}, for {task['caller']}, since {task['began']}"
        + (f", until {task['ended']}" if task["ended"] else ""),
    ]
    found = task["result"] if task["result"] is not None else task["progress"]
    if counted := _counted(found):
        lines.append(f"  {counted}")
    lines += [f"  failed: {one['where']}: {one['text']}" for one in found.get("problems") or ()]
    if task["error"]:
        lines.append(f"  {task['error']}")
    return "\n".join(lines)


def _counted(found: Mapping[str, Any]) -> str:
    """The numbers among what was counted: those of imports in their order, and what is not 0."""
    numbers = {
        name: value
        for name, value in found.items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    names = [name for name in FIRST if name in numbers]
    names += sorted(name for name, value in numbers.items() if value and name not in FIRST)
    return ", ".join(f"{name} {numbers[name]}" for name in names)


def _require_done(task: Mapping[str, Any]) -> None:
    """Raises CommandFailed."""
    if task["state"] != "done":
        raise CommandFailed(f"the task is {task['state']}: what is done stays done; begin it again")
    if (task["result"] or {}).get("complete") is False:
        raise CommandFailed("not all could be done; when that is mended, begin it again")


def _name(text: str) -> str:
    if not text.replace("-", "").isalnum():
        raise ValueError
    return text


def _limit(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST:
        raise ValueError
    return number
