"""What is counted of the commands of a protocol."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from sora.errors import SoraError

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class CommandMetrics:
    """Commands and the time the server took for them (without the client's own pace, G66).

    Labels are bounded: `protocol` is a server type, `command` a word of its dialect (of HTTP the
    name of an operation) or `unknown`, `status` one of `ok`, `no`, `bad`. `error_type` is a class
    of Sora's errors, or `Bug`; `severity` is `client` for its fault, `server` for ours,
    `refused` for what cannot be done.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._total = Counter(
            "sora_commands_total",
            "Commands that were answered",
            ["protocol", "command", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "sora_command_duration_seconds",
            "From having a whole command to having its answer",
            ["protocol", "command"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "sora_protocol_errors_total",
            "Commands that were not done, by why",
            ["protocol", "command", "error_type", "severity"],
            registry=registry,
        )
        self._known: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def answered(self, protocol: str, command: str, status: str, seconds: float) -> None:
        """A command was answered."""
        key = (protocol, command, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (
                self._total.labels(protocol, command, status),
                self._seconds.labels(protocol, command),
            )
        known[0].inc()
        known[1].observe(seconds)

    def failed(self, protocol: str, command: str, error: SoraError | None, is_bad: bool) -> None:
        """A command was not done; `is_bad` is the client's fault. No error is a bug of ours."""
        if error is None:
            kind, severity = "Bug", "server"
        else:
            kind = type(error).__name__
            severity = "client" if is_bad else "server" if error.inside else "refused"
        self._errors.labels(protocol, command, kind, severity).inc()
