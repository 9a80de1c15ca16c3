"""`sora-admin relay …`: the queue of mail that is to be sent."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sora.admin.command import Command, Report, Store, Terminal
from sora.admin.output import Octets
from sora.relay.directory import State
from sora.relay.entry import Answer, Entry
from sora.relay.inspecting import Queued, Verb

DEFAULT_LIMIT: Final = 1000
_HEADINGS: Final = (
    "id", "state", "kind", "from", "to", "size", "queued", "attempts", "due", "error",
)  # fmt: skip
_STATES: Final = tuple(state.value for state in State)


class _OfTheQueue(Command):
    """A command that works on the directory, also when nothing runs."""

    needs_database = False


class ListMessages(_OfTheQueue):
    """List messages."""

    words = ("relay", "list")
    summary = "list mail that is to be sent, and what has failed"
    examples = ("relay list", "relay list --state failed --json")

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state", choices=_STATES, help="only messages in this state")
        parser.add_argument(
            "--limit",
            type=_number,
            default=DEFAULT_LIMIT,
            metavar="N",
            help=f"at most so many (default: {DEFAULT_LIMIT}); 0 is all",
        )

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        states = (State(given.state),) if given.state else ()
        found = await store.relay.list(states, given.limit or None)
        headings = [
            "id",
            "state",
            "kind",
            "from",
            "to",
            "size",
            "queued",
            "attempts",
            "due",
            "error",
        ]
        report.table(headings, [_fields(one) for one in found])


class Show(_OfTheQueue):
    """Show a message."""

    words = ("relay", "show")
    summary = "show a message: its envelope, and what was said about each recipient"
    examples = ("relay show --id 00062a1f3c4d5e6f-0123456789ab", "relay show --id 00062a1f --json")

    def arguments(self, parser: ArgumentParser) -> None:
        _add_id(parser, required=True)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        found = await store.relay.show(given.id)
        fields = _fields(found)
        recipients = [] if found.entry is None else _recipients(found.entry)
        lines = [f"{name + ':':<10}{_shown(value)}" for name, value in fields.items()]
        for one in recipients:
            lines.append(f"  <{one['address']}> {one['fate']}: {one['said'] or '-'}")
        report.text("\n".join(lines), **fields, recipients=recipients)


class _Doing(_OfTheQueue):
    """Something that is done with one message, or with all in a state."""

    verb: Verb
    done: str

    def arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group(required=True)
        _add_id(group)
        group.add_argument("--state", choices=_STATES, help="instead: all messages in this state")

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.what = (
            f"the message {given.id}" if given.id else f"all messages that are {given.state}"
        )
        super().prepare(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        if given.id is not None:
            found = [await store.relay.show(given.id)]
        else:
            found = await store.relay.list((State(given.state),))
        left = await store.relay.do(self.verb, found)
        text = f"{self.done}: {len(found) - left} messages"
        if left:
            text = f"{self.done} within seconds by the Sora that runs: {left} messages"
        report.say(text, messages=len(found), left_to_the_server=left)


class Retry(_Doing):
    """Try messages again."""

    words = ("relay", "retry")
    summary = "try a message again now, as if it were new; also one that has failed"
    examples = ("relay retry --id 00062a1f3c4d5e6f-0123456789ab", "relay retry --state failed")
    verb = Verb.RETRY
    done = "tried again"


class Delete(_Doing):
    """Delete messages."""

    words = ("relay", "delete")
    summary = "delete a message that is to be sent; its sender is not told"
    examples = (
        "relay delete --id 00062a1f3c4d5e6f-0123456789ab --yes",
        "relay delete --state failed --yes",
    )
    destroys = "Delete {what}? Nobody will be told."
    verb = Verb.DELETE
    done = "deleted"


class Stats(_OfTheQueue):
    """Count messages."""

    words = ("relay", "stats")
    summary = "count messages by state, with the age of the oldest"
    examples = ("relay stats", "relay stats --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        rows = [
            {
                "state": one.state.value,
                "messages": one.messages,
                "size": Octets(one.octets),
                "oldest": None if one.oldest is None else _moment(one.oldest),
                "age": None if one.oldest is None else int(store.relay.seconds() - one.oldest),
            }
            for one in await store.relay.stats()
        ]
        report.table(["state", "messages", "size", "oldest", "age"], rows)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _add_id(parser: Any, **options: Any) -> None:
    parser.add_argument(
        "--id", metavar="ID", help="the message, or a beginning of its id", **options
    )


def _fields(one: Queued) -> dict[str, Any]:
    entry = one.entry
    if entry is None:
        return {"id": one.name, "state": one.state.value, "error": "the file is damaged"}
    outgoing = entry.outgoing
    return {
        "id": one.name,
        "state": one.state.value,
        "kind": outgoing.kind,
        "from": f"<{outgoing.sender}>",
        "to": [recipient.address for recipient in outgoing.recipients],
        "size": Octets(entry.size),
        "queued": _moment(entry.queued),
        "attempts": entry.tries,
        "due": _moment(entry.due) if entry.remaining else None,
        "error": entry.error or _last(entry),
    }


def _last(entry: Entry) -> str | None:
    said = [answer for answer in entry.answers if answer.text or answer.code]
    return _said(said[0]) if said else None


def _recipients(entry: Entry) -> Sequence[dict[str, Any]]:
    return [
        {
            "address": recipient.address,
            "fate": answer.fate.value,
            "said": _said(answer),
            "remote": answer.remote,
        }
        for recipient, answer in zip(entry.outgoing.recipients, entry.answers, strict=True)
    ]


def _said(answer: Answer) -> str:
    return " ".join(filter(None, (str(answer.code or ""), answer.status, answer.text)))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(value)
    return "-" if value is None else str(value)
