"""`[integrity]`: proof that what is stored is intact."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import SIZE


@frozen
class IntegrityConfig:
    """Stored bodies are read again and hashed, pass after pass, at a pace of their own."""

    rate: int = key(
        "1mb",
        """Octets that are read for it in a second, by all nodes together. At 1mb a terabyte takes
        twelve days. Where a store wants money for what is read, count it: 0 is none.""",
        unit=SIZE,
    )
    objects_per_second: int = key(
        20, "How many objects are read for it in a second, whatever their size.", least=1
    )
    repair: bool = key(
        True,
        """Write a damaged or missing object again where its octets are elsewhere: in the second
        bucket, in staging, in the cache.""",
    )
    warn_after: int = key(
        60,
        "Days: when a body was not verified for so long, the health says so. 0: never.",
        least=0,
    )
