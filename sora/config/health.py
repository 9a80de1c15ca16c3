"""`[health]`: checks of what Sora depends on."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION


@frozen
class HealthConfig:
    """Regular checks of the database and the object store."""

    enabled: bool = key(True, "Check at all.")
    check_interval: float = key("30s", "How often.", unit=DURATION)
    database_timeout: float = key("5s", "The database must answer within this.", unit=DURATION)
    s3_timeout: float = key("10s", "The object store must answer within this.", unit=DURATION)
