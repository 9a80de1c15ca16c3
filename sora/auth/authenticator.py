"""Credentials to identities.

A login costs one round trip, to read the credential with its version, and one bcrypt in a
thread unless the same password was verified against the same version lately (G54).

Unknown user, wrong password, disabled account, expired app password and blocked address get
the same answer, and the first four after the same work: whoever is not there is verified
against a hash that nothing matches (G51).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hmac import digest
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from sora.addresses import Address, parse_address
from sora.auth.cache import VerifiedPasswords
from sora.auth.interfaces import IAuthenticator, Identity, ScramAttempt
from sora.auth.last_logins import LastLogins
from sora.auth.pacing import Paces
from sora.auth.passwords import (
    DEFAULT_COST,
    MAX_PASSWORD_OCTETS,
    dummy_verifier,
    first_match,
    scheme_of,
)
from sora.auth.scram import DEFAULT_ITERATIONS, SALT_OCTETS
from sora.auth.scram_exchange import ScramKeys
from sora.auth.statistics import LoginStatistics
from sora.auth.threads import PasswordThreads
from sora.auth.throttle import Attempt, Throttle
from sora.deferreds import deferred
from sora.errors import AuthenticationFailed, BadArgument
from sora.metrics.authentication import AuthenticationMetrics
from sora.net.peer import Peer
from sora.storage.interfaces import ICredentials
from sora.storage.rows import Login, Secret

SCRAM: Final = "scram-sha-256"


@implementer(IAuthenticator)
class Authenticator:
    """Passwords against the verifiers of the database."""

    log = Logger()

    def __init__(
        self,
        credentials: ICredentials,
        *,
        clock: IReactorTime,
        random: Callable[[int], bytes],
        threads: PasswordThreads,
        paces: Paces,
        verified: VerifiedPasswords,
        throttle: Throttle,
        metrics: AuthenticationMetrics,
        statistics: LoginStatistics | None = None,
        last_logins: LastLogins | None = None,
        separator: str = "+",
        cost: int = DEFAULT_COST,
        secret: bytes | None = None,
    ) -> None:
        """`separator` begins the detail of an address; `cost` is that of new bcrypt hashes,
        which failures are made to look like. `secret` is the same in all processes, and makes up
        the salts of users who are not there; without it this process has one of its own."""
        self._credentials = credentials
        self._clock = clock
        self._threads = threads
        self._paces = paces
        self._verified = verified
        self._throttle = throttle
        self._metrics = metrics
        self._statistics = statistics or LoginStatistics(clock)
        self._last_logins = LastLogins(clock) if last_logins is None else last_logins
        self._separator = separator
        self._dummy = dummy_verifier(random, cost)
        self._secret = secret or random(32)
        self.random = random

    @deferred
    async def password(self, login: str, password: str, peer: Peer, protocol: str) -> Identity:
        """Verify a password. See `IAuthenticator`."""
        address = self._parse(login)
        # What is checked is what is recorded: case and detail are no part of it (G50). What
        # is no address is counted as one user.
        user = address.key if address is not None else ""
        attempt = await self._admit(peer, user, protocol)
        return await self._attempt(attempt, address, password, peer, protocol)

    async def _admit(self, peer: Peer, user: str, protocol: str) -> Attempt:
        attempt = await self._throttle.admit(peer, user, protocol)
        if attempt is None:
            self._count(protocol, "blocked", user, peer)
            self.log.info(
                "login of {user} from {peer} over {protocol} was refused: too many failures "
                "(rate limit)",
                user=user,
                peer=str(peer),
                protocol=protocol,
            )
            raise AuthenticationFailed
        return attempt

    @deferred
    async def scram(self, login: str, peer: Peer, protocol: str) -> ScramAttempt:
        """The keys of somebody. See `IAuthenticator`."""
        address = self._parse(login)
        user = address.key if address is not None else ""
        attempt = await self._admit(peer, user, protocol)
        started = self._clock.seconds()
        try:
            row = await self._read(address)
        except BaseException:
            attempt.given_up()
            self._count(protocol, "unavailable", user, peer)
            raise
        keys = None if row is None else self._scram_keys(row, protocol)
        return ScramLogin(
            self, attempt, peer, protocol, address, row, keys or self._fake_keys(user), started
        )

    def _scram_keys(self, row: Login, protocol: str) -> ScramKeys | None:
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        found = (
            ScramKeys.parse(secret.verifier)
            for secret in row.secrets
            if _counts(secret, protocol, now, SCRAM)
        )
        return next(found, None)

    def _fake_keys(self, user: str) -> ScramKeys:
        """Keys that nothing proves, always with the same salt for the same user."""
        salt = digest(self._secret, user.encode("utf-8", "replace"), "sha256")[:SALT_OCTETS]
        return ScramKeys(DEFAULT_ITERATIONS, salt, self.random(32), self.random(32))

    def ended(
        self, protocol: str, result: str, started: float, address: Address | None, peer: Peer
    ) -> None:
        """Count an attempt that is over."""
        self._count(protocol, result, address.key if address is not None else "", peer)
        self._metrics.duration.labels(protocol).observe(self._clock.seconds() - started)

    async def _attempt(
        self,
        attempt: Attempt,
        address: Address | None,
        password: str,
        peer: Peer,
        protocol: str,
    ) -> Identity:
        started = self._clock.seconds()
        result = "unavailable"
        try:
            row = await self._read(address)
            result = await self._verify(row, password, protocol)
        finally:
            counted = "failed" if result == "disabled" else result
            self.ended(protocol, counted, started, address, peer)
            if result == "unavailable":
                attempt.given_up()
            elif result in ("failed", "disabled"):
                attempt.failed()
            else:
                attempt.succeeded()
        if result in ("failed", "disabled") or row is None or address is None:
            self.refused(address, peer, protocol, result)
            raise AuthenticationFailed
        return self.let_in(row, address, peer, protocol)

    def let_in(self, row: Login, address: Address, peer: Peer, protocol: str) -> Identity:
        """Who it is that has got in; the time is remembered."""
        self._last_logins.note(row, protocol, peer.host)
        return Identity(row.account_id, row.scope_id, row.address, address.key)

    def refused(
        self, address: Address | None, peer: Peer, protocol: str, result: str = "failed"
    ) -> None:
        """Write into the log that somebody did not get in. That the password was right, and the
        account is disabled, is said there and nowhere else (G51)."""
        why = ": the account is disabled" if result == "disabled" else ""
        self.log.info(
            "login of {user} from {peer} over {protocol} failed{why}",
            why=why,
            user=address.key if address is not None else "(no address)",
            peer=str(peer),
            protocol=protocol,
        )

    async def _read(self, address: Address | None) -> Login | None:
        if address is None:
            return None
        return await self._paces.reads.run(lambda: self._credentials.login(address))

    async def _verify(self, row: Login | None, password: str, protocol: str) -> str:
        """`ok`, `cached`, `failed`, or `disabled` where the password was right."""
        secrets: list[Secret] = []
        if row is not None and len(password) <= MAX_PASSWORD_OCTETS:
            now = datetime.fromtimestamp(self._clock.seconds(), UTC)
            secrets = [each for each in row.secrets if _counts(each, protocol, now, "password")]
            if not row.disabled:
                for secret in secrets:
                    if self._verified.knows(*_key(row, secret), password):
                        self._metrics.cache.labels("hit").inc()
                        return "cached"
                self._metrics.cache.labels("miss").inc()
        verifiers = [secret.verifier for secret in secrets]
        place = await self._paces.hashes.run(
            lambda: self._threads.run(
                first_match, password[:MAX_PASSWORD_OCTETS], verifiers, self._dummy
            )
        )
        self._count_verified(verifiers, place)
        if row is None or place is None:
            return "failed"
        if row.disabled:
            return "disabled"
        self._verified.remember(*_key(row, secrets[place]), password)
        return "ok"

    def _count_verified(self, verifiers: Sequence[str], place: int | None) -> None:
        """Those before `place`, or all, were not it."""
        for number, verifier in enumerate(verifiers[: None if place is None else place + 1]):
            self.verified(scheme_of(verifier), number == place)
        if not verifiers:
            self.verified("none", False)

    def verified(self, scheme: str, is_right: bool) -> None:
        """Count that a password, or the proof of one, was compared with what is stored."""
        self._metrics.verifications.labels(scheme, "ok" if is_right else "failed").inc()

    def _parse(self, login: str) -> Address | None:
        try:
            return parse_address(login.strip(), self._separator)
        except BadArgument:
            return None

    def _count(self, protocol: str, result: str, user: str, peer: Peer) -> None:
        self._statistics.note(protocol, result, user, peer.host)
        self._metrics.attempts.labels(protocol, result).inc()


class ScramLogin:
    """A login by SCRAM on its way: see `sora.auth.interfaces.ScramAttempt`."""

    def __init__(
        self,
        authenticator: Authenticator,
        attempt: Attempt,
        peer: Peer,
        protocol: str,
        address: Address | None,
        row: Login | None,
        keys: ScramKeys,
        started: float,
    ) -> None:
        self.keys = keys
        self.random = authenticator.random
        self._authenticator = authenticator
        self._attempt = attempt
        self._peer = peer
        self._protocol = protocol
        self._address = address
        self._row = row
        self._started = started

    def succeeded(self) -> Identity:
        """The proof was right. Raises AuthenticationFailed for an account that is disabled."""
        row, address = self._row, self._address
        if row is None or address is None or row.disabled:
            self._refuse("failed" if row is None else "disabled")
            raise AuthenticationFailed
        self._attempt.succeeded()
        self._authenticator.verified(SCRAM, True)
        self._ended("ok")
        return self._authenticator.let_in(row, address, self._peer, self._protocol)

    def failed(self) -> None:
        """The proof was wrong."""
        self._refuse("failed")

    def _refuse(self, result: str) -> None:
        scheme = SCRAM if self._row is not None else "none"
        self._authenticator.verified(scheme, result == "disabled")
        self._attempt.failed()
        self._ended("failed")
        self._authenticator.refused(self._address, self._peer, self._protocol, result)

    def _ended(self, result: str) -> None:
        self._authenticator.ended(self._protocol, result, self._started, self._address, self._peer)

    def given_up(self) -> None:
        """There was none: the client is gone, or does not speak SCRAM."""
        self._attempt.given_up()


def _counts(secret: Secret, protocol: str, now: datetime, kind: str) -> bool:
    """Whether a verifier may be used: an app password has scopes and an end."""
    if secret.kind != kind:
        return False
    if secret.expires is not None and secret.expires <= now:
        return False
    return not secret.scopes or protocol in secret.scopes


def _key(row: Login, secret: Secret) -> tuple[int, int, str]:
    return row.credential_id, row.version, secret.verifier
