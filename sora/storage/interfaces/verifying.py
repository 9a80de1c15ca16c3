"""Proof that what is stored is there and intact."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import Damage, DamagedMessage, Proof, Suspect, Sweep


class IVerifying(Interface):
    """The objects of a store, one after the other, and what was found wrong.

    A *sweep* is a pass through the objects of a store in the order of their names. One process at
    a time goes on with it, under a lease, so that its pace is the pace of all.
    """

    def take(store: str, lease: timedelta, rest: timedelta) -> "Deferred[UUID | None]":
        """Take the sweep of a store for some time; gives the name up to which it has come. None
        when another process has it, and when a pass is to begin and the one before began less
        than `rest` ago."""

    def proofs(store: str, after: UUID, limit: int) -> "Deferred[Sequence[Proof]]":
        """The next stored objects of a store, ascending by name. One round trip."""

    def advance(
        store: str, position: UUID | None, objects: int, octets: int, lease: timedelta
    ) -> "Deferred[None]":
        """So much was verified, up to an object's name; None: there are no more, and the sweep
        begins anew. The lease is given back when it is 0."""

    def sweeps() -> "Deferred[Sequence[Sweep]]":
        """How far the sweeps of all stores are."""

    def is_stored(object_id: UUID) -> "Deferred[bool]":
        """Whether an object is still one that has to be there."""

    def proofs_of(account_id: int, after: int, limit: int) -> "Deferred[Sequence[Proof]]":
        """The stored objects of the next `limit` contents of an account's messages, ascending by
        content, beginning after the content `after`. One round trip."""

    def bodiless(after: int, limit: int) -> "Deferred[tuple[int | None, Sequence[int]]]":
        """Live contents that are neither staged nor in any store, of the `limit` contents after
        the one with the number `after`: the last number that was looked at, None at the end, and
        those that were found. One round trip."""

    def strangers(store: str, names: Sequence[UUID]) -> "Deferred[Sequence[UUID]]":
        """Which of these names, which a store has told of, belong to no object of it."""

    def note(suspect: Suspect) -> "Deferred[bool]":
        """Remember damage; False, and nothing was done, when what is damaged has gone meanwhile.
        What is known already keeps the time when it was found."""

    def mended(content_id: int, store: str) -> "Deferred[None]":
        """Forget damage. Nothing happens when there is none."""

    def damages(after: int, limit: int) -> "Deferred[Sequence[Damage]]":
        """What is known to be damaged, ascending by number, beginning after one."""

    def messages_of(content_id: int, limit: int) -> "Deferred[Sequence[DamagedMessage]]":
        """Messages whose content this is, for the people who have to be told."""
