"""What carries messages to the next server: SMTP or HTTP."""

from collections.abc import Sequence

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from sora.relay.entry import Answer
from sora.relay.interfaces import Content, Outgoing


@frozen
class Consignment:
    """A message as it is handed over now.

    `name` is the same for each attempt. `outgoing` has the remaining recipients only. `size` is in
    octets, as they are on disk; `open` is called in a thread.
    """

    name: str
    outgoing: Outgoing
    size: int
    eight_bit: bool
    open: Content


class ITransport(Interface):
    """A way to one server, used by several messages at the same time."""

    kind: str = Attribute("`smtp` or `http`.")
    target: str = Attribute("The server, for people.")

    def send(consignment: Consignment) -> "Deferred[Sequence[Answer]]":
        """Hand a message over; an answer for each recipient, in their order.

        Raises Unavailable when it did not get as far as this message: the server cannot be
        reached, serves nobody now, or is not the one that was meant. Nothing was sent then.
        """

    def probe(patience: float | None = None) -> "Deferred[None]":
        """Get as far as where a message could be handed over. Raises Unavailable, after `patience`
        seconds where that is less than a message would wait."""

    def stop() -> "Deferred[None]":
        """Close what is open; what is being sent is broken off."""
