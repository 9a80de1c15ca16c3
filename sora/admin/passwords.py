"""Passwords on a command line: asked for, from stdin or from a file; or a hash made elsewhere.

What stands on a command line is seen by everybody who may list processes (G69): it is never needed
there.
"""

from argparse import ArgumentParser, Namespace

from sora.admin.command import Command, CommandFailed, Terminal
from sora.admin.files import STDIN, first_line
from sora.auth.passwords import SCHEMES
from sora.operations.accounts import HASHED


class WantsPassword(Command):
    """A command that sets one: after `prepare` it is `given.password`, or a hash; then `given.hash`
    is HASHED."""

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        """Ask for a password that is not given. Raises CommandFailed."""
        super().prepare(given, terminal)
        if given.password_hash is not None:
            given.hash = HASHED
            given.password = given.password_hash
            if given.password == STDIN:
                given.password = terminal.password()
        elif given.password_file is not None:
            given.password = _password_in(given.password_file)
        elif given.password is None:
            given.password = terminal.password()


def add_password(parser: ArgumentParser) -> None:
    """`--password`, `--password-file`, `--password-hash` and `--hash`."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument(
        "--password",
        help="the password, which others can see in a list of processes; asked for, or read from"
        " stdin, without",
    )
    one.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    one.add_argument(
        "--password-hash",
        metavar="HASH",
        help="instead: a hash that was made elsewhere, as Dovecot and others write it (bcrypt,"
        " SHA512-CRYPT, SSHA512, SCRAM-SHA-256, ...); `-`: read from stdin",
    )
    parser.add_argument(
        "--hash", choices=SCHEMES, default="bcrypt", help="how it is stored (default: bcrypt)"
    )


def _password_in(path: str) -> str:
    """The first line of a file. Raises CommandFailed when there is none, or nothing in it."""
    line = first_line(path)
    if not line:
        raise CommandFailed(f"the first line of {path} is empty: the password stands there")
    return line
