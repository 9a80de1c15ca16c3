"""What a configuration must fulfil before it is started, beyond being well formed.

Loading is generous, so that a file with placeholders can be read and shown; starting is
not (G52).
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from re import fullmatch
from typing import Any, Final

from attrs import fields

from sora.config.config import Config
from sora.config.keys import about, array_of, table_of
from sora.config.logging import LoggingConfig
from sora.config.problems import ConfigError, Path, Problem, dotted
from sora.config.relay import RelayConfig
from sora.config.s3 import EncryptionKey, S3Config
from sora.config.servers import ServerConfig
from sora.config.sieve import SieveConfig
from sora.config.tracing import tracing_flaws

MIN_PART: Final = 5 * 1024 * 1024
MAX_SIEVE_NESTING: Final = 60
MAX_SIEVE_INCLUDES: Final = 30
_PLACEHOLDERS: Final = frozenset(
    {
        "...",
        "changeme",
        "change-me",
        "secret",
        "password",
        "your-password",
        "your-secret",
        "your-api-key",
        "your-access-key",
        "your-secret-key",
        "base64-encoded-32-byte-key",
        "example",
        "xxx",
        "todo",
    }
)


def check(config: Config, where: Callable[[Path], str] = lambda path: "") -> None:
    """Raise ConfigError when this configuration cannot be started as it is.

    `where` is that of `Loaded`.
    """
    found = (
        *_placeholders(config),
        *_keys(config),
        *_servers(config),
        *_relay(config.relay),
        *_sieve(config.sieve),
        *_rest(config),
    )
    problems = [Problem(where(path), dotted(path), text) for path, text in found]
    if problems:
        raise ConfigError(problems)


def is_placeholder(secret: str) -> bool:
    """Whether a secret is one that stands in examples."""
    text = secret.strip().lower()
    return text in _PLACEHOLDERS or (text.startswith("<") and text.endswith(">"))


def _secrets(value: Any, path: Path = ()) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for attribute in fields(type(value)):
        here = (*path, attribute.name)
        item = getattr(value, attribute.name)
        if table_of(attribute):
            found += _secrets(item, here)
        elif array_of(attribute):
            for number, entry in enumerate(item):
                found += _secrets(entry, (*here, number))
        elif about(attribute).secret:
            found.append((here, item))
    return found


def _placeholders(config: Config) -> list[tuple[Path, str]]:
    mend = "this is a placeholder: write the real secret, or its file with `{name}_file`"
    return [
        (path, mend.format(name=path[-1]))
        for path, secret in _secrets(config)
        if is_placeholder(secret) and _matters(config, path)
    ]


def _matters(config: Config, path: Path) -> bool:
    """Whether the secret at this path is used at all."""
    match path[0]:
        case "s3":
            return config.s3.provider == "s3" or path[1] == "encryption_keys"
        case "servers":
            return config.servers[int(path[1])].start
        case "cluster":
            return config.cluster.enabled
        case "tls":
            return config.tls.enabled and config.tls.provider == "letsencrypt"
        case "relay":
            return bool(config.relay.type)
        case "tracing":
            return config.tracing.enabled
    return True


def _keys(config: Config) -> list[tuple[Path, str]]:
    wanted: list[tuple[Path, str]] = []
    if config.cluster.enabled:
        wanted.append((("cluster", "secret_key"), config.cluster.secret_key))
    for number, key in enumerate(config.s3.encryption_keys):
        wanted.append((("s3", "encryption_keys", number, "key"), key.key))
    mend = "this must be 32 octets in base64: openssl rand -base64 32"
    found = [(path, mend) for path, text in wanted if not _is_32_octets(text)]
    return found + _key_ids(config.s3.encryption_keys)


def _key_ids(keys: Sequence[EncryptionKey]) -> list[tuple[Path, str]]:
    """The id of a key is in each object that it encrypts: 32 octets are there for it."""
    found: list[tuple[Path, str]] = []
    seen: set[str] = set()
    for number, entry in enumerate(keys):
        path: Path = ("s3", "encryption_keys", number, "id")
        if not fullmatch(r"[A-Za-z0-9._-]{1,32}", entry.id):
            found.append((path, "this must be 1 to 32 letters, digits, points, _ and -"))
        if entry.id in seen:
            found.append(
                (path, f"another key is called {entry.id}, too: an id is never used again")
            )
        seen.add(entry.id)
    return found


def _is_32_octets(text: str) -> bool:
    if is_placeholder(text):
        return True  # said already
    try:
        return len(b64decode(text, validate=True)) == 32
    except (Base64Error, ValueError):
        return False


def _servers(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    seen: dict[str, int] = {}
    labels: set[str] = set()
    for number, server in enumerate(config.servers):
        if not server.start:
            continue
        path: Path = ("servers", number)
        if str(server.addr) in seen and server.addr.port:
            found.append(
                (
                    (*path, "addr"),
                    f"servers[{seen[str(server.addr)]}] listens on {server.addr}, too",
                )
            )
        seen.setdefault(str(server.addr), number)
        if server.label in labels:
            found.append(((*path, "name"), f"another server is called {server.label}, too"))
        labels.add(server.label)
        found += _certificates(config, server, path)
        if server.type == "http_api":
            found += _api_keys(server, path)
        if server.type.endswith("_proxy") and not server.remote_addrs:
            found.append(((*path, "remote_addrs"), "name at least one server behind the proxy"))
    return found


def _api_keys(server: ServerConfig, path: Path) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if not server.api_key and not server.api_keys:
        found.append(((*path, "api_key"), "this must not be empty: openssl rand -hex 32"))
    if server.api_key and len(server.api_key) < 16 and not is_placeholder(server.api_key):
        found.append(((*path, "api_key"), "this is too short to be safe: openssl rand -hex 32"))
    names: set[str] = set()
    for number, entry in enumerate(server.api_keys):
        here = (*path, "api_keys", number)
        if not entry.name or entry.name in names:
            found.append(((*here, "name"), "give each key a name of its own"))
        names.add(entry.name)
        if bool(entry.key) == bool(entry.digest):
            found.append(((*here, "digest"), "give the digest of the key, or the key itself"))
        elif entry.digest and not fullmatch("sha256:[0-9a-f]{64}", entry.digest):
            mend = "this must be sha256: and 64 digits: printf %s KEY | sha256sum"
            found.append(((*here, "digest"), mend))
        elif entry.key and len(entry.key) < 16 and not is_placeholder(entry.key):
            found.append(((*here, "key"), "this is too short to be safe: openssl rand -hex 32"))
        if not entry.scopes or not set(entry.scopes) <= {"read", "export", "write"}:
            mend = 'these must be of "read", "export" and "write"'
            found.append(((*here, "scopes"), mend))
    return found


def _certificates(config: Config, server: ServerConfig, path: Path) -> list[tuple[Path, str]]:
    if bool(server.tls_cert_file) != bool(server.tls_key_file):
        return [((*path, "tls_cert_file"), "tls_cert_file and tls_key_file go together")]
    if server.tls and not server.tls_cert_file and not config.tls.enabled:
        mend = "no certificate: set tls_cert_file and tls_key_file, or enable [tls]"
        return [((*path, "tls"), mend)]
    return []


def _relay(relay: RelayConfig) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if relay.type == "smtp":
        try:
            relay.smtp_target  # noqa: B018 - whether it can be read
        except ValueError:
            text = 'name the server and its port: "smtp.example.com:587"'
            found.append((("relay", "smtp_host"), text))
        if bool(relay.username) != bool(relay.password):
            found.append((("relay", "username"), "username and password go together"))
    if relay.type == "http" and not relay.http_url.startswith(("http://", "https://")):
        text = 'say where messages are posted to: "https://relay.example.com/send"'
        found.append((("relay", "http_url"), text))
    if relay.type and not relay.queue.path.startswith("/"):
        found.append((("relay", "queue", "path"), "name a directory, from / on"))
    if relay.type and bool(relay.tls_cert_file) != bool(relay.tls_key_file):
        text = "tls_cert_file and tls_key_file go together"
        found.append((("relay", "tls_cert_file"), text))
    return found


def _sieve(sieve: SieveConfig) -> list[tuple[Path, str]]:
    """What is nested is compiled and run by functions that call themselves: Python has a limit."""
    found: list[tuple[Path, str]] = []
    for name, value, most in (
        ("max_nesting", sieve.max_nesting, MAX_SIEVE_NESTING),
        ("max_include_depth", sieve.max_include_depth, MAX_SIEVE_INCLUDES),
    ):
        if value > most:
            found.append((("sieve", name), f"at most {most} levels are possible"))
    if sieve.imapsieve_url and not fullmatch(r"sieve://[!-.0-~]+", sieve.imapsieve_url):
        found.append((("sieve", "imapsieve_url"), "write sieve://host, or sieve://host:port"))
    return found


def _second(s3: S3Config) -> list[tuple[Path, str]]:
    """A second bucket is another one, and nothing waits for a directory and a bucket at once."""
    second, found = s3.second, list[tuple[Path, str]]()
    if not second.bucket:
        return found
    if s3.provider == "filesystem" and second.mode == "sync":
        found.append((("s3", "second", "mode"), 'with a directory this must be "queue"'))
    if bool(second.access_key) != bool(second.secret_key):
        found.append((("s3", "second", "access_key"), "access_key and secret_key go together"))
    first, other = s3.endpoint.rstrip("/"), s3.of_second.endpoint.rstrip("/")
    if s3.provider == "s3" and (first, s3.bucket) == (other, second.bucket):
        found.append((("s3", "second", "bucket"), "this is the first bucket: name another one"))
    return found


def _logging(logging: LoggingConfig) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    try:
        logging.by_part  # noqa: B018 - whether it can be read
    except ValueError as error:
        found.append((("logging", "levels"), str(error)))
    if logging.transcript_users and not logging.transcript_path.startswith("/"):
        found.append((("logging", "transcript_path"), "name a directory, from / on"))
    return found


def _rest(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if config.s3.provider == "s3" and not config.s3.bucket:
        found.append((("s3", "bucket"), 'name a bucket, or set provider = "filesystem"'))
    if config.s3.provider == "filesystem" and not config.s3.path:
        found.append((("s3", "path"), "name a directory"))
    found += _second(config.s3)
    found += _logging(config.logging)
    if config.tracing.enabled:
        found += tracing_flaws(config.tracing)
    for number, directory in enumerate(config.admin.exchange_directories):
        if not directory.startswith("/") or not directory.strip("/"):
            text = "name an absolute path, and not the root of all"
            found.append((("admin", "exchange_directories", number), text))
    if config.s3.multipart_part_size < MIN_PART:
        found.append((("s3", "multipart_part_size"), "stores want 5mb at least"))
    if config.database.min_conns > config.database.max_conns:
        found.append((("database", "min_conns"), "this is more than max_conns"))
    if config.tls.enabled and config.tls.provider == "file":
        for name in ("cert_file", "key_file"):
            if not getattr(config.tls, name):
                found.append((("tls", name), "name a PEM file, or set another provider"))
    return found
