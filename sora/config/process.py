"""`[process]`: how many processes serve."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import WORKERS


@frozen
class ProcessConfig:
    """Processes of one node."""

    workers: int | str = key(
        1, 'How many processes serve mail; "auto" is one for each core.', unit=WORKERS
    )
