"""How durations, sizes, networks and endpoints are written in the configuration.

| unit | written | in Python |
| --- | --- | --- |
| duration | `"250ms" "30s" "15m" "1h" "14d" "1h30m"` | seconds, float |
| size | `"64kb" "5mb" "1gb"`, or a number of octets | octets, int |
| network | `"10.0.0.0/8"`, `"::1"` | `ip_network` |
| endpoint | `"host:143"`, `":993"`, `"[::1]:143"` | `Endpoint` |
| hosts | `"db1,db2:5433"`, `["db1", "db2:5433"]` | one text: see `endpoints_of` |

Sizes are binary, as the limits of mail servers always were: 1 kb is 1024 octets, and `kib`
says the same.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from attrs import frozen

Network = IPv4Network | IPv6Network

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(b|kb|mb|gb|tb|kib|mib|gib|tib)?", re.IGNORECASE)
MOST_HOSTS: Final = 16
"""Hosts of one database: each of them is looked at every second."""
_OCTETS: Final = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@frozen
class Endpoint:
    """A host and a port. An empty host means every interface, for what listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_duration(value: Any) -> float:
    """Seconds. Raises ValueError, saying how a duration is written."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text == "0":
            return 0.0
        parts = _DURATION_PART.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(
        f'{_shown(value)} is not a duration: write "250ms", "30s", "15m", "1h" or "14d"'
    )


def write_duration(seconds: float) -> str:
    """The shortest way to write a duration in one unit, if it is a whole number of one."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    for unit in ("d", "h", "m", "s"):
        step = round(_SECONDS[unit] * 1000)
        # Operators write 24h and 720h, and 14d: days only from two on.
        if milliseconds % step == 0 and (unit != "d" or milliseconds >= 2 * step):
            return f"{milliseconds // step}{unit}"
    return f"{milliseconds}ms"


def read_optional_duration(value: Any) -> float | None:
    """Seconds, or None for an empty text: never."""
    return None if value == "" else read_duration(value)


def read_durations(value: Any) -> tuple[float, ...]:
    """A list of durations, in seconds."""
    return tuple(map(read_duration, _list_of(value, "durations")))


def read_size(value: Any) -> int:
    """Octets. Raises ValueError, saying how a size is written."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        number, unit = found.groups()
        octets = float(number) * _OCTETS[(unit or "b")[0].lower()]
        if octets.is_integer():
            return int(octets)
    raise ValueError(f'{_shown(value)} is not a size: write "64kb", "5mb" or "1gb"')


def write_size(octets: int) -> str:
    """A size in its largest whole unit."""
    for unit in ("t", "g", "m", "k"):
        if octets and octets % _OCTETS[unit] == 0:
            return f"{octets // _OCTETS[unit]}{unit}b"
    return f"{octets}b"


def read_share(value: Any) -> float:
    """A part of all, from 0 to 1. Raises ValueError."""
    try:
        share = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{shown(value)} is not a share: write a number from 0 to 1, as 0.05")
    return share


def write_share(share: float) -> float | int:
    """A share as TOML has it."""
    return int(share) if share in (0, 1) else share


def read_networks(value: Any) -> tuple[Network, ...]:
    """Networks and single addresses."""
    return tuple(map(_network, _list_of(value, "networks")))


def _network(value: Any) -> Network:
    try:
        if isinstance(value, str):
            return ip_network(value.strip())
    except ValueError as error:
        if "host bits" in str(error):
            mend = ip_network(value.strip(), strict=False)
            raise ValueError(
                f'{_shown(value)} is an address in a network: write "{mend}"'
            ) from None
    raise ValueError(f'{_shown(value)} is not a network: write "10.0.0.0/8", "192.0.2.1" or "::1"')


def write_network(network: Network) -> str:
    """A network; a single address without its length."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def read_endpoint(value: Any, port: int | None = None) -> Endpoint:
    """A host and a port; `port` is for those that name none."""
    if isinstance(value, str):
        text = value.strip()
        host, colon, number = text.rpartition(":")
        if port is not None and (not colon or text.endswith("]")):
            host, colon, number = text, ":", str(port)
        bracketed = host.startswith("[") and host.endswith("]")
        if bracketed:
            host = host[1:-1]
        if (
            colon
            and number.isascii()
            and number.isdigit()
            and int(number) <= 65535
            and (bracketed or ":" not in host)
            and not re.search(r"[\s/@\[\]]", host)
        ):
            return Endpoint(host, int(number))
    raise ValueError(
        f"{_shown(value)} is not a host and a port: "
        'write "mail.example.com:143", ":993" or "[::1]:143"'
    )


