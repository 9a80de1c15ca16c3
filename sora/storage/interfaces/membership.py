"""Which processes serve this database."""

from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import Beat


class IMembership(Interface):
    """Which processes serve this database now."""

    def beat(process_id: UUID, name: str) -> "Deferred[Beat]":
        """Say that this process lives, and hear how many others do, and which epoch it is."""

    def leave(process_id: UUID) -> "Deferred[None]":
        """Say that this process ends."""
