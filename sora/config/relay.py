"""`[relay]`: mail that Sora sends (redirects, vacation replies, notifications, reports)."""

from urllib.parse import urlsplit

from attrs import frozen

from sora.config.keys import key, table
from sora.config.units import DURATION, DURATIONS, SIZE


@frozen
class RelayQueueConfig:
    """Mail that waits to be sent. `[relay_queue]` is another name for this table."""

    path: str = key(
        "/var/spool/sora/relay",
        """The directory of the queue. It must be there and writable when the relay is on;
        several processes may share it.""",
    )
    worker_interval: float = key(
        "1m",
        """How often the directory is looked through. New mail is tried at once, and what is due
        when it is due.""",
        unit=DURATION,
    )
    batch_size: int = key(
        100, "How many messages are begun in one go, as far as concurrency allows.", least=1
    )
    concurrency: int = key(5, "How many messages are sent at the same time.", least=1)
    max_attempts: int = key(
        10,
        """How often a message may be refused for now before it is given up and its sender is told.
        A server that cannot be reached uses up none.""",
        least=1,
    )
    retry_backoff: tuple[float, ...] = key(
        ["1m", "5m", "15m", "1h", "6h", "24h"],
        """The delays between attempts; the last one is repeated. Each is drawn from 80 to 120
        percent. With the defaults a message is given up after a little more than four days.""",
        unit=DURATIONS,
    )
    max_age: float = key(
        "5d",
        """After this time a message is given up when an attempt fails, whatever the reason. While
        the circuit breaker is open nothing is attempted.""",
        unit=DURATION,
    )
    failed_retention: float = key(
        "7d", "How long a message is kept that was refused or given up.", unit=DURATION
    )
    max_messages: int = key(
        100_000,
        """How many messages may wait, in each process. Beyond that, mail that would add to them
        is refused for now.""",
        least=1,
    )
    max_size: int = key(
        "10gb", "How much mail may wait, in each process, like max_messages.", unit=SIZE
    )
    warn_after: float = key(
        "1h", "The age of the oldest message from which on the log warns.", unit=DURATION
    )
    circuit_breaker_threshold: int = key(
        5,
        """After so many failures in a row to reach the server it is left alone, and probed until
        it answers.""",
        least=1,
    )


@frozen
class RelayConfig:
    """The server to which outgoing mail is handed: docs/relay.md."""

    type: str = key(
        "",
        """"smtp", "http", or empty: nothing is sent, and mail that a script redirects stays.""",
        choices=("", "smtp", "http"),
    )
    smtp_host: str = key(
        "",
        """The host and port of the SMTP server. Without a port it is 465 with tls, 587 with
        tls_use_starttls, else 25.""",
        example="smtp.example.com:587",
    )
    helo_name: str = key(
        "", "What Sora calls itself in EHLO and in reports. Empty: this host's name."
    )
    username: str = key("", "The user for SMTP AUTH. Empty: no authentication.")
    password: str = key("", "Its password.", secret=True)
    tls: bool = key(False, "Speak TLS from the first octet (port 465).")
    tls_verify: bool = key(True, "Check the server's certificate and its name.")
    tls_use_starttls: bool = key(
        True,
        """Change to TLS with STARTTLS (port 587). If the server does not offer it, nothing is
        sent. Of no effect with tls.""",
    )
    tls_ca_file: str = key("", "Authorities to trust instead of the system's, PEM.")
    tls_cert_file: str = key("", "A client certificate, PEM.")
    tls_key_file: str = key("", "Its key, PEM.")
    http_url: str = key("", "Where messages are posted to, for type http.")
    auth_token: str = key("", "The bearer token for type http.", secret=True)
    queue: RelayQueueConfig = table(RelayQueueConfig, "The queue.")

    @property
    def smtp_target(self) -> tuple[str, int]:
        """Host and port of `smtp_host`. Raises ValueError when it is not host:port."""
        port = 465 if self.tls else 587 if self.tls_use_starttls else 25
        parts = urlsplit(f"//{self.smtp_host}")
        if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError(f"{self.smtp_host!r} is not a host and a port")
        return parts.hostname, parts.port or port
