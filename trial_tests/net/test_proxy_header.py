from struct import pack

from twisted.trial.unittest import SynchronousTestCase

from sora.net.peer import Peer
from sora.net.proxy_header import (
    SIGNATURE_V2,
    BadProxyHeader,
    ProxyHeader,
    read_proxy_header,
)


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE_V2 + pack("!BBH", command, family, len(body)) + body


IPV4 = v2(0x21, 0x11, bytes([192, 0, 2, 7, 192, 0, 2, 1]) + pack("!HH", 5000, 993))
IPV6 = v2(0x21, 0x21, bytes.fromhex("20010db8" + "0" * 23 + "9") + b"\0" * 16 + pack("!HH", 1, 2))
GOOD = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 993\r\n", Peer("192.0.2.7", 5000)),
    (b"PROXY TCP6 2001:db8::9 ::1 1 2\r\n", Peer("2001:db8::9", 1)),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", Peer("192.0.2.7", 1)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    (IPV4, Peer("192.0.2.7", 5000)),
    (IPV6, Peer("2001:db8::9", 1)),
    # with type-length-values behind the addresses
    (v2(0x21, 0x11, IPV4[16:] + b"\x04\0\x02ab"), Peer("192.0.2.7", 5000)),
    # LOCAL, UNSPEC and AF_UNIX: the socket's address holds
    (v2(0x20, 0x11, IPV4[16:]), None),
    (v2(0x20, 0x00, b""), None),
    (v2(0x21, 0x00, b""), None),
    (v2(0x21, 0x31, b"\0" * 216), None),
]
BAD = [
    b"A001 NOOP\r\n",
    b"PROXY\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 5000\r\n",
    b"PROXY TCP4 192.0.2.777 192.0.2.1 5000 993\r\n",
    b"PROXY TCP4 2001:db8::9 ::1 1 2\r\n",
    b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 70000 993\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 993\n",
    b"PROXY TCP4 " + b"1" * 200,
    b"\x16\x03\x01",
    v2(0x31, 0x11, IPV4[16:]),
    v2(0x22, 0x11, IPV4[16:]),
    v2(0x21, 0x11, b"\0" * 11),
    SIGNATURE_V2 + pack("!BBH", 0x21, 0x11, 60000),
]


class ProxyHeaderTests(SynchronousTestCase):
    def test_reads_headers_and_leaves_what_follows(self) -> None:
        for header, source in GOOD:
            for rest in (b"", b"A001 NOOP\r\n", header):
                read = read_proxy_header(header + rest)
                self.assertEqual(read, ProxyHeader(len(header), source), header)

    def test_waits_for_the_whole_header_at_every_split(self) -> None:
        for header, _ in GOOD:
            for at in range(len(header)):
                self.assertIsNone(read_proxy_header(header[:at]), (header, at))

    def test_refuses_what_is_none(self) -> None:
        for octets in BAD:
            with self.assertRaises(BadProxyHeader, msg=repr(octets)):
                read_proxy_header(octets)
