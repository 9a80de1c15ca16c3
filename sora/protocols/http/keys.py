"""The keys of the API: several, named, each with scopes; only their digests are held (pure).

A key is long and random, so a plain SHA-256 is enough: there is nothing to guess at. All digests
are compared, in a time that does not depend on where they differ.
"""

from collections.abc import Iterable
from hmac import compare_digest

from attrs import field, frozen

from sora.operations.api_keys import digest_of
from sora.protocols.http.endpoint import Scope

__all__ = ["Key", "Keys", "digest_of"]


@frozen
class Key:
    """A key: its name, for the log, the digest of it, and what it may do."""

    name: str
    digest: str = field(repr=False)
    scopes: frozenset[Scope] = frozenset(Scope)

    def may(self, scope: Scope) -> bool:
        """Whether it may do such things; who may change may do all."""
        return scope in self.scopes or Scope.WRITE in self.scopes


class Keys:
    """All keys of a server."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def find(self, shown: str) -> Key | None:
        """The key that was shown, None if there is none such."""
        digest = digest_of(shown)
        found = None
        for key in self._keys:
            if compare_digest(key.digest, digest):
                found = key
        return found
