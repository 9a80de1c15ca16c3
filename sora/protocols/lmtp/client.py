"""Who is at the other end of an LMTP connection, and for whom it speaks.

Trust is of the connection: of the address of its socket, or that of a PROXY header (G57), and never
changes. A client in `trusted_networks` may deliver, and may say for whom it does (XCLIENT for all
that follows, XFORWARD for one message); what it says is for Received lines, scripts and the log.
"""

from typing import Final

from sora.errors import NotPermitted
from sora.mailbox.envelope import Forwarded, Origin
from sora.net.connection import Connection
from sora.net.networks import Networks
from sora.protocols.lmtp.wire.attributes import Attributes


class Client:
    """The client of a connection. `helo` is what it calls itself; empty before LHLO."""

    def __init__(self, connection: Connection, trusted: Networks) -> None:
        self._connection: Final = connection
        self._networks: Final = trusted
        self._trusted: bool | None = None
        self._spoken_for: dict[str, str | None] = {}
        self._forwarded: dict[str, str | None] | None = None
        self.helo = ""

    @property
    def is_trusted(self) -> bool:
        """Whether it is in one of the trusted networks."""
        if self._trusted is None:
            self._trusted = self._connection.peer.host in self._networks
        return self._trusted

    @property
    def host(self) -> str:
        """Its address, or that of the client it speaks for."""
        return self._spoken_for.get("ADDR") or self._connection.peer.host

    def require_trust(self) -> None:
        """Raises NotPermitted when it is a stranger."""
        if not self.is_trusted:
            raise NotPermitted("Your address may not deliver here; see trusted_networks")

    def speak_for(self, attributes: Attributes) -> None:
        """XCLIENT: everything from now on is said in the name of another client. What was
        not said keeps its value."""
        self.require_trust()
        self._spoken_for.update(attributes)
        self._forwarded = None
        self.helo = ""

    def forward(self, attributes: Attributes) -> None:
        """XFORWARD: the next message came from another client before. The first one after a
        message begins with nothing known, so that nothing is mixed."""
        self.require_trust()
        self._forwarded = {**(self._forwarded or {}), **attributes}

    def end_message(self) -> None:
        """What was said by XFORWARD was for one message."""
        self._forwarded = None

    def begin_tls(self) -> None:
        """What was said before TLS does not count (RFC 3207 §4.2)."""
        self._spoken_for = {}
        self._forwarded = None
        self.helo = ""

    def origin(self, by: str, utf8: bool) -> Origin:
        """Where a message comes from (RFC 3848). `utf8`: by SMTPUTF8 (RFC 6531 §4.3)."""
        said = self._spoken_for
        login = said.get("LOGIN")
        keyword = ("UTF8" if utf8 else "") + "LMTP" + ("S" if self._connection.is_tls else "")
        return Origin(
            host=self.host,
            helo=said.get("HELO") or self.helo,
            protocol=keyword + ("A" if login else ""),
            by=by,
            name=said.get("NAME"),
            login=login,
            forwarded=self._forwarded_from(),
        )

    def _forwarded_from(self) -> Forwarded | None:
        said = self._forwarded
        if said is None:
            return None
        if "ADDR" in said and said["ADDR"] is None:
            # Mail that was made there: nothing else is known of a client.
            return Forwarded(identifier=said.get("IDENT"), source="LOCAL")
        return Forwarded(
            host=said.get("ADDR"),
            name=said.get("NAME"),
            helo=said.get("HELO"),
            protocol=said.get("PROTO"),
            identifier=said.get("IDENT"),
            source=said.get("SOURCE"),
        )
