"""`[upload]`: from staging in PostgreSQL to the object store."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION, SIZE


@frozen
class UploadConfig:
    """Workers that move staged bodies to the object store."""

    workers: int = key(10, "How many bodies are uploaded to S3 at the same time.", least=1)
    batch_size: int = key(100, "How many of them are claimed with one statement.", least=1)
    staging_max_size: int = key(
        "1mb",
        """A body up to this size is stored in PostgreSQL with its message and uploaded later; a
        larger one is uploaded first. For the filesystem store 64kb is the most; with 0 nothing
        but an empty message is staged.""",
        unit=SIZE,
    )
    staging_total: int = key(
        "10gb",
        """While the object store cannot be reached, or its disk is full, bodies are kept in
        PostgreSQL up to this size together; then mail is refused for the time being.""",
        unit=SIZE,
    )
    warn_after: float = key(
        "15m",
        "When the oldest staged body has waited for so long, the log and the health say so.",
        unit=DURATION,
    )
