"""Which capabilities a session is told of (RFC 3501 §7.2.1).

They depend on where the session is (a login done, TLS), and on one another: one that builds
on another is not told of when that one is filtered away. So each is declared once with what
it needs, and the list is computed from that graph.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Flag, auto
from typing import Final

from attrs import frozen

from sora.auth.logging_in import SCRAM_PLUS
from sora.protocols.imap.services import DEFAULT_LIMITS, Limits


class When(Flag):
    """The circumstances of a session; a capability is told of when all that it names are met."""

    ALWAYS = 0
    BEFORE_LOGIN = auto()
    AFTER_LOGIN = auto()
    CAN_START_TLS = auto()
    """TLS is configured and not there yet"""
    MAY_LOG_IN = auto()
    """a password would be safe, or is allowed without TLS"""
    MAY_NOT_LOG_IN = auto()
    CAN_BIND = auto()
    """a login can be bound to the TLS connection (RFC 5056)"""


@frozen
class Capability:
    """A name, the capabilities it builds on, and when it is told of.

    `contains` are capabilities that it promises in whatever state a session is: it is told of
    where all of them are spoken, whether they are told of now or not. With `limit` it is told of
    with a number behind it, as in APPENDLIMIT=52428800; not at all when that is 0.
    """

    name: bytes
    needs: tuple[bytes, ...] = ()
    when: When = When.AFTER_LOGIN
    limit: Callable[[Limits], int] | None = None
    contains: tuple[bytes, ...] = ()

    def told(self, limits: Limits) -> bytes:
        """As clients are told of it."""
        return self.name if self.limit is None else b"%b=%d" % (self.name, self.limit(limits))


CORE: Final = (
    Capability(b"IMAP4rev1", when=When.ALWAYS),
    # RFC 7888 §3: the two are alternatives. Strangers send 4,096 octets unasked at most.
    Capability(b"LITERAL-", when=When.BEFORE_LOGIN),
    Capability(b"LITERAL+", when=When.AFTER_LOGIN),
    Capability(b"SASL-IR", when=When.BEFORE_LOGIN),
    Capability(b"STARTTLS", when=When.BEFORE_LOGIN | When.CAN_START_TLS),
    Capability(b"LOGINDISABLED", when=When.BEFORE_LOGIN | When.MAY_NOT_LOG_IN),
)


def mechanisms(names: Iterable[str]) -> tuple[Capability, ...]:
    """AUTH= for SASL mechanisms, in the order in which they are offered."""
    when = When.BEFORE_LOGIN | When.MAY_LOG_IN
    return tuple(
        Capability(
            b"AUTH=" + name.encode("ascii"),
            when=when | (When.CAN_BIND if name == SCRAM_PLUS else When.ALWAYS),
        )
        for name in names
    )


def offered(
    capabilities: Sequence[Capability], circumstances: When, limits: Limits = DEFAULT_LIMITS
) -> tuple[bytes, ...]:
    """What to tell of, in the order of declaration."""
    known = {capability.name: capability for capability in capabilities}
    told: dict[bytes, bool] = {}

    def is_told(name: bytes) -> bool:
        if name not in told:
            capability = known.get(name)
            told[name] = False  # a circle tells of none of its members
            told[name] = (
                capability is not None
                and capability.when in circumstances
                and (capability.limit is None or capability.limit(limits) > 0)
                and all(is_told(needed) for needed in capability.needs)
                and all(part in known for part in capability.contains)
            )
        return told[name]

    return tuple(dict.fromkeys(item.told(limits) for item in capabilities if is_told(item.name)))
