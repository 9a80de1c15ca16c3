"""`[health]`: checks of what Sora depends on."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION


@frozen
class HealthConfig:
    """Regular checks of what Sora depends on."""

    enabled: bool = key(True, "Check at all.")
    check_interval: float = key("30s", "How often.", unit=DURATION)
    database_timeout: float = key("5s", "The database must answer within this.", unit=DURATION)
    s3_timeout: float = key("10s", "The object store must answer within this.", unit=DURATION)
    relay_timeout: float = key(
        "20s",
        """The relay's server must greet, speak TLS and take the login within this; it is asked with
        each check, and told QUIT if no mail follows. 0: it is not asked, so that it is noticed with
        the first messages only when it is away.""",
        unit=DURATION,
    )
