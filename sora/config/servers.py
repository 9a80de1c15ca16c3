"""`[[servers]]`: what listens, one entry each."""

from typing import Final

from attrs import frozen

from sora.config.keys import REQUIRED, key, table, tables
from sora.config.units import (
    DURATION,
    ENDPOINT,
    ENDPOINTS,
    NETWORKS,
    PATTERN,
    Endpoint,
    Network,
)

SERVER_TYPES: Final = (
    "imap",
    "pop3",
    "lmtp",
    "managesieve",
    "http_api",
    "imap_proxy",
    "pop3_proxy",
    "managesieve_proxy",
    "lmtp_proxy",
)


@frozen
class ClientFilter:
    """Capabilities that are hidden from clients with a certain TLS fingerprint (JA4)."""

    ja4_fingerprint: str = key(
        REQUIRED,
        "A regular expression that the client's JA4 fingerprint matches.",
        unit=PATTERN,
        example="^t13d1516h2_.*",
    )
    disable_caps: tuple[str, ...] = key([], "The capabilities that are not offered to it.")
    reason: str = key("", "Why, for the log.")


@frozen
class AuthRateLimit:
    """What slows down and stops the guessing of passwords."""

    enabled: bool = key(True, "Count failures at all.")
    max_attempts_per_ip: int = key(
        20, "An address that failed so often in its window is blocked.", least=1
    )
    max_attempts_per_username: int = key(
        10, "A name that failed so often in its window is delayed and then refused.", least=1
    )
    ip_window_duration: float = key("15m", "The window of addresses.", unit=DURATION)
    username_window_duration: float = key("30m", "The window of names.", unit=DURATION)
    progressive_delay_enabled: bool = key(True, "Answer failures ever more slowly.")
    progressive_delay_min: float = key("1s", "The first delay.", unit=DURATION)
    progressive_delay_max: float = key("30s", "The longest delay.", unit=DURATION)


@frozen
class ApiKeyConfig:
    """One more key of a server of type http_api."""

    name: str = key(REQUIRED, "What the log calls it.", example="billing")
    digest: str = key(
        "",
        """Its SHA-256, so that the key itself stands nowhere: `sha256:` and what `printf %s KEY |
        sha256sum` prints.""",
    )
    scopes: tuple[str, ...] = key(
        ["read"],
        """What it may: "read", "export" (take the mail of users away as a download), both, or
        "write", which may do everything.""",
    )
    key: str = key(
        "", "The key itself, of at least 16 characters, in place of `digest`.", secret=True
    )


@frozen
class ServerConfig:
    """A server: a protocol on an address.

    A table inside an entry that has the name of a type, such as
    `[servers.imap.auth_rate_limit]` below a `[[servers]]`, holds defaults for every server of
    that type.
    """

    type: str = key(REQUIRED, "What it speaks.", choices=SERVER_TYPES, example="imap")
    addr: Endpoint = key(
        REQUIRED,
        "Where it listens; without a host, on every interface.",
        unit=ENDPOINT,
        example=":993",
    )
    start: bool = key(True, "Whether it is started.")
    name: str = key("", "Its name in logs and metrics. Empty: its type and port.")
    hostname: str = key("", "The name that it greets with. Empty: the name of this machine.")
    tls: bool = key(False, "Speak TLS from the first octet (ports 993, 995).")
    tls_cert_file: str = key("", "Its certificate and chain, PEM. Empty: that of [tls].")
    tls_key_file: str = key("", "The private key, PEM.")
    starttls: bool = key(
        True, "Offer STARTTLS where `tls` is false, if there is a certificate for it."
    )
    max_connections: int = key(
        10000, "The most connections at the same time. 0: no limit.", least=0
    )
    max_connections_per_ip: int = key(
        100, "The most of them from one address. 0: no limit.", least=0
    )
    trusted_networks: tuple[Network, ...] = key(
        [],
        """Clients in these networks are trusted: they may deliver over LMTP (empty: those of
        loopback and private networks may), send PROXY headers, and are not counted by
        `max_connections_per_ip`.""",
        unit=NETWORKS,
    )
    proxy_protocol: bool = key(
        False, "Expect a PROXY header (v1 or v2) from clients in `trusted_networks`."
    )
    insecure_auth: bool | None = key(
        None,
        """Allow passwords on connections without TLS. When it is not set: only where `addr` is
        a loopback address.""",
        written="false",
    )
    auth_rate_limit: AuthRateLimit = table(AuthRateLimit, "Failed logins.")
    client_filters: tuple[ClientFilter, ...] = tables(ClientFilter, "Capabilities by client.")
    api_key: str = key("", "What callers of type http_api show as bearer token.", secret=True)
    api_keys: tuple[ApiKeyConfig, ...] = tables(ApiKeyConfig, "More keys, each with a name.")
    metrics_key: bool = key(
        False, "Whether `/metrics` of a server of type http_api asks for a key, too."
    )
    requests_per_second: int = key(
        50,
        """How much one address may ask of a server of type http_api, with up to four times as
        much at once. 0: no limit.""",
        least=0,
    )
    allowed_hosts: tuple[Network, ...] = key(
        [], "Networks that may call a server of type http_api. Empty: all.", unit=NETWORKS
    )
    remote_addrs: tuple[Endpoint, ...] = key([], "The servers behind a proxy.", unit=ENDPOINTS)
    remote_tls: bool = key(False, "Speak TLS to the servers behind a proxy.")
    remote_tls_verify: bool = key(True, "Check their certificates.")

    @property
    def label(self) -> str:
        """Its name in logs and metrics."""
        return self.name or f"{self.type}-{self.addr.port}"

    @property
    def allows_insecure_auth(self) -> bool:
        """Whether passwords may be sent without TLS."""
        return self.addr.is_loopback if self.insecure_auth is None else self.insecure_auth
