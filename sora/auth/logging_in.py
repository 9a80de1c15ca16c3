"""AUTHENTICATE, whatever the protocol: from the name of a mechanism to an identity.

A protocol offers `offered_mechanisms`, gives a `Channel` with its way to ask the client, and says
in its own words what comes out.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from attrs import field, frozen

from sora.auth.interfaces import IAuthenticator, Identity
from sora.auth.sasl import MECHANISMS, Negotiation
from sora.auth.scram_exchange import Binding, ScramExchange
from sora.errors import AuthenticationFailed, BadArgument
from sora.net.connection import Connection
from sora.net.peer import Peer

NONCE_OCTETS: Final = 18
"""of randomness in the server's part of SCRAM's nonce"""
SCRAM: Final = "SCRAM-SHA-256"
SCRAM_PLUS: Final = "SCRAM-SHA-256-PLUS"
ALL_MECHANISMS: Final = (*MECHANISMS, SCRAM, SCRAM_PLUS)
"""in the order in which they are offered"""


def no_binding(kind: str) -> bytes | None:
    """The channel binding of a connection that has none."""
    return None


@frozen(kw_only=True)
class Channel:
    """The connection on which somebody logs in.

    `ask` sends a challenge and gives the response, both without base64; it raises when the client
    gives up. `bindings` are the types of channel binding that there are, and `binding` gives the
    data of one.
    """

    peer: Peer
    protocol: str
    ask: Callable[[bytes], Awaitable[bytes]]
    bindings: Sequence[str] = ()
    binding: Binding = no_binding


def channel_on(
    connection: Connection, protocol: str, ask: Callable[[bytes], Awaitable[bytes]]
) -> Channel:
    """The channel of a connection."""
    return Channel(
        peer=connection.peer,
        protocol=protocol,
        ask=ask,
        bindings=connection.bindings,
        binding=connection.binding,
    )


@frozen
class LoggedIn:
    """Who has logged in; `final` is what the mechanism has the server say at the end, None for
    nothing."""

    identity: Identity
    final: bytes | None = field(default=None, repr=False)


def offered_mechanisms(bindings: Sequence[str]) -> tuple[str, ...]:
    """The names of all mechanisms, for a connection with these types of channel binding."""
    return ALL_MECHANISMS if bindings else tuple(one for one in ALL_MECHANISMS if one != SCRAM_PLUS)


async def log_in(
    authenticator: IAuthenticator, mechanism: str, initial: bytes | None, channel: Channel
) -> LoggedIn:
    """Let the client log in by a mechanism; `initial` is its initial response, if it sent one.

    Raises:
        BadArgument: there is no such mechanism, or it has no initial response.
        BadSyntax: the client does not speak the mechanism.
        AuthenticationFailed: it did not show that it is who it says to be.
    """
    if mechanism not in offered_mechanisms(channel.bindings):
        raise BadArgument(f"The mechanism {mechanism[:32]} is not supported")
    if mechanism in MECHANISMS:
        return await _by_password(authenticator, mechanism, initial, channel)
    return await _by_scram(authenticator, mechanism == SCRAM_PLUS, initial, channel)


async def log_in_by_challenges(
    authenticator: IAuthenticator, mechanism: str, initial: bytes | None, channel: Channel
) -> Identity:
    """The same where the line that tells of success has no room for what the mechanism says at the
    end: that is one more challenge, whose response says nothing."""
    done = await log_in(authenticator, mechanism, initial, channel)
    if done.final is not None:
        await channel.ask(done.final)
    return done.identity


async def _by_password(
    authenticator: IAuthenticator, mechanism: str, initial: bytes | None, channel: Channel
) -> LoggedIn:
    negotiation = Negotiation(mechanism, initial)
    while negotiation.challenge is not None:
        negotiation.respond(await channel.ask(negotiation.challenge))
    claim = negotiation.claim
    assert claim is not None
    return LoggedIn(
        await authenticator.password(claim.login, claim.password, channel.peer, channel.protocol)
    )


async def _by_scram(
    authenticator: IAuthenticator, plus: bool, initial: bytes | None, channel: Channel
) -> LoggedIn:
    exchange = ScramExchange(plus=plus, binding=channel.binding, offered=channel.bindings)
    login = exchange.begin(await channel.ask(b"") if initial is None else initial)
    attempt = await authenticator.scram(login, channel.peer, channel.protocol)
    try:
        nonce = b64encode(attempt.random(NONCE_OCTETS))
        response = await channel.ask(exchange.challenge(attempt.keys, nonce))
        final = exchange.verify(response)
    except AuthenticationFailed:
        attempt.failed()
        raise
    except BaseException:
        attempt.given_up()
        raise
    return LoggedIn(attempt.succeeded(), final)
