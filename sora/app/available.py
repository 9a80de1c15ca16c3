"""What a configuration asks for that this version does not have yet.

The configuration file of all versions is one. What would be unsafe to pass over in silence
(a server that is to listen, encryption, a second copy) is refused at start; the rest is said
in the log.
"""

from typing import Final

from sora.config.config import Config
from sora.config.problems import ConfigError, Path, Problem, dotted

SERVERS: Final = frozenset({"http_api", "imap", "lmtp", "managesieve", "pop3"})
"""types of servers that there are: those of `sora.app.servers.BUILDERS`, known without it"""
_MISSING = "not available in this version"
_UNUSED: Final[tuple[Path, ...]] = (("cluster", "enabled"),)
"""keys and tables that do nothing yet: said when they are not as by default"""


def require_available(config: Config) -> list[str]:
    """Raise ConfigError for what must not be passed over; gives sentences for the log."""
    refused = _refused(config)
    if refused:
        raise ConfigError([Problem("", dotted(path), text) for path, text in refused])
    return [f"{dotted(path)}: {text}" for path, text in _passed_over(config)]


def _refused(config: Config) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for number, server in enumerate(config.servers):
        if server.start and server.type not in SERVERS:
            mend = f"servers of type {server.type} are {_MISSING}: set start = false"
            found.append((("servers", number, "type"), mend))
    if config.process.workers != 1:
        text = f"more than one process is {_MISSING}: set workers = 1"
        found.append((("process", "workers"), text))
    if config.tls.enabled and config.tls.provider == "letsencrypt":
        mend = f'letsencrypt is {_MISSING}: set provider = "file", or tls_cert_file'
        found.append((("tls", "provider"), mend))
    return found


def _passed_over(config: Config) -> list[tuple[Path, str]]:
    default = Config()
    changed = [path for path in _UNUSED if _value(config, path) != _value(default, path)]
    changed += [
        ("servers", number, "client_filters")
        for number, server in enumerate(config.servers)
        if server.start and server.client_filters
    ]
    return [(path, f"this is {_MISSING} and has no effect") for path in changed]


def _value(config: Config, path: Path) -> object:
    value: object = config
    for name in path:
        value = getattr(value, str(name))
    return value
