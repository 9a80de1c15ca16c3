"""`sora-admin config api-key`: a key of the HTTP API, and what to write for it."""

import re
from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.operations.api_keys import LEAST, digest_of, new_key


class MakeKey(Command):
    """Make one."""

    words = ("config", "api-key")
    summary = "make a key of the HTTP API, and what a server's configuration has of it: a hash"
    examples = (
        "config api-key --name dashboard",
        "config api-key --name billing --scope write",
        "config api-key --name billing --stdin <key.txt",
    )
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="what the log calls it")
        parser.add_argument(
            "--scope",
            choices=("read", "export", "write"),
            default="read",
            help="default: read",
        )
        parser.add_argument(
            "--stdin", action="store_true", help="hash the key in the first line of the input"
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if not re.fullmatch(r"[\w.@-]{1,64}", given.name):
            raise CommandFailed("--name: 1 to 64 letters, digits, points, @, _ and -")
        given.key = terminal.stdin.readline().strip() if given.stdin else ""
        if given.stdin and len(given.key) < LEAST:
            raise CommandFailed(f"the key has to have {LEAST} characters at least")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        key = given.key or new_key()
        entry = (
            f'[[servers.api_keys]]\nname = "{given.name}"\ndigest = "{digest_of(key)}"\n'
            f'scopes = ["{given.scope}"]'
        )
        shown = "" if given.stdin else f"The key, which is shown this once: {key}\n\n"
        where = "Write below the [[servers]] entry of type http_api, and reload:"
        fields = {"name": given.name, "digest": digest_of(key), "scopes": [given.scope]}
        if not given.stdin:
            fields["key"] = key
        report.text(f"{shown}{where}\n\n{entry}", **fields)
