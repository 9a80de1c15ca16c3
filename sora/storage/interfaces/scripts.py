"""Sieve scripts of accounts and of domains."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import ScriptLimits, ScriptPosition, ScriptRow


class IScripts(Interface):
    """Sieve scripts, by name, and which of them run at delivery.

    They belong to an account: a user's, or that which owns what belongs to a domain
    (`IRights.domain_owner`). Names are as `sora.mail.script_names.script_name` gives them. At each
    position stands at most one script. Every method is one round trip.
    """

    def list(account_id: int) -> "Deferred[Sequence[ScriptRow]]":
        """All scripts of an account, by name."""

    def get(account_id: int, name: str) -> "Deferred[str]":
        """The text of a script. Raises NoSuchScript."""

    def require_room(
        account_id: int, name: str, size: int, limits: ScriptLimits
    ) -> "Deferred[None]":
        """Raise what `put` of so many octets would raise now: TooBig, TooMany, OverQuota."""

    def put(
        account_id: int,
        name: str,
        source: str,
        limits: ScriptLimits,
        position: ScriptPosition | None = None,
        replaces: str | None = None,
    ) -> "Deferred[None]":
        """Make a script, or replace its text: it stays where it stands. With `position` it is
        activated there. With `replaces` only where that is its text; empty: where there is none.

        Raises Superseded where its text is another one; TooBig when it is larger than a script may
        be, TooMany when there would be too many, OverQuota when all together would be too large;
        NoSuchAccount.
        """

    def activate(
        account_id: int, name: str, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> "Deferred[None]":
        """Let a script stand at a position, instead of the one that stands there. Raises
        NoSuchScript, NoSuchAccount."""

    def deactivate(
        account_id: int, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> "Deferred[None]":
        """Let no script stand at a position. Raises NoSuchAccount."""

    def delete(account_id: int, name: str) -> "Deferred[None]":
        """Remove a script. Raises NoSuchScript; InUse when it stands at a position;
        NoSuchAccount."""

    def rename(account_id: int, old: str, new: str) -> "Deferred[None]":
        """Give a script another name; it stays where it stands. Raises NoSuchScript;
        AlreadyExists, also when the name is its own; NoSuchAccount."""
