"""`[process]`: the processes of one node."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import WORKERS


@frozen
class ProcessConfig:
    """Processes of one node."""

    workers: int | str = key(
        1, 'How many processes serve mail; "auto" is one for each core.', unit=WORKERS
    )
    doorbell: str = key(
        "",
        "The directory of the sockets over which processes of this node that share a database "
        "tell each other at once of what has changed. Empty: `/run/sora` if it is this user's, "
        "else `/tmp/sora-<uid>`.",
    )
