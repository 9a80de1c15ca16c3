"""Ports and addresses of this machine that no other test has, in whatever process or checkout.

A port is often given away before anybody listens on it: it stands in a configuration, and a server
is started with it. So it is not enough that it is free now. The ports below those that the system
gives to outgoing connections are cut into blocks, and a process takes whole blocks. What marks a
block as taken is a socket with an abstract name: only one process can have it, it is seen exactly
where the ports are (in this network namespace), and it is gone with the process, however that ends.

A block is rows of 32 ports. The first of a row may be the base of an embedded Sora, whose ports are
at fixed distances from it (`PORTS` of `sora/app/embedded_mode.py`): no two rows have one of these
in common, and `free_port` gives none of them.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from typing import Final

from sora.app.embedded_mode import PORTS

ROW: Final = 32
BLOCK: Final = 5 * ROW
FIRST: Final = 64 * BLOCK
END: Final = 32_768
"""where Linux begins with outgoing connections, unless it is told otherwise"""
_OF_A_BASE: Final = frozenset(offset % ROW for offset in PORTS.values())
"""places in a row that belong to the base of this or another row"""
_blocks: list[tuple[int, socket.socket]] = []
"""what this process has, by first ports"""


def free_port() -> int:
    """A port on 127.0.0.1 that is free, and stays so until this process listens on it, or another
    one does on its behalf. Each is given once."""
    return next(_PORTS)


def free_base_port() -> int:
    """The same for all ports of an embedded Sora."""
    return next(_BASES)


def loopback() -> str:
    """An address of this machine that nobody else has, so that all of its ports are free."""
    return next(_ADDRESSES)


def end_of_ports() -> int:
    """The first port that outgoing connections may have, if that is where it should be."""
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        lowest = int(text.split()[0])
    except (OSError, ValueError, IndexError):
        return END
    # Where the system leaves too little, what it may take by chance is taken along.
    return min(END, lowest) if lowest >= END // 2 else END


def _take_block() -> int:
    """Take a block that nobody has, and give its first port. Raises RuntimeError."""
    every = list(range(FIRST, end_of_ports() - BLOCK + 1, BLOCK))
    # Not one after the other: what a killed server has left behind is rarely met then.
    SystemRandom().shuffle(every)
    for first in every:
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            taken.bind(f"\0sora-tests-ports-{first}")
        except OSError:
            taken.close()
            continue
        _blocks.append((first, taken))
        return first
    raise RuntimeError("no ports are left: too many tests run on this machine")


def _is_free(*ports: int) -> bool:
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _ports() -> Iterator[int]:
    for first in _firsts(0):
        for port in range(first, first + BLOCK):
            if port % ROW and port % ROW not in _OF_A_BASE and _is_free(port):
                yield port


def _bases() -> Iterator[int]:
    for first in _firsts(max(PORTS.values())):
        for base in range(first, first + BLOCK, ROW):
            if _is_free(*(base + offset for offset in PORTS.values())):
                yield base


def _firsts(above: int) -> Iterator[int]:
    """Blocks of this process, and new ones; all ports up to `above` behind them are of use."""
    number = 0
    while True:
        while number >= len(_blocks):
            _take_block()
        first, _ = _blocks[number]
        number += 1
        if first + BLOCK + above <= end_of_ports():
            yield first


def _addresses() -> Iterator[str]:
    block = _blocks[0][0] if _blocks else _take_block()
    for number in range(60_000):
        yield f"127.{block // BLOCK % 254 + 1}.{number // 250 + 1}.{number % 250 + 2}"


_PORTS: Final = _ports()
_BASES: Final = _bases()
_ADDRESSES: Final = _addresses()
