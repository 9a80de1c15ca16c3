"""`sora-admin sieve test` and `sieve filter`: scripts over mail that is not being delivered."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.files import STDIN, octets_of
from sora.admin.sieve import invalid, read_script
from sora.operations.circumstances import Circumstances
from sora.sieve.errors import ScriptErrors

if TYPE_CHECKING:
    # Help texts are printed without what runs scripts.
    from sora.operations.sieve_filter import Counts, Done
    from sora.operations.sieve_trial import Tried

MAX_MESSAGE: Final = 256 * 1024 * 1024
"""octets that are read of a message"""
SUFFIX: Final = ".sieve"


class Test(Command):
    """Try a script."""

    words = ("sieve", "test")
    summary = "show what a script would do with a message, line by line, without a database"
    examples = (
        "sieve test main.sieve message.eml",
        "sieve test --from carl@example.net --to ann+lists@example.com main.sieve message.eml",
        "sieve test --mailbox Work --duplicate --json main.sieve - < message.eml",
    )
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("script", metavar="SCRIPT", help="the script")
        parser.add_argument("message", metavar="MESSAGE", help="a message, - for standard input")
        parser.add_argument(
            "--from", dest="sender", default="", metavar="ADDRESS", help="the envelope's sender"
        )
        parser.add_argument(
            "--to", dest="recipient", default="", metavar="ADDRESS", help="its recipient"
        )
        parser.add_argument(
            "--mailbox",
            action="append",
            default=[],
            metavar="NAME",
            help="a mailbox that exists, besides INBOX; may be repeated",
        )
        parser.add_argument("--duplicate", action="store_true", help="the message was seen before")
        parser.add_argument(
            "--at", metavar="TIME", help="the moment of delivery (2026-05-17T12:00:00+02:00)"
        )
        parser.add_argument(
            "--no-trace", action="store_true", help="only what would be done, not why"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.source = read_script(given.script, terminal)
        given.octets = octets_of(given.message, terminal, MAX_MESSAGE)
        given.moment = _moment(given.at)
        directory = Path() if given.script == STDIN else Path(given.script).parent
        given.find = lambda name: _included(directory, name)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        about = Circumstances(
            sender=given.sender,
            recipient=given.recipient,
            mailboxes=tuple(given.mailbox),
            seen=given.duplicate,
            now=given.moment,
            find=given.find,
        )
        try:
            tried = await store.trials().run(given.source, given.octets, about)
        except ScriptErrors as errors:
            raise invalid(given.script, errors) from None
        report.text(_told(tried, not given.no_trace), **_fields(tried))
        if tried.problem is not None:
            raise CommandFailed(f"the script fails, and the message is kept: {tried.problem}")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandFailed(f"{text!r} is not a time like 2026-05-17T12:00:00+02:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _included(directory: Path, name: str) -> bytes | None:
    """A script beside the one that is tried, with or without the suffix."""
    if name in (".", "..") or "/" in name or "\0" in name:
        return None
    for path in (directory / f"{name}{SUFFIX}", directory / name):
        if path.is_file():
            return path.read_bytes()
    return None


def _told(tried: "Tried", with_trace: bool) -> str:
    lines = [f"warning: {one}" for one in tried.warnings]
    if with_trace:
        for line in tried.trace:
            where = f"{line.script}:" if line.script else ""
            lines.append(f"{where}{line.line}:{line.column}: {line.text}")
        lines.append("")
    done = [*tried.actions, *([] if tried.keep is None else [tried.keep])]
    lines.append("what is done:")
    lines += [f"  {one}" for one in done or ["nothing: the message is discarded"]]
    return "\n".join(lines)


def _fields(tried: "Tried") -> dict[str, Any]:
    return {
        "actions": list(tried.actions),
        "keep": tried.keep,
        "error": tried.problem,
        "instructions": tried.instructions,
        "trace": [asdict(line) for line in tried.trace],
        "warnings": [
            {"line": one.line, "column": one.column, "text": one.text} for one in tried.warnings
        ],
    }


class Filter(Command):
    """Filter stored mail."""

    words = ("sieve", "filter")
    summary = "run a script over a mailbox: file, flag, with --send send on, with --discard delete"
    examples = (
        "sieve filter --email ann@example.com --mailbox INBOX --dry-run",
        "sieve filter --email ann@example.com --mailbox INBOX tidy.sieve",
        "sieve filter --email ann@example.com --mailbox Junk --discard old.sieve",
        "sieve filter --email ann@example.com --mailbox Lists --send forward.sieve",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", metavar="ADDRESS", required=True, help="the user")
        parser.add_argument("--mailbox", metavar="NAME", required=True, help="the mailbox")
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would be done, message by message"
        )
        parser.add_argument(
            "--discard",
            action="store_true",
            help="delete what the script discards (it can be restored for [cleanup] grace_period)",
        )
        parser.add_argument(
            "--send",
            action="store_true",
            help="put what the script redirects into the queue of the relay, for a Sora that runs"
            " (answers and notifications are never sent)",
        )
        parser.add_argument(
            "file",
            nargs="?",
            metavar="FILE",
            help="the script, - for standard input; without it the user's active one",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.source = None if given.file is None else read_script(given.file, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        done: list[Done] = []
        filtering = await store.filtering(given.send)
        try:
            counts = await filtering.run(
                given.email,
                given.mailbox,
                given.source,
                dry_run=given.dry_run,
                discard=given.discard,
                told=done.append if given.dry_run else lambda _: None,
            )
        except ScriptErrors as errors:
            raise invalid(given.file or "the active script", errors) from None
        lines = [f"{one.uid}: {one.what} ({one.subject})" for one in done]
        lines.append(_sums(counts, given.dry_run, given.discard))
        messages = {"log": [asdict(one) for one in done]} if given.dry_run else {}
        report.text("\n".join(lines), **asdict(counts), dry_run=given.dry_run, **messages)


def _sums(counts: "Counts", dry_run: bool, discard: bool) -> str:
    discarded = "deleted" if discard else "discarded by the script, and left (--discard)"
    text = (
        f"{counts.messages} messages: {counts.kept} kept, {counts.moved} moved,"
        f" {counts.discarded} {discarded}, {counts.failed} failed;"
        f" {counts.copies} copies, {counts.flagged} flagged"
    )
    if counts.sent:
        text += f"; {counts.sent} sent on"
    if counts.not_sent:
        text += f"; {counts.not_sent} redirects, answers and refusals were not done"
    if counts.not_edited:
        text += f"; {counts.not_edited} edits were not done"
    return f"nothing was done (--dry-run): {text}" if dry_run else text
