"""How logins go, and who is kept out for guessing passwords."""

from functools import partial
from typing import Final

from attrs import asdict, frozen

from sora.config.units import read_duration
from sora.errors import BadArgument
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class Window:
    """Which logins are counted."""

    window: str = said(
        "Those of so long until now, at most a day.",
        default="24h",
        example="1h",
        max_length=20,
        pattern=r"^(\d+(ms|s|m|h|d))+$",
    )


@frozen
class Failures:
    """A name, and how often it failed."""

    name: str = said("A user or an address.")
    failures: int = said("How often, about.", minimum=0)


@frozen
class LoginStats:
    """How the logins of this process went."""

    seconds: int = said("Of how many seconds.", minimum=0)
    results: dict[str, int] = said(
        "How many were `ok`, `cached` (ok, and no hash was computed), `failed`, `blocked`,"
        " `unavailable`."
    )
    protocols: dict[str, dict[str, int]] = said("The same for each type of server.")
    users: tuple[Failures, ...] = said("The users that failed most.")
    addresses: tuple[Failures, ...] = said("The addresses that failed most.")


@frozen
class BlockedOne:
    """Who is kept out."""

    kind: str = said(
        "`address` (refused; an IPv6 /64 is one) or `user` (delayed as long as possible).",
        example="address",
    )
    name: str = said("The address or user.")
    failures: int = said("After how many failures.", minimum=0)
    protocols: tuple[str, ...] = said("Over which types of server.")
    seconds: int = said("For how much longer at least.", minimum=0)


@frozen
class BlockedList:
    """Who is kept out now, the most failures first."""

    items: tuple[BlockedOne, ...] = said("Addresses and users.")


@frozen
class Whom:
    """Who is to be let in again: one of both."""

    address: str = said("This address.", default="", example="192.0.2.7", max_length=64)
    user: str = said("This user.", default="", example="ann@example.com", max_length=320)


@frozen
class Unblocked:
    """What became of it."""

    unblocked: bool = said("Whether there were failures to forget.")


async def _stats(nouns: Nouns, call: Call) -> LoginStats:
    try:
        window = read_duration(call.query.window)
    except ValueError as error:
        raise BadArgument(str(error)) from None
    found = nouns.logins.stats(window)
    return LoginStats(
        seconds=round(found.window),
        results=dict(found.results),
        protocols={name: dict(counts) for name, counts in found.protocols.items()},
        users=tuple([Failures(name=name, failures=count) for name, count in found.users]),
        addresses=tuple([Failures(name=name, failures=count) for name, count in found.addresses]),
    )


async def _blocked(nouns: Nouns, call: Call) -> BlockedList:
    rows = nouns.logins.blocked()
    return BlockedList(
        items=tuple([BlockedOne(**{**asdict(row), "seconds": round(row.seconds)}) for row in rows])
    )


async def _unblock(nouns: Nouns, call: Call) -> Unblocked:
    return Unblocked(unblocked=nouns.logins.unblock(call.body.address, call.body.user))


_endpoint = partial(Endpoint, group="logins")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/auth/stats",
        name="countLogins",
        summary="Count the logins of this process",
        query=Window,
        answer=LoginStats,
        errors=(BadArgument,),
        run=_stats,
    ),
    _endpoint(
        method="GET",
        path="/auth/blocked",
        name="listBlocked",
        summary="List who is kept out of this process for guessing passwords",
        answer=BlockedList,
        run=_blocked,
    ),
    _endpoint(
        method="POST",
        path="/auth/unblock",
        name="unblock",
        summary="Forget the failed logins of an address or a user",
        scope=Scope.WRITE,
        body=Whom,
        answer=Unblocked,
        changes="unblocked an address or a user",
        about=("address", "user"),
        errors=(BadArgument,),
        run=_unblock,
    ),
)
