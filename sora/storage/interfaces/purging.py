"""The end of a domain."""

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import AccountHoldings, ClosedPage, OwnHoldings


class IPurging(Interface):
    """The steps in which a domain goes, each safe to repeat. Names are folded, in A-labels. Each is
    one round trip, and raises NoSuchAccount when there is no such domain, or where it has to be
    marked and is not."""

    def own_holdings(name: str, limit: int) -> "Deferred[OwnHoldings]":
        """What belongs to the domain itself; at most `limit` guests are named."""

    def account_holdings(name: str, after: str, limit: int) -> "Deferred[AccountHoldings]":
        """What at most `limit` accounts of the domain hold, those above the address key `after`."""

    def mark(name: str) -> "Deferred[None]":
        """From now on nobody gets an address in the domain (BadArgument), and what belongs to the
        domain itself is deleted, as if in 1900 (`IAccounts.purge`); what is nobody's there is
        refused. Domains that are other names of it are domains of their own again."""

    def disable(name: str, after: str, limit: int) -> "Deferred[ClosedPage]":
        """Let nobody log in to at most `limit` accounts of a marked domain, ascending by address
        key above `after`."""

    def delete(name: str, after: str, limit: int) -> "Deferred[ClosedPage]":
        """The same, and delete them as if in 1900, also those that are deleted already."""

    def free_addresses(name: str, limit: int) -> "Deferred[int]":
        """Remove some addresses in a marked domain that are not the primary ones of their accounts,
        at most `limit` aliases and as many credentials; gives how many there were."""

    def end(name: str) -> "Deferred[bool]":
        """Remove a marked domain with its rules; False while there still are addresses in it."""
