"""Who is connected to this process, and ending it."""

from datetime import datetime
from functools import partial
from typing import Final

from attrs import asdict, frozen

from sora.errors import BadArgument
from sora.operations.connections import Chosen
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class Which:
    """Which connections: those that match all that is given."""

    user: str = said("Of this user.", default="", example="ann@example.com", max_length=320)
    domain: str = said(
        "Of users of this domain.", default="", example="example.com", max_length=255
    )
    protocol: str = said("Of this type of server.", default="", example="imap", max_length=64)
    server: str = said("Of the server with this name.", default="", max_length=255)
    address: str = said("From this address.", default="", example="192.0.2.7", max_length=64)


@frozen
class Connection:
    """A connection."""

    id: int = said("Its number in this process.")
    user: str = said("Who has logged in; empty until somebody has.")
    protocol: str = said("The type of the server.", example="imap")
    server: str = said("The name of the server.")
    address: str = said("Where it comes from.")
    port: int = said("The port there.")
    tls: bool = said("Whether it is encrypted.")
    since: datetime = said("When it was accepted.")
    state: str = said("How far it has come, in the protocol's words.", example="selected INBOX")
    client: str = said("What the client says that it is (ID); empty if it says nothing.")
    octets_in: int = said("Octets that came from the client.", minimum=0)
    octets_out: int = said("Octets that went to it.", minimum=0)


@frozen
class Connections:
    """Connections, oldest first."""

    items: tuple[Connection, ...] = said("The connections.")


@frozen
class Stats:
    """How many connections there are."""

    connections: int = said("All of them.", minimum=0)
    authenticated: int = said("Those of users who have logged in.", minimum=0)
    users: int = said("Different users of them.", minimum=0)
    protocols: dict[str, int] = said("How many of each type of server.")
    servers: dict[str, int] = said("How many of each server.")


@frozen
class Kicked:
    """What became of it."""

    kicked: int = said("How many connections were told to end.", minimum=0)


async def _list(nouns: Nouns, call: Call) -> Connections:
    rows = nouns.connections.list(Chosen(**asdict(call.query)))
    return Connections(items=tuple([Connection(**asdict(row)) for row in rows]))


async def _stats(nouns: Nouns, call: Call) -> Stats:
    return Stats(**asdict(nouns.connections.stats(Chosen(**asdict(call.query)))))


async def _kick(nouns: Nouns, call: Call) -> Kicked:
    return Kicked(kicked=nouns.connections.kick(Chosen(**asdict(call.body))))


_endpoint = partial(Endpoint, group="connections")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/connections",
        name="listConnections",
        summary="List the connections of this process",
        query=Which,
        answer=Connections,
        run=_list,
    ),
    _endpoint(
        method="GET",
        path="/connections/stats",
        name="countConnections",
        summary="Count the connections of this process",
        query=Which,
        answer=Stats,
        run=_stats,
    ),
    _endpoint(
        method="POST",
        path="/connections/kick",
        name="kickConnections",
        summary="End connections; at least one field must be given",
        scope=Scope.WRITE,
        body=Which,
        answer=Kicked,
        changes="kicked connections",
        about=("user", "domain", "protocol", "server", "address"),
        errors=(BadArgument,),
        run=_kick,
    ),
)
