"""What is counted of ManageSieve sessions beside their commands."""

from prometheus_client import CollectorRegistry, Counter


class ScriptMetrics:
    """What users do with their scripts (RFC 5804)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.uploaded = Counter(
            "sora_managesieve_scripts_uploaded_total",
            "Scripts that clients put, as new ones or in the place of others",
            registry=registry,
        )
        self.activated = Counter(
            "sora_managesieve_scripts_activated_total",
            "Scripts that clients made the active one",
            registry=registry,
        )
