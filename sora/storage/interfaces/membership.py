"""Which processes serve this database."""

from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface


class IMembership(Interface):
    """Which processes serve this database now."""

    def beat(process_id: UUID, name: str) -> "Deferred[int]":
        """Say that this process lives; gives how many others were heard of lately."""

    def leave(process_id: UUID) -> "Deferred[None]":
        """Say that this process ends."""
