"""What sessions are given by whoever builds the server: services, and bounds."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from attrs import field, frozen
from prometheus_client import CollectorRegistry

from sora.auth.interfaces import IAuthenticator, Identity
from sora.mailbox.account import Account
from sora.mailbox.reach import SessionFacts
from sora.mailbox.spool import Spools
from sora.metrics.imap import IdleMetrics
from sora.metrics.memory import SessionMemoryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.deflate import Deflaters
from sora.tracing.commands import CommandTraces


@frozen
class Limits:
    """Octets, seconds and counts that bound a session (G59)."""

    line_before_login: int = 32 * 1024
    """enough for the longest ID (RFC 2971 §3.3): 30 names of 30 octets, values of 1,024"""
    line: int = 64 * 1024
    literals_before_login: int = 4 * 1024
    literals: int = 1024 * 1024
    """the literals of one command that are kept in memory"""
    skip_before_login: int = 16 * 1024 * 1024
    skip: int = 256 * 1024 * 1024
    """octets in a row that are read only to stay in step; beyond, the connection ends"""
    message: int = 50 * 1024 * 1024
    """`max_message_size`"""
    messages: int = 1_000_000
    """messages that one command works on; 0: no limit (RFC 9738)"""
    memory: int = 100 * 1024 * 1024
    """`session_memory`: octets that a session may hold by itself"""
    saved: int = 0
    """the same for COPY only, where `messages` is 0"""
    login_timeout: float = 60
    idle_timeout: float = 30 * 60
    still_here: float = 110
    """seconds between untagged lines while a client idles: below 2 minutes (G40)"""
    followed: int = 1000
    """mailboxes that NOTIFY may be about, beside the selected one"""
    bad_commands_before_login: int = 5
    bad_commands: int = 50
    """bad commands in a row before the connection ends"""
    slow_command: float = 0
    """seconds from which on a command is told in the log; 0: never"""


DEFAULT_LIMITS: Final = Limits()


class MailAccess(Protocol):
    """Where accounts come from: `sora.mailbox` implements it."""

    def account(self, identity: Identity, facts: SessionFacts) -> Account:
        """The account of somebody who has logged in."""


@frozen(kw_only=True)
class Services:
    """What sessions are given by whoever builds the server."""

    authenticator: IAuthenticator
    mail: MailAccess
    metrics: CommandMetrics
    new_id: Callable[[], str]
    idle: IdleMetrics = field(factory=lambda: IdleMetrics(CollectorRegistry()))
    messages: MessageMetrics = field(factory=lambda: MessageMetrics(CollectorRegistry()))
    memory: SessionMemoryMetrics = field(factory=lambda: SessionMemoryMetrics(CollectorRegistry()))
    tls: Any = None
    """a connection creator for STARTTLS; None: there is no STARTTLS"""
    deflaters: Deflaters = field(factory=Deflaters)
    """what compresses, for all connections of a server together"""
    insecure_auth: bool = False
    """whether passwords are taken without TLS"""
    traces: CommandTraces | None = None
    spools: Callable[[], Spools] = Spools
    """for the messages that a command brings"""
