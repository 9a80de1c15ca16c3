"""`sora-admin messages deliver`: by a running server, as if the message had come by LMTP."""

import re
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.files import STDIN, octets_of

MAX_FILE: Final = 512 * 1024 * 1024
"""octets that are read of a file; the server's limit is far below"""
PATIENCE: Final = 120.0
"""seconds that a server may take: it does what a recipient's filters want"""


class Deliver(Command):
    """Deliver a message."""

    words = ("messages", "deliver")
    summary = "deliver a message as LMTP does: filters, quotas, and no duplicates"
    examples = (
        "messages deliver --email ann@example.com --file notice.eml",
        "messages deliver --email ann@example.com --email bob@example.com"
        " --sender postmaster@example.com --file - < notice.eml",
    )
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--email",
            metavar="ADDRESS",
            action="append",
            required=True,
            help="who is to have it; may be given again",
        )
        parser.add_argument(
            "--sender",
            metavar="ADDRESS",
            default="",
            help="the envelope's sender (default: none, and nobody is answered)",
        )
        parser.add_argument(
            "--file",
            metavar="FILE",
            default=STDIN,
            help="the message (default: -, the standard input); lines that end with LF alone end"
            " with CRLF then",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.message = with_crlf(_read(given.file, terminal))

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        query = [("recipient", one) for one in given.email]
        if given.sender:
            query.append(("sender", given.sender))
        done = await store.api.send(
            "/mail/deliver", given.message, "message/rfc822", query, PATIENCE
        )
        report.say("\n".join(map(_line, done["outcomes"])), **done)
        if done["failed"]:
            count = len(done["outcomes"])
            raise CommandFailed(f"{done['failed']} of {count} recipients do not have the message")


def with_crlf(message: bytes) -> bytes:
    """A message as it is sent: Unix ends its lines with LF alone. A message with a CR in it is left
    as it is."""
    return message if b"\r" in message else re.sub(b"\n", b"\r\n", message)


def _read(file: str, terminal: Terminal) -> bytes:
    octets = octets_of(file, terminal, MAX_FILE + 1)
    if not octets:
        raise CommandFailed("there is no message: the file is empty")
    if len(octets) > MAX_FILE:
        raise CommandFailed(f"a message of more than {MAX_FILE} octets is not sent")
    return octets


def _line(one: dict[str, Any]) -> str:
    return f"{one['recipient']}: {one['code']} {one['status']} {one['text']}"