def read_endpoints(value: Any) -> tuple[Endpoint, ...]:
    """A list of hosts and ports."""
    return tuple(map(read_endpoint, _list_of(value, "hosts and ports")))


def read_pattern(value: Any) -> str:
    """A regular expression, checked, as text."""
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a regular expression: write a text")
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{_shown(value)} is not a regular expression: {error}") from None
    return value


def read_workers(value: Any) -> int | str:
    """A number of processes from 1 on, or `auto`."""
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise ValueError(f'{_shown(value)} is not a number of processes: write 1, 4 or "auto"')


def read_hosts(value: Any) -> str:
    """One host or several, with commas between. Raises ValueError for one that is no host."""
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError(f'{_shown(value)} is not a host: write "db1", "db1,db2" or ["db1", "db2"]')
    hosts = [host.strip() for text in texts for host in text.split(",")]
    if len(hosts) > MOST_HOSTS:
        raise ValueError(f"{len(hosts)} hosts are too many: the most is {MOST_HOSTS}")
    for host in hosts:
        if not host:
            raise ValueError(f"{_shown(value)} has an empty host in it")
        _host_and_port(host, 5432)
    if len(set(hosts)) < len(hosts):
        raise ValueError(f"{_shown(value)} names a host twice")
    return ",".join(hosts)


def endpoints_of(hosts: str, port: int) -> tuple[Endpoint, ...]:
    """The hosts of a text that `read_hosts` gave, each with its own port or else `port`. A host
    that begins with `/` is the directory of a Unix socket."""
    return tuple(_host_and_port(host, port) for host in hosts.split(","))


def _host_and_port(host: str, port: int) -> Endpoint:
    if host.startswith("/") or ":" not in host or _is_address(host):
        return Endpoint(host, port)
    return read_endpoint(host)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@frozen
class Unit:
    """A way to write values: its name, how it is read, how it is written as TOML."""

    name: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _each(write: Callable[[Any], str]) -> Callable[[Any], list[str]]:
    return lambda values: [write(value) for value in values]


DURATION = Unit("duration", read_duration, write_duration)
OPTIONAL_DURATION = Unit(
    "duration, or empty for never",
    read_optional_duration,
    lambda value: "" if value is None else write_duration(value),
)
DURATIONS = Unit("list of durations", read_durations, _each(write_duration))
SIZE = Unit("size", read_size, write_size)
SHARE = Unit("0 to 1", read_share, write_share)
NETWORKS = Unit("list of networks", read_networks, _each(write_network))
ENDPOINT = Unit("host:port", read_endpoint, str)
ENDPOINTS = Unit("list of host:port", read_endpoints, _each(str))
HOSTS = Unit("host, or several with commas", read_hosts, str)
OPTIONAL_HOSTS = Unit(
    "host, or several with commas", lambda value: value and read_hosts(value), str
)
PATTERN = Unit("regular expression", read_pattern, str)
WORKERS = Unit('number, or "auto"', read_workers, lambda value: value)


def _list_of(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{_shown(value)} is not a list of {what}: write it in brackets, [...]")
    return value


def _shown(value: Any) -> str:
    """A value as TOML shows it, for an error."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "a table"
    return repr(value)


shown = _shown
