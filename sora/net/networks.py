"""Which network an address is in."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from sora.config.units import Network

LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PRIVATE: Final[tuple[Network, ...]] = LOOPBACK + tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
        + ("fc00::/7", "fe80::/10"),
    )
)
"""loopback, and what is not routed on the Internet (RFC 1918, RFC 4193, RFC 3927, RFC 4291)"""
LOCAL: Final = "local"
"""the host of a peer on a local socket: it is on this machine"""


class Networks:
    """A set of networks that hosts are looked up in."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)

    def __contains__(self, host: object) -> bool:
        """Whether a textual address is in one of them. A local socket counts as loopback; what
        is no address is in none."""
        address = parse_host("127.0.0.1" if host == LOCAL else str(host))
        return address is not None and any(address in network for network in self._networks)

    def __bool__(self) -> bool:
        return bool(self._networks)


@lru_cache(maxsize=4096)
def parse_host(host: str) -> IPv4Address | IPv6Address | None:
    """A textual address as a value; one that maps IPv4 into IPv6 is the IPv4 one."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def counted_as(host: str) -> str:
    """What connections and failures of a host are counted under: an IPv6 subscriber has a
    whole /64, so that is one; everything else is itself."""
    address = parse_host(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address) if address is not None else host
