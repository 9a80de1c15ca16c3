"""`[cluster]`: several nodes that know of each other."""

from attrs import frozen

from sora.config.keys import key, table
from sora.config.units import ENDPOINT, ENDPOINTS, Endpoint


@frozen
class RateLimitSyncConfig:
    """Failures of logins and blocks of addresses, shared by all nodes."""

    enabled: bool = key(True, "Share them at all.")
    sync_blocks: bool = key(True, "Share blocks.")
    sync_failure_counts: bool = key(True, "Share counts of failures.")


@frozen
class ClusterConfig:
    """A gossip cluster that speaks the protocol of HashiCorp's memberlist."""

    enabled: bool = key(False, "Whether this node is one of a cluster.")
    addr: Endpoint = key(
        ":7946", "The address that the other nodes reach this one at.", unit=ENDPOINT
    )
    node_id: str = key("", "The name of this node, unique in the cluster. Empty: the host's name.")
    peers: tuple[Endpoint, ...] = key(
        [], "Nodes to ask when this one starts; not all have to be there.", unit=ENDPOINTS
    )
    secret_key: str = key(
        "", "32 octets, base64, the same on all nodes (openssl rand -base64 32).", secret=True
    )
    rate_limit_sync: RateLimitSyncConfig = table(RateLimitSyncConfig, "What is shared.")
