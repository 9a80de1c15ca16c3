"""`[relay]`: mail that Sora sends (redirects, vacation replies)."""

from attrs import frozen

from sora.config.keys import key, table
from sora.config.units import DURATION, DURATIONS


@frozen
class RelayQueueConfig:
    """Mail that waits to be sent. `[relay_queue]` is another name for this table."""

    path: str = key("/var/spool/sora/relay", "The directory of the queue.")
    worker_interval: float = key("1m", "How often it is looked through.", unit=DURATION)
    batch_size: int = key(100, "How many messages are tried each time.", least=1)
    max_attempts: int = key(10, "After so many failures the sender is told.", least=1)
    retry_backoff: tuple[float, ...] = key(
        ["1m", "5m", "15m", "1h", "6h", "24h"],
        "The delays between attempts; the last one is repeated.",
        unit=DURATIONS,
    )


@frozen
class RelayConfig:
    """The server to which outgoing mail is handed."""

    type: str = key(
        "",
        """"smtp", "http", or empty: nothing is sent.""",
        choices=("", "smtp", "http"),
    )
    smtp_host: str = key(
        "", "The host and port of the SMTP server.", example="smtp.example.com:587"
    )
    username: str = key("", "The user for SMTP AUTH. Empty: no authentication.")
    password: str = key("", "Its password.", secret=True)
    tls: bool = key(False, "Speak TLS from the first octet (port 465).")
    tls_verify: bool = key(True, "Check the server's certificate.")
    tls_use_starttls: bool = key(True, "Change to TLS with STARTTLS (port 587).")
    tls_cert_file: str = key("", "A client certificate, PEM.")
    tls_key_file: str = key("", "Its key, PEM.")
    http_url: str = key("", "Where messages are posted to, for type http.")
    auth_token: str = key("", "The bearer token for type http.", secret=True)
    queue: RelayQueueConfig = table(RelayQueueConfig, "The queue.")
