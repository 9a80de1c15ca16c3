import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from sora.addresses import Address, parse_address
from sora.auth.authenticator import Authenticator
from sora.auth.cache import VerifiedPasswords
from sora.auth.interfaces import IAuthenticator, Identity
from sora.auth.last_logins import LastLogins
from sora.auth.logging_in import Channel, LoggedIn, log_in
from sora.auth.pacing import Paces, Pacing
from sora.auth.passwords import new_secrets
from sora.auth.threads import NICENESS, PasswordThreads
from sora.auth.throttle import Throttle
from sora.config.servers import AuthRateLimit
from sora.deferreds import deferred
from sora.errors import AuthenticationFailed, BadSyntax, Unavailable
from sora.metrics.authentication import AuthenticationMetrics, PacingMetrics
from sora.net.networks import LOOPBACK, Networks
from sora.net.peer import Peer
from sora.storage.interfaces import ICredentials
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import Login, NewMailbox, Secret
from trial_tests.auth.scram_client import ScramClient

reactor: Any = global_reactor
PEER = Peer("192.0.2.9", 4000)
USER = parse_address("User@Example.com")


def secrets(password: str, scheme: str = "bcrypt") -> Any:
    return new_secrets(password, os.urandom, scheme, cost=4, iterations=10)


class CountingThreads(PasswordThreads):
    """Counts what was hashed."""

    runs = 0

    def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return super().run(work, *args, **kwargs)


