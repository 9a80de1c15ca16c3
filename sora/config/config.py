"""The whole configuration: one immutable value."""

from attrs import frozen

from sora.config.admin import AdminConfig
from sora.config.cache import CacheConfig
from sora.config.cleanup import CleanupConfig
from sora.config.cluster import ClusterConfig
from sora.config.database import DatabaseConfig
from sora.config.health import HealthConfig
from sora.config.history import HistoryConfig
from sora.config.integrity import IntegrityConfig
from sora.config.keys import table, tables
from sora.config.limits import LimitsConfig
from sora.config.logging import LoggingConfig
from sora.config.metadata import MetadataConfig
from sora.config.pop3 import POP3Config
from sora.config.process import ProcessConfig
from sora.config.relay import RelayConfig
from sora.config.s3 import S3Config
from sora.config.servers import ServerConfig
from sora.config.shared_mailboxes import SharedMailboxesConfig
from sora.config.sieve import SieveConfig
from sora.config.tls import TLSConfig
from sora.config.tracing import TracingConfig
from sora.config.upload import UploadConfig


@frozen
class Config:
    """The configuration of a Sora node. Each component gets its own table, never all."""

    database: DatabaseConfig = table(DatabaseConfig)
    s3: S3Config = table(S3Config)
    upload: UploadConfig = table(UploadConfig)
    cache: CacheConfig = table(CacheConfig)
    cleanup: CleanupConfig = table(CleanupConfig)
    history: HistoryConfig = table(HistoryConfig)
    integrity: IntegrityConfig = table(IntegrityConfig)
    servers: tuple[ServerConfig, ...] = tables(ServerConfig)
    tls: TLSConfig = table(TLSConfig)
    limits: LimitsConfig = table(LimitsConfig)
    shared_mailboxes: SharedMailboxesConfig = table(SharedMailboxesConfig)
    metadata: MetadataConfig = table(MetadataConfig)
    pop3: POP3Config = table(POP3Config)
    sieve: SieveConfig = table(SieveConfig)
    relay: RelayConfig = table(RelayConfig)
    cluster: ClusterConfig = table(ClusterConfig)
    health: HealthConfig = table(HealthConfig)
    process: ProcessConfig = table(ProcessConfig)
    logging: LoggingConfig = table(LoggingConfig)
    tracing: TracingConfig = table(TracingConfig)
    admin: AdminConfig = table(AdminConfig)
