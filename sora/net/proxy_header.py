"""PROXY protocol headers, versions 1 and 2: who a proxy in front of us speaks for.

The form is that of HAProxy's `proxy-protocol.txt`. Pure: octets in, a value out. A header is
never guessed: a sender that is trusted has to send one (§5), and it is read whole before
anything else is (G56).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from re import compile as compile_regex
from struct import Struct
from typing import Final

from attrs import frozen

from sora.net.peer import Peer

SIGNATURE_V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
SIGNATURE_V1: Final = b"PROXY "
MAX_V1: Final = 107
"""octets of a version 1 header, with its CRLF (§2.1)"""
MAX_V2: Final = 16 + 2048
"""octets of a version 2 header that we take; type-length-values come with it"""

_V1 = compile_regex(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?"
    rb"|(TCP[46]) ([0-9A-Fa-f:.]+) [0-9A-Fa-f:.]+ (\d{1,5}) \d{1,5})\r\n"
)
_HEAD = Struct("!12sBBH")
_PORT = Struct("!H")
_ADDRESS_OCTETS: Final = {0x11: 4, 0x21: 16}
"""TCP over IPv4 and over IPv6, and how long an address is"""


class BadProxyHeader(Exception):
    """What a trusted sender sent is no PROXY header."""


@frozen
class ProxyHeader:
    """A header of `size` octets. `source` is None when the proxy speaks for itself (LOCAL,
    UNKNOWN), or for something that has no Internet address: the socket's address holds."""

    size: int
    source: Peer | None


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header that `data` begins with, or None when there is more of it to come.

    Raises:
        BadProxyHeader: `data` does not begin with one.
    """
    if data[:12] == SIGNATURE_V2[: len(data)]:
        return _read_v2(data)
    if data[:6] == SIGNATURE_V1[: len(data)]:
        return _read_v1(data)
    raise BadProxyHeader("no PROXY header came")


def _read_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\n", 0, MAX_V1)
    if end < 0:
        if len(data) >= MAX_V1:
            raise BadProxyHeader("the PROXY header is too long")
        return None
    match = _V1.fullmatch(data[: end + 1])
    if match is None:
        raise BadProxyHeader("the PROXY header is damaged")
    family, host, port = match.groups()
    if family is None:
        return ProxyHeader(end + 1, None)
    try:
        address = ip_address(host.decode("ascii"))
    except ValueError:
        raise BadProxyHeader("the PROXY header has no address") from None
    if (address.version == 4) != (family == b"TCP4") or int(port) > 65535:
        raise BadProxyHeader("the PROXY header contradicts itself")
    return ProxyHeader(end + 1, _peer(address, int(port)))


def _read_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < 16:
        return None
    _, version_command, family, length = _HEAD.unpack_from(data)
    size = 16 + length
    if version_command not in (0x20, 0x21):
        raise BadProxyHeader("the PROXY header is of an unknown version or command")
    if size > MAX_V2:
        raise BadProxyHeader("the PROXY header is too long")
    if len(data) < size:
        return None
    octets = _ADDRESS_OCTETS.get(family)
    if version_command == 0x20 or octets is None:
        return ProxyHeader(size, None)
    if length < 2 * octets + 4:
        raise BadProxyHeader("the PROXY header is too short for its addresses")
    host = ip_address(data[16 : 16 + octets])
    (port,) = _PORT.unpack_from(data, 16 + 2 * octets)
    return ProxyHeader(size, _peer(host, port))


def _peer(address: IPv4Address | IPv6Address, port: int) -> Peer:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return Peer(str(mapped or address), port)