@implementer(ICredentials)
class Counted:
    """The credentials of a storage, with a count of reads; `change` is applied to each answer,
    `failure` raised instead."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.asked: list[Address] = []
        self.change: Any = lambda login: login
        self.failure: Exception | None = None

    @deferred
    async def login(self, address: Address) -> Login | None:
        self.asked.append(address)
        if self.failure is not None:
            raise self.failure
        found = await self.inner.login(address)
        return self.change(found) if found is not None else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class AuthenticatorTestCase(TestCase):
    """An authenticator, and an account whose password is `secret`."""

    async def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.storage = memory_storage(self.clock)
        await self.storage.accounts.create(USER, secrets("secret"), [NewMailbox("INBOX")])
        self.credentials = Counted(self.storage.credentials)
        self.threads = CountingThreads(reactor, threads=2)
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.registry = CollectorRegistry()
        limit = AuthRateLimit(progressive_delay_enabled=False, max_attempts_per_ip=5)
        self.throttle = Throttle(
            self.clock,
            dict.fromkeys(("imap", "managesieve"), limit),
            exempt=Networks(LOOPBACK),
        )
        self.verified = VerifiedPasswords(self.clock, os.urandom, capacity=3, lifetime=60)
        self.last_logins = LastLogins(self.clock)
        self.pressure = ""
        pacing = PacingMetrics(self.registry)

        def pace(step: str) -> Pacing:
            return Pacing(self.clock, step, most=4, pressure=lambda: self.pressure, metrics=pacing)

        self.paces = Paces(pace("read"), pace("hash"))
        self.authenticator = Authenticator(
            self.credentials,
            clock=self.clock,
            random=os.urandom,
            threads=self.threads,
            paces=self.paces,
            verified=self.verified,
            throttle=self.throttle,
            metrics=AuthenticationMetrics(self.registry),
            last_logins=self.last_logins,
            cost=4,
        )

    def log_in(self, login: str, password: str, protocol: str = "imap") -> "Deferred[Identity]":
        return self.authenticator.password(login, password, PEER, protocol)

    def attempts(self, result: str) -> float:
        labels = {"protocol": "imap", "result": result}
        name = "sora_authentication_attempts_total"
        return self.registry.get_sample_value(name, labels) or 0.0

    async def fails(self, login: str, password: str, protocol: str = "imap") -> str:
        error = await self.assertFailure(
            self.log_in(login, password, protocol), AuthenticationFailed
        )
        return str(error.text)


class AuthenticatorTests(AuthenticatorTestCase):
    def test_is_what_protocols_ask_for(self) -> None:
        verifyObject(IAuthenticator, self.authenticator)

    async def test_a_right_password_in_any_spelling_of_the_address(self) -> None:
        """G50"""
        for login in ("User@Example.com", "USER@EXAMPLE.COM", " user+lists@example.com "):
            identity = await self.log_in(login, "secret")
            self.assertEqual(identity.address.lower(), "user@example.com")
            self.assertEqual(identity.login, "user@example.com")
        self.assertEqual((self.attempts("ok"), self.attempts("cached")), (1, 2))

    async def test_a_cached_login_costs_one_read_and_no_hash(self) -> None:
        """G54"""
        await self.log_in("user@example.com", "secret")
        await self.log_in("user@example.com", "secret")
        self.assertEqual((len(self.credentials.asked), self.threads.runs), (2, 1))
        self.clock.advance(61)
        await self.log_in("user@example.com", "secret")
        self.assertEqual((len(self.credentials.asked), self.threads.runs), (3, 2))

    async def test_what_was_compared_is_counted_by_scheme(self) -> None:
        """What the cache knows is compared with nothing; nobody's password is no scheme's."""
        await self.log_in("user@example.com", "secret")
        await self.log_in("user@example.com", "secret")
        await self.fails("user@example.com", "wrong")
        await self.fails("nobody@example.com", "secret")
        found = {
            (scheme, result): self.registry.get_sample_value(
                "sora_password_verification_attempts_total",
                {"hash_type": scheme, "result": result},
            )
            for scheme, result in (("bcrypt", "ok"), ("bcrypt", "failed"), ("none", "failed"))
        }
        self.assertEqual(set(found.values()), {1}, found)
        cache = [
            self.registry.get_sample_value("sora_auth_cache_operations_total", {"result": result})
            for result in ("hit", "miss")
        ]
        self.assertEqual(cache, [1, 2])

    async def test_a_change_of_password_ends_what_was_cached(self) -> None:
        """G54"""
        await self.log_in("user@example.com", "secret")
        await self.storage.credentials.set_secrets(USER, secrets("new"))
        await self.fails("user@example.com", "secret")
        await self.log_in("user@example.com", "new")
        await self.storage.credentials.set_secrets(USER, secrets("secret"))
        self.assertEqual(self.threads.runs, 3)
        await self.log_in("user@example.com", "secret")
        self.assertEqual(self.threads.runs, 4)

    async def test_all_failures_give_the_same_answer_after_the_same_work(self) -> None:
        """G51"""
        texts = {
            await self.fails("user@example.com", "wrong"),
            await self.fails("nobody@example.com", "secret"),
            await self.fails("no address", "secret"),
        }
        self.credentials.change = lambda login: evolve(login, disabled=True)
        texts.add(await self.fails("user@example.com", "secret"))
        self.assertEqual(len(texts), 1)
        self.assertEqual(self.threads.runs, 4)
        self.assertEqual(self.attempts("failed"), 4)

    async def test_a_disabled_account_is_not_let_in_by_the_cache(self) -> None:
        await self.log_in("user@example.com", "secret")
        self.credentials.change = lambda login: evolve(login, disabled=True)
        await self.fails("user@example.com", "secret")

    async def test_a_blocked_address_gets_the_same_answer_without_a_read(self) -> None:
        for _ in range(5):
            text = await self.fails("user@example.com", "wrong")
        self.assertEqual(await self.fails("user@example.com", "secret"), text)
        self.assertEqual((len(self.credentials.asked), self.attempts("blocked")), (5, 1))

    async def test_when_nobody_can_tell_nothing_is_counted(self) -> None:
        self.credentials.failure = Unavailable()
        for _ in range(10):
            await self.assertFailure(self.log_in("user@example.com", "secret"), Unavailable)
        self.credentials.failure = None
        await self.log_in("user@example.com", "secret")
        self.assertEqual(self.attempts("unavailable"), 10)

    async def test_scopes_and_ends_of_app_passwords_hold(self) -> None:
        now = datetime.fromtimestamp(self.clock.seconds(), UTC)
        hashed = secrets("app")[0].verifier

        def with_secret(secret: Secret) -> None:
            self.credentials.change = lambda login: evolve(login, secrets=(*login.secrets, secret))

        with_secret(Secret("password", hashed, "phone", ("imap",), now + timedelta(hours=1)))
        await self.log_in("user@example.com", "app")
        await self.log_in("user@example.com", "app")
        await self.log_in("user@example.com", "secret")
        await self.fails("user@example.com", "app", "managesieve")
        self.clock.advance(3600)
        await self.fails("user@example.com", "app")
        with_secret(Secret("password", hashed))
        await self.log_in("user@example.com", "app", "managesieve")

    async def test_who_gets_in_is_remembered_and_nobody_else(self) -> None:
        """For when somebody was here last: whether the cache knew the password or not, and for no
        statement more."""
        await self.fails("user@example.com", "wrong")
        self.assertEqual(len(self.last_logins), 0)
        await self.log_in("user@example.com", "secret")
        self.clock.advance(5)
        await self.log_in("user@example.com", "secret", "managesieve")
        self.clock.advance(7)
        await self.fails("user@example.com", "wrong")
        self.credentials.change = lambda login: evolve(login, disabled=True)
        await self.fails("user@example.com", "secret")
        [one] = self.last_logins.rows(self.last_logins.take())
        self.assertEqual((one.age, one.protocol, one.address), (7, "managesieve", PEER.host))
        self.assertEqual(self.storage.tables.statements["note_logins"], 0)

    async def test_scram_keys_are_no_passwords(self) -> None:
        keys = secrets("secret")[1].verifier
        await self.fails("user@example.com", keys)

    async def test_imported_hashes_are_verified(self) -> None:
        await self.storage.credentials.set_secrets(USER, secrets("new", "ssha512"))
        await self.log_in("user@example.com", "new")
        await self.fails("user@example.com", "secret")

    async def test_endless_passwords_are_wrong(self) -> None:
        await self.fails("user@example.com", "x" * 1_000_000)
        await self.fails("user@example.com", "")


class PacedLoginTests(AuthenticatorTestCase):
    async def test_under_pressure_one_after_the_other_and_all_get_in(self) -> None:
        """G65"""
        self.pressure = "turns come late"
        logins = [self.log_in("user@example.com", "secret") for _ in range(3)]
        self.assertEqual(self.paces.hashes.waiting.count + self.paces.reads.waiting.count, 2)
        for login in logins:
            self.assertEqual((await login).login, "user@example.com")
        self.assertEqual(self.registry.get_sample_value("sora_logins_running", {"step": "hash"}), 0)

    async def test_who_waited_in_vain_is_no_failure_of_the_user(self) -> None:
        """G55: Unavailable, and nothing is counted against anybody."""
        self.paces.reads._most = 0
        login = self.log_in("user@example.com", "secret")
        self.clock.advance(40)
        await self.assertFailure(login, Unavailable)
        self.assertEqual((self.attempts("unavailable"), self.attempts("failed")), (1, 0))
        self.assertEqual(len(self.throttle._users.entries), 0)


class ThreadsTests(TestCase):
    async def test_hashing_is_nice_and_the_reactor_is_not(self) -> None:
        """Who has logged in comes first."""
        threads = PasswordThreads(reactor, threads=1)
        threads.startService()
        self.addCleanup(threads.stopService)
        before = os.getpriority(os.PRIO_PROCESS, 0)
        nice = await threads.run(os.getpriority, os.PRIO_PROCESS, 0)
        self.assertEqual(nice, NICENESS if sys.platform == "linux" else before)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, 0), before)

    async def test_the_queue_is_bounded(self) -> None:
        """G55"""
        threads = PasswordThreads(reactor, threads=1, queue=1)
        results = [threads.run(len, "ab"), threads.run(len, "abc")]
        await self.assertFailure(_soon(lambda: threads.run(len, "")), Unavailable)
        threads.startService()
        self.addCleanup(threads.stopService)
        self.assertEqual([await result for result in results], [2, 3])
        self.assertEqual(threads.pending, 0)


class CacheTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.verified = VerifiedPasswords(self.clock, os.urandom, capacity=3, lifetime=60)

    def test_knows_only_the_whole_of_it(self) -> None:
        self.verified.remember(1, 2, "{X}y", "secret")
        self.assertTrue(self.verified.knows(1, 2, "{X}y", "secret"))
        for other in ((2, 2, "{X}y", "secret"), (1, 3, "{X}y", "secret"), (1, 2, "{X}z", "secret")):
            self.assertFalse(self.verified.knows(*other))
        self.assertFalse(self.verified.knows(1, 2, "{X}y", "Secret"))

    def test_is_bounded_and_forgets_the_least_used(self) -> None:
        for number in range(3):
            self.verified.remember(number, 1, "v", "p")
        self.verified.knows(0, 1, "v", "p")
        self.verified.remember(3, 1, "v", "p")
        known = [self.verified.knows(number, 1, "v", "p") for number in range(4)]
        self.assertEqual(known, [True, False, True, True])

    def test_holds_no_password(self) -> None:
        """G54"""
        self.verified.remember(1, 2, "{X}y", "secret")
        self.assertNotIn("secret", repr(vars(self.verified)))

    def test_two_processes_have_different_digests(self) -> None:
        other = VerifiedPasswords(self.clock, os.urandom)
        for each in (self.verified, other):
            each.remember(1, 2, "v", "p")
        self.assertNotEqual(list(self.verified._until), list(other._until))


def _soon(work: Any) -> "Deferred[Any]":
    async def run() -> Any:
        return await work()

    return Deferred.fromCoroutine(run())


class ScramTests(AuthenticatorTestCase):
    """Logins by SCRAM-SHA-256, in the way of `sora.auth.logging_in`."""

    async def scram(self, user: str, password: str, gives_up: bool = False) -> LoggedIn:
        client = ScramClient(user, password)

        async def ask(challenge: bytes) -> bytes:
            if gives_up:
                raise BadSyntax("The authentication was cancelled")
            self.challenges.append(challenge)
            return client.final(challenge) if challenge else client.first()

        channel = Channel(peer=PEER, protocol="imap", ask=ask)
        initial = client.first() if gives_up else None
        done = await log_in(self.authenticator, "SCRAM-SHA-256", initial, channel)
        self.assertEqual(done.final, client.server)
        return done

    async def setUp(self) -> None:
        await super().setUp()
        self.challenges: list[bytes] = []

    async def test_a_right_password(self) -> None:
        """Without a hash, and with one read."""
        done = await self.scram("USER+x@Example.com", "secret")
        self.assertEqual(done.identity.login, "user@example.com")
        self.assertEqual((self.threads.runs, len(self.credentials.asked)), (0, 1))
        self.assertEqual((self.attempts("ok"), len(self.last_logins)), (1, 1))

    async def test_who_is_not_there_has_a_salt_too(self) -> None:
        """G51: always the same; another one than others have."""
        for user in ("nobody@example.com", "nobody@example.com", "other@example.com", "no address"):
            await self.assertFailure(
                Deferred.fromCoroutine(self.scram(user, "secret")), AuthenticationFailed
            )
        told = [one.split(b",")[1:] for one in self.challenges if one]
        self.assertEqual(told[0], told[1])
        self.assertNotEqual(told[0], told[2])
        self.assertEqual({len(parts[0]) for parts in told}, {len("s=") + 24})
        self.assertEqual(self.attempts("failed"), 4)

    async def test_failures_are_counted_and_block(self) -> None:
        for _ in range(5):
            await self.assertFailure(
                Deferred.fromCoroutine(self.scram("user@example.com", "wrong")),
                AuthenticationFailed,
            )
        await self.assertFailure(
            Deferred.fromCoroutine(self.scram("user@example.com", "secret")), AuthenticationFailed
        )
        self.assertEqual((self.attempts("failed"), self.attempts("blocked")), (5, 1))

    async def test_who_gives_up_has_not_failed(self) -> None:
        for _ in range(10):
            await self.assertFailure(
                Deferred.fromCoroutine(self.scram("user@example.com", "x", gives_up=True)),
                BadSyntax,
            )
        await self.scram("user@example.com", "secret")

    async def test_a_disabled_account_and_one_without_keys(self) -> None:
        for change in (
            lambda row: evolve(row, disabled=True),
            lambda row: evolve(row, secrets=row.secrets[:1]),
        ):
            self.credentials.change = change
            await self.assertFailure(
                Deferred.fromCoroutine(self.scram("user@example.com", "secret")),
                AuthenticationFailed,
            )
        self.assertEqual(len(self.last_logins), 0)

    async def test_a_database_that_is_away(self) -> None:
        self.credentials.failure = Unavailable()
        await self.assertFailure(
            Deferred.fromCoroutine(self.scram("user@example.com", "secret")), Unavailable
        )
        self.assertEqual(self.attempts("unavailable"), 1)
