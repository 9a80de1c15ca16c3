"""`[tracing]`: where traces go, and which."""

from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION, SHARE

TRACES: Final = "/v1/traces"
"""where a collector takes traces, unless the configuration says another place"""


@frozen
class TracingConfig:
    """Traces of commands, messages, requests and rounds of workers, for a collector of
    OpenTelemetry (Jaeger, Tempo and others take them, too): to find out why one of them was slow.
    They hold no mail and no passwords, and no addresses of users unless `include_users` says so.
    It takes a package besides: `pip install 'sora-mail[tracing]'`."""

    enabled: bool = key(False, "Trace at all.")
    endpoint: str = key(
        "http://127.0.0.1:4318",
        """Where the collector takes OTLP over HTTP. Without a path, /v1/traces.""",
    )
    headers: str = key(
        "",
        """Headers for the collector, as "name=value", with commas between several:
        "Authorization=Bearer 0123".""",
        secret=True,
    )
    ca_file: str = key(
        "",
        "Certificates (PEM) that the collector's is checked against; empty: those of the system.",
    )
    timeout: float = key("10s", "A collector that is silent for longer is away.", unit=DURATION)
    sample_ratio: float = key(
        1, "The share of all traces that is sent: 0.01 is one of a hundred.", unit=SHARE
    )
    slower_than: float = key(
        "1s",
        """What took longer is sent, whatever `sample_ratio` says, and so is what failed inside the
        server. 0: nothing is sent for being slow.""",
        unit=DURATION,
    )
    include_users: bool = key(
        False, "Traces say whose they are: the user's address, and the client's network address."
    )
    service_name: str = key("sora", "What the collector calls this service.")
    queue_size: int = key(
        10_000,
        "Spans that may wait for the collector, of about 1 kb each; what is more is dropped.",
        least=512,
    )

    @property
    def url(self) -> str:
        """The endpoint, with its path. Raises ValueError."""
        place = urlsplit(self.endpoint)
        try:
            has_port = place.port != 0
        except ValueError:
            has_port = False
        if place.scheme not in ("http", "https") or not place.hostname or not has_port:
            raise ValueError('say where the collector is: "http://127.0.0.1:4318"')
        if place.username is not None or place.fragment:
            raise ValueError("write what authenticates into headers")
        return self.endpoint if place.path.strip("/") else place._replace(path=TRACES).geturl()

    @property
    def header_map(self) -> dict[str, str]:
        """The headers by name. Raises ValueError."""
        found = {}
        for part in filter(None, (part.strip() for part in self.headers.split(","))):
            name, sign, value = part.partition("=")
            if not sign or not _is_token(name.strip()) or not value.strip().isprintable():
                raise ValueError('write headers as "name=value", with commas between')
            found[name.strip()] = value.strip()
        return found


def _is_token(name: str) -> bool:
    return bool(name) and all(char.isalnum() or char in "-_." for char in name) and name.isascii()


def tracing_flaws(tracing: TracingConfig) -> list[tuple[Any, str]]:
    """What keeps it from being started, as `sora.config.checks` has it."""
    found = []
    for name, read in (("endpoint", "url"), ("headers", "header_map")):
        try:
            getattr(tracing, read)
        except ValueError as error:
            found.append((("tracing", name), str(error)))
    return found
