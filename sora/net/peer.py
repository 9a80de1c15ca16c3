"""Who is at the other end of a connection."""

from typing import Any, Final

from attrs import frozen

_MAPPED: Final = "::ffff:"


@frozen
class Peer:
    """An address that a client cannot forge: the socket's, or that of a trusted PROXY header
    (G57). `host` is a textual IP address, or `local` for a local socket; `port` is 0 then."""

    host: str
    port: int = 0

    @classmethod
    def of(cls, transport: Any) -> "Peer":
        """The peer of a Twisted transport."""
        return cls.at_address(transport.getPeer())

    @classmethod
    def at_address(cls, address: Any) -> "Peer":
        """The peer at a Twisted address."""
        host = str(getattr(address, "host", "") or "local")
        return cls.at(host, getattr(address, "port", 0) or 0)

    @classmethod
    def at(cls, host: str, port: int) -> "Peer":
        """The peer at a textual address; IPv4 as a dual-stack socket shows it is IPv4."""
        if host.lower().startswith(_MAPPED) and "." in host:
            host = host[len(_MAPPED) :]
        return cls(host, port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
