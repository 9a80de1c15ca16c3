"""Metrics of messages, whatever protocol they come in or go out by."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_SIZES: Final = tuple(float(1 << power) for power in range(10, 28, 2))
_DAY: Final = 86400.0
_AGES: Final = (60, 600, 3600, _DAY / 4, *(days * _DAY for days in (1, 3, 7, 30, 90, 365, 1825)))


class MessageMetrics:
    """What comes in and goes out.

    Labels are bounded: `protocol` is a server type (`http_api`: what operators have delivered),
    `operation` is `delivered` (for each recipient), `appended` or `fetched` (octets of it were read
    for a client).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        throughput = Counter(
            "sora_messages_throughput_total",
            "Messages that came in and went out",
            ["protocol", "operation"],
            registry=registry,
        )
        sizes = Histogram(
            "sora_message_size_bytes",
            "Sizes of messages that came in",
            ["protocol"],
            buckets=_SIZES,
            registry=registry,
        )
        self._ages = Histogram(
            "sora_message_age_at_fetch_seconds",
            "Time since the internal date of messages of which IMAP clients fetched octets",
            buckets=_AGES,
            registry=registry,
        )
        # Members of families are looked up once: that takes longer than to count.
        doors = ("lmtp", "http_api")
        self._delivered = {name: throughput.labels(name, "delivered") for name in doors}
        self._appended = throughput.labels("imap", "appended")
        self._fetched = throughput.labels("imap", "fetched")
        self._retrieved = throughput.labels("pop3", "fetched")
        self._sizes = {name: sizes.labels(name) for name in (*doors, "imap")}

    def received(self, octets: int, protocol: str = "lmtp") -> None:
        """A message came to be delivered, to whomever."""
        self._sizes[protocol].observe(octets)

    def delivered(self, protocol: str = "lmtp") -> None:
        """It is in the mailbox of one more."""
        self._delivered[protocol].inc()

    def appended(self, octets: int) -> None:
        """A message was put into a mailbox over IMAP."""
        self._appended.inc()
        self._sizes["imap"].observe(octets)

    def fetched(self, age: float) -> None:
        """An IMAP client gets octets of a message whose internal date is so many seconds ago."""
        self._fetched.inc()
        self._ages.observe(age)

    def retrieved(self) -> None:
        """A POP3 client gets octets of a message."""
        self._retrieved.inc()
