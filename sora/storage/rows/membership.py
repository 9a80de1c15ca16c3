"""Who serves the database, and in which epoch it is."""

from uuid import UUID

from attrs import frozen


@frozen
class Beat:
    """What a process hears when it says that it lives: how many others did lately, and the epoch of
    the database. Another epoch means that it may have forgotten what this process knows (G70)."""

    others: int
    epoch: UUID
