"""`twistd sora` without a configuration: everything in one directory, on 127.0.0.1.

An embedded PostgreSQL, a directory for the bodies, a self-signed certificate, and a first
account whose password is made up and kept in a file that only its owner can read. Nothing of
it is special: it is a configuration like any other, written here, which `--set` and the
environment override.
"""

import os
import re
import sys
from base64 import b32encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import toml
from attrs import frozen

from sora.addresses import parse_address
from sora.app.postgres_server import PostgresServer
from sora.app.processes import choose_account
from sora.app.reach import bring_within_reach
from sora.config.config import Config
from sora.config.servers import ServerConfig
from sora.errors import NoSuchAccount
from sora.operations.accounts import AccountOperations
from sora.tls.self_signed import self_signed

HOST: Final = "127.0.0.1"
DEFAULT_DIRECTORY: Final = "var"
DEFAULT_BASE_PORT: Final = 10000
DEFAULT_ACCOUNT: Final = "user@example.com"
PORTS: Final = {
    "http": 8080,
    "imap": 143,
    "imaps": 993,
    "lmtp": 24,
    "managesieve": 4190,
    "pop3": 110,
    "pop3s": 995,
}
"""what is added to the base port"""
LARGEST_BASE_PORT: Final = 65535 - 8080
MODE_NAME: Final = "the embedded mode"


@frozen
class EmbeddedOptions:
    """What was asked for. `account` and `password` are None when they were not given."""

    directory: Path
    base_port: int = DEFAULT_BASE_PORT
    account: str | None = None
    password: str | None = None

    @property
    def postgres(self) -> Path:
        """The directory of the database server."""
        return self.directory / "postgres"

    @property
    def key_file(self) -> Path:
        """Where the key of the HTTP API is kept."""
        return self.directory / "api-key"

    @property
    def config_file(self) -> Path:
        """Where the configuration is kept for commands."""
        return self.directory / "config.toml"

    @property
    def settings_file(self) -> Path:
        """Where it stands what `--set` has changed of it."""
        return self.directory / "settings.json"

    @property
    def password_file(self) -> Path:
        """Where the first account's address and password are kept."""
        return self.directory / "password"


@frozen
class Login:
    """An account and its password; `is_new` when nobody was told of the password yet."""

    account: str
    password: str
    is_new: bool


def configuration(options: EmbeddedOptions, say: Callable[[str], None]) -> str:
    """The configuration of the embedded mode, as TOML. The directory and the certificate are
    made if they are not there.

    Raises OSError when the directory cannot be used, PostgresRefused when the database's cannot.
    """
    directory = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    if not options.postgres.exists():
        # Later a missing directory is bodies that are missing, and is not made up for.
        (directory / "objects").mkdir(mode=0o700, exist_ok=True)
        bring_within_reach(options.postgres, choose_account(), say)
    if not options.key_file.exists():
        keep_secret(options.key_file, token_hex(32))
    certificate = self_signed(directory / "tls", "localhost", datetime.now(UTC))
    tls_files = {
        "tls_cert_file": str(certificate.cert_file),
        "tls_key_file": str(certificate.key_file),
    }

    def server(kind: str, name: str, **keys: Any) -> dict[str, Any]:
        addr = f"{HOST}:{options.base_port + PORTS[name]}"
        return {"type": kind, "name": name, "addr": addr, **tls_files, **keys}

    server_of_database = PostgresServer(options.postgres).server()
    return toml.dumps(
        {
            "database": {
                "host": server_of_database.host,
                "port": server_of_database.port,
                "dbname": server_of_database.database,
                "user": server_of_database.user,
                "max_conns": 30,
                "min_conns": 2,
            },
            "s3": {"provider": "filesystem", "path": str(directory / "objects")},
            # The bodies are on this disk already.
            "cache": {"path": ""},
            "logging": {"output": str(directory / "sora.log")},
            "admin": {
                "api_url": f"http://{HOST}:{options.base_port + PORTS['http']}",
                "api_key_file": str(options.key_file),
            },
            "servers": [
                server("imap", "imap"),
                server("imap", "imaps", tls=True),
                server("managesieve", "managesieve"),
                server("lmtp", "lmtp", trusted_networks=["127.0.0.0/8", "::1"]),
                server("pop3", "pop3"),
                server("pop3", "pop3s", tls=True),
                {
                    "type": "http_api",
                    "name": "http",
                    "addr": f"{HOST}:{options.base_port + PORTS['http']}",
                    "api_key_file": str(options.key_file),
                },
            ],
        }
    )


