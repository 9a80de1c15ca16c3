"""Who is at the other end of a connection."""

from typing import Any

from attrs import frozen


@frozen
class Peer:
    """An address that a client cannot forge: the socket's, or that of a trusted PROXY header
    (G57). `host` is a textual IP address, or a path for a local socket; `port` is 0 then."""

    host: str
    port: int = 0

    @classmethod
    def of(cls, transport: Any) -> "Peer":
        """The peer of a Twisted transport."""
        address = transport.getPeer()
        return cls(str(getattr(address, "host", "") or "local"), getattr(address, "port", 0) or 0)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
