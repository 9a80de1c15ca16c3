"""The embedded mode: a configuration like any other, a certificate, a first account."""

from os import urandom
from pathlib import Path
from shutil import rmtree
from stat import S_IMODE

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.app.embedded_mode import (
    MODE_NAME,
    EmbeddedOptions,
    Login,
    choose_login,
    configuration,
    ensure_account,
    remember,
    welcome,
)
from sora.auth.passwords import verify
from sora.config.checks import check
from sora.config.config import Config
from sora.config.load import loads
from sora.errors import BadArgument
from sora.operations.accounts import AccountOperations, PasswordHashing
from sora.storage.memory.storage import MemoryStorage, memory_storage
from trial_tests.support.postgres import temporary_directory


class EmbeddedModeTests(TestCase):
    """A directory, and what is made in it."""

    def setUp(self) -> None:
        # One that the account of PostgreSQL can enter, whoever runs the tests.
        top = temporary_directory("sora-embedded-")
        self.addCleanup(rmtree, top, True)
        self.directory = top / "var"
        self.options = EmbeddedOptions(self.directory, 20000)
        self.said: list[str] = []

    def config(self, *settings: str) -> Config:
        return loads(
            configuration(self.options, self.said.append), MODE_NAME, settings=settings
        ).config

    def test_it_is_a_configuration_that_can_be_started(self) -> None:
        """On loopback only, with a certificate, in this directory."""
        config = self.config()
        check(config)
        self.assertEqual(
            [(one.type, one.addr.port, one.tls) for one in config.servers],
            [
                ("imap", 20143, False),
                ("imap", 20993, True),
                ("managesieve", 24190, False),
                ("lmtp", 20024, False),
                ("pop3", 20110, False),
                ("pop3", 20995, True),
                ("http_api", 28080, False),
            ],
        )
        self.assertTrue(all(one.addr.is_loopback for one in config.servers))
        self.assertTrue(Path(config.servers[0].tls_cert_file).is_file())
        self.assertEqual(config.s3.provider, "filesystem")
        self.assertTrue(config.s3.path.startswith(str(self.directory)))
        self.assertTrue(config.database.host.startswith("/"))

    def test_keys_can_be_overridden(self) -> None:
        """As in any configuration."""
        config = self.config("limits.max_message_size=1mb", "servers.0.start=false")
        self.assertEqual(config.limits.max_message_size, 1 << 20)
        self.assertFalse(config.servers[0].start)

    def test_the_bodies_directory_is_made_only_with_a_new_database(self) -> None:
        """When it is missing later, bodies are missing, and the start has to say so."""
        objects = Path(self.config().s3.path)
        objects.rmdir()
        self.options.postgres.mkdir()
        self.config()
        self.assertFalse(objects.exists())

    def test_a_password_is_made_up_once_and_remembered(self) -> None:
        """In a file that only its owner can read."""
        self.directory.mkdir()
        login = choose_login(self.options, urandom)
        self.assertTrue(login.is_new)
        self.assertGreaterEqual(len(login.password), 20)
        remember(self.options, login)
        self.assertEqual(S_IMODE(self.options.password_file.stat().st_mode), 0o600)
        again = choose_login(self.options, urandom)
        self.assertEqual((again.account, again.password), (login.account, login.password))
        self.assertFalse(again.is_new)

    def test_what_is_given_counts_more_than_what_is_remembered(self) -> None:
        """Another account gets a password of its own; the same password is not new."""
        self.directory.mkdir()
        remember(self.options, Login("ann@example.com", "a b c", is_new=True))
        for account, password, expected in (
            (None, None, Login("ann@example.com", "a b c", is_new=False)),
            ("ann@example.com", "a b c", Login("ann@example.com", "a b c", is_new=False)),
            (None, "other", Login("ann@example.com", "other", is_new=True)),
            ("bob@example.com", "other", Login("bob@example.com", "other", is_new=True)),
        ):
            options = EmbeddedOptions(self.directory, 20000, account, password)
            self.assertEqual(choose_login(options, urandom), expected)
        options = EmbeddedOptions(self.directory, 20000, "bob@example.com")
        self.assertNotEqual(choose_login(options, urandom).password, "a b c")
        options = EmbeddedOptions(self.directory, 20000, "nobody")
        self.assertRaises(BadArgument, choose_login, options, urandom)

    def operations(self, storage: MemoryStorage) -> AccountOperations:
        hashing = PasswordHashing(urandom, maybeDeferred)
        return AccountOperations(storage.accounts, storage.credentials, storage.domains, hashing)

    async def test_the_account_is_made_restored_or_given_its_new_password(self) -> None:
        """Whatever is there, afterwards it can be used."""
        storage = memory_storage(Clock())
        operations = self.operations(storage)
        address = "ann@example.com"
        self.assertTrue(await ensure_account(operations, Login(address, "one", is_new=True)))
        self.assertFalse(await ensure_account(operations, Login(address, "one", is_new=False)))
        await operations.delete(address)
        await ensure_account(operations, Login(address, "two", is_new=True))
        login = await storage.credentials.login(parse_address(address))
        assert login is not None
        verifier = next(one.verifier for one in login.secrets if one.kind == "password")
        self.assertTrue(verify("two", verifier))

    def test_the_welcome_says_where_who_and_how(self) -> None:
        """It begins with `ready`; what is typed is quoted for the shell."""
        text = welcome(self.options, self.config(), Login("o'neil@example.com", "a b", False))
        self.assertTrue(text.startswith("ready"))
        for expected in (
            "127.0.0.1:20143",
            "STARTTLS",
            "127.0.0.1:20993",
            "127.0.0.1:20024",
            "MANAGESIEVE 127.0.0.1:24190",
            "password    a b",
            "swaks --protocol LMTP --server 127.0.0.1 --port 20024",
            "curl -k --user 'o'\\''neil@example.com:a b' 'imaps://127.0.0.1:20993/INBOX;UID=1'",
        ):
            self.assertIn(expected, text)