def choose_login(options: EmbeddedOptions, random: Callable[[int], bytes]) -> Login:
    """The first account and its password: as given, as remembered, or made up."""
    remembered = _remembered(options.password_file)
    account = options.account or (remembered[0] if remembered else DEFAULT_ACCOUNT)
    account = parse_address(account).base
    same = remembered is not None and remembered[0] == account
    if same and remembered is not None and options.password in (None, remembered[1]):
        return Login(account, remembered[1], is_new=False)
    return Login(account, options.password or _made_up(random), is_new=True)


async def ensure_account(operations: AccountOperations, login: Login) -> bool:
    """Have the account, with this password. Gives whether it was made now."""
    try:
        row = await operations.show(login.account)
    except NoSuchAccount:
        await operations.create(login.account, login.password)
        return True
    if row.deleted_at is not None:
        await operations.restore(login.account)
    if login.is_new:
        await operations.update(login.account, login.password)
    return False


def remember(options: EmbeddedOptions, login: Login) -> None:
    """Keep the account and its password."""
    keep_secret(options.password_file, f"{login.account} {login.password}")


def keep_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it is there as a whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def welcome(options: EmbeddedOptions, config: Config, login: Login) -> str:
    """What is said when everything serves: the line `ready`, and how to try it."""
    rows = [(_protocol_of(one), str(one.addr), _tls_of(one)) for one in config.servers if one.start]
    lines = ["ready: Sora serves mail on this machine", ""]
    lines += [f"  {kind:<12}{addr:<24}{tls}".rstrip() for kind, addr, tls in rows]
    lines += ["", f"  {'account':<12}{login.account}", f"  {'password':<12}{login.password}"]
    lines += [f"  {'log':<12}{config.logging.output}", "", "  Try it:"]
    lines += [f"    {example}" for example in _examples(options, config, login)]
    admin = "sora-admin accounts list --dir " + _shell(str(options.directory))
    lines += [f"    {_program('twistd')} {admin}", "", "  Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def _examples(options: EmbeddedOptions, config: Config, login: Login) -> list[str]:
    found = []
    for server in sorted(config.servers, key=lambda one: one.type != "lmtp"):
        host, port = server.addr.host, server.addr.port
        if server.type == "lmtp":
            found.append(
                f"swaks --protocol LMTP --server {host} --port {port} "
                f"--from you@example.org --to {_shell(login.account)}"
            )
        elif server.type == "imap" and server.tls:
            found.append(
                f"curl -k --user {_shell(f'{login.account}:{login.password}')} "
                f"'imaps://{host}:{port}/INBOX;UID=1'"
            )
        elif server.type == "pop3" and server.tls:
            found.append(
                f"curl -k --user {_shell(f'{login.account}:{login.password}')} "
                f"pop3s://{host}:{port}/1"
            )
        elif server.type == "http_api":
            key = f"$(cat {_shell(str(options.key_file))})"
            found.append(
                f'curl -H "Authorization: Bearer {key}" http://{host}:{port}/admin/accounts'
            )
    return found


def _protocol_of(server: ServerConfig) -> str:
    if server.type == "http_api":
        return "HTTPS" if server.tls else "HTTP"
    return server.type.upper() + ("S" if server.tls else "")


def _tls_of(server: ServerConfig) -> str:
    if server.tls:
        return "TLS, self-signed certificate"
    if not (server.starttls and server.tls_cert_file):
        return ""
    return "STLS" if server.type == "pop3" else "STARTTLS"


def _shell(word: str) -> str:
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else "'" + word.replace("'", "'\\''") + "'"


def _program(name: str) -> str:
    """A program of our own environment, as it can be typed from here."""
    path = Path(sys.argv[0]).resolve().parent / name
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path) if path.exists() else name


def _remembered(file: Path) -> tuple[str, str] | None:
    try:
        account, _, password = file.read_text("utf-8").rstrip("\n").partition(" ")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return (account, password) if account and password else None


def _made_up(random: Callable[[int], bytes]) -> str:
    text = b32encode(random(15)).decode("ascii").lower()
    return "-".join(text[start : start + 6] for start in range(0, 24, 6))
