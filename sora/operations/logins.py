"""What an operator can see of logins, and of those who guess passwords."""

from collections.abc import Sequence

from attrs import frozen

from sora.auth.statistics import LoginCounts, LoginStatistics
from sora.auth.throttle import Blocked, Throttle
from sora.errors import BadArgument
from sora.net.networks import counted_as


@frozen
class LoginOperations:
    """Logins of this process."""

    statistics: LoginStatistics
    throttle: Throttle

    def stats(self, window: float) -> LoginCounts:
        """How the logins of the last `window` seconds went, at most a day's."""
        return self.statistics.of_last(window)

    def blocked(self) -> Sequence[Blocked]:
        """Addresses that are refused, and users who are delayed as long as possible."""
        return self.throttle.blocked()

    def unblock(self, address: str = "", user: str = "") -> bool:
        """Forget the failures of an address (of an IPv6 address, those of its /64), or of a user.
        Gives whether there were any. Raises BadArgument unless one of them is given."""
        if bool(address) == bool(user):
            raise BadArgument("Say who is to be let in again: an address, or a user")
        return self.throttle.forget(
            address=counted_as(address) if address else "", user=user.casefold()
        )
