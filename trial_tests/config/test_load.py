"""A file, the environment and `--set` become a configuration, or a list of problems."""

import os
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from sora.config import secrets
from sora.config.config import Config
from sora.config.load import load, loads
from sora.config.problems import ConfigError
from sora.config.secrets import closed_by
from sora.config.units import Endpoint

PRODUCT = Path(__file__).parent / "data" / "product.toml"


class LoadTests(SynchronousTestCase):
    """What loads, and what it means."""

    def test_an_empty_file_is_the_defaults(self) -> None:
        """Everything has one but what names a server."""
        self.assertEqual(loads("").config, Config())

    def test_the_example_of_the_product_loads_as_written(self) -> None:
        """Every table and key of it."""
        config = load(PRODUCT).config
        self.assertEqual(config.database.max_conn_lifetime, 3600)
        self.assertEqual(config.database.read_endpoints[0].host, "replica1.example.com")
        self.assertEqual(config.s3.bucket, "sora-messages")
        imap, api, proxy = config.servers
        self.assertEqual((imap.type, imap.addr, imap.tls), ("imap", Endpoint("", 993), True))
        self.assertEqual(imap.client_filters[0].disable_caps, ("IDLE",))
        self.assertEqual([str(one) for one in api.allowed_hosts], ["127.0.0.1/32", "10.0.0.0/8"])
        self.assertEqual(proxy.remote_addrs[1], Endpoint("backend2.example.com", 143))
        self.assertEqual(config.cluster.peers[0], Endpoint("10.10.10.41", 7946))
        self.assertEqual(config.tls.letsencrypt.renew_before, 720 * 3600)
        self.assertEqual(config.tls.letsencrypt.s3.bucket, "sora-tls-certificates")
        self.assertEqual(config.relay.queue.retry_backoff[-1], 86400)
        self.assertIsNone(config.cleanup.max_age_restriction)

    def test_a_table_named_after_a_type_is_the_default_of_all_its_servers(self) -> None:
        """It lands inside the last entry, whatever that one's type is."""
        imap, api, _ = load(PRODUCT).config.servers
        self.assertEqual(imap.auth_rate_limit.max_attempts_per_ip, 10)
        self.assertEqual(imap.auth_rate_limit.username_window_duration, 1800)
        self.assertEqual(api.auth_rate_limit.max_attempts_per_ip, 20)

    def test_a_server_overrides_the_defaults_of_its_type(self) -> None:
        """Key by key, also inside of tables."""
        first, second = loads(
            """
            [[servers]]
            type = "imap"
            addr = ":143"
            max_connections = 7
            [servers.auth_rate_limit]
            max_attempts_per_ip = 3
            [[servers]]
            type = "imap"
            addr = ":993"
            [servers.imap]
            max_connections = 5
            [servers.imap.auth_rate_limit]
            max_attempts_per_ip = 4
            max_attempts_per_username = 6
            """
        ).config.servers
        self.assertEqual((first.max_connections, second.max_connections), (7, 5))
        self.assertEqual(first.auth_rate_limit.max_attempts_per_ip, 3)
        self.assertEqual(first.auth_rate_limit.max_attempts_per_username, 6)
        self.assertEqual(second.auth_rate_limit.max_attempts_per_ip, 4)

    def test_relay_queue_is_another_name(self) -> None:
        """For [relay.queue], with its own lines in errors."""
        self.assertEqual(loads("[relay_queue]\nbatch_size = 7").config.relay.queue.batch_size, 7)
        self.assertIn("f:2: relay.queue.bach_size", problems("[relay_queue]\nbach_size = 7"))
        self.assertIn("keep only one", problems("[relay.queue]\n[relay_queue]\nbatch_size = 7"))

    def test_insecure_auth_is_for_loopback_unless_it_is_set(self) -> None:
        """Three states: true, false, not set."""
        for addr, line, allowed in (
            ("127.0.0.1:143", "", True),
            (":143", "", False),
            ("127.0.0.1:143", "insecure_auth = false", False),
            (":143", "insecure_auth = true", True),
        ):
            text = f'[[servers]]\ntype = "imap"\naddr = "{addr}"\n{line}'
            self.assertIs(loads(text).config.servers[0].allows_insecure_auth, allowed)

    def test_secrets_are_in_no_dump(self) -> None:
        """Neither in the configuration's own (G69)."""
        config = loads('[database]\npassword = "hush"\n[s3]\nsecret_key = "hush"').config
        self.assertNotIn("hush", repr(config))


class ProblemTests(SynchronousTestCase):
    """What is said of a file that cannot be used."""

    def test_every_problem_names_file_line_key_and_mend(self) -> None:
        """A table of mistakes."""
        for text, expected in (
            (
                "[database]\nmax_conn = 1",
                "f:2: database.max_conn: there is no such key; did you mean `max_conns`?",
            ),
            (
                "[databse]\nport = 1",
                "f:1: databse: there is no such table; did you mean `database`?",
            ),
            (
                "[database]\n\nport = '5432'",
                'f:3: database.port: "5432" is not a whole number: write it without quotation marks',
            ),
            (
                "[database]\nport = true",
                "f:2: database.port: true is not a whole number: write it without quotation marks",
            ),
            ("[database]\nport = 0", "f:2: database.port: 0 is too small: the least is 1"),
            (
                "[s3]\nuse_ssl = 'yes'",
                'f:2: s3.use_ssl: "yes" is not true or false: write true or false, unquoted',
            ),
            (
                "[s3]\nprovider = 'azure'",
                'f:2: s3.provider: "azure" is not one of "s3", "filesystem"',
            ),
            (
                "[database]\nhost = 5",
                'f:2: database.host: 5 is not a host: write "db1", "db1,db2" or ["db1", "db2"]',
            ),
            (
                "[database]\ndbname = 5",
                "f:2: database.dbname: 5 is not a text: write it in quotation marks",
            ),
            (
                "[sieve]\nextensions = 'fileinto'",
                'f:2: sieve.extensions: "fileinto" is not a list of texts: write ["one", "two"]',
            ),
            (
                "[cleanup]\ngrace_period = 14",
                "f:2: cleanup.grace_period: 14 is not a duration: "
                'write "250ms", "30s", "15m", "1h" or "14d"',
            ),
            (
                "database = 5",
                "f:1: database: 5 is not a table: write it as [table] with keys below",
            ),
            (
                "[servers]\ntype = 'imap'",
                "f:1: [servers]: this table stands above the first [[servers]], which is invalid "
                "TOML: move it below a [[servers]] entry",
            ),
            (
                "# a comment\n[servers.imap.auth_rate_limit]\nenabled = true\n[[servers]]",
                "f:2: [servers.imap.auth_rate_limit]: this table stands above the first "
                "[[servers]], which is invalid TOML: move it below a [[servers]] entry",
            ),
            (
                "[[servers]]\ntype = 'imap'",
                "f:1: servers[0].addr: this key must be there",
            ),
            (
                "[[servers]]\ntype='imap'\naddr=':1'\n[[servers]]\ntype='imapd'\naddr=':1'",
                'f:5: servers[1].type: "imapd" is not one of "imap", "pop3", "lmtp", '
                '"managesieve", "http_api", "imap_proxy", "pop3_proxy", "managesieve_proxy", '
                '"lmtp_proxy"',
            ),
            (
                "[relay]\nmax_conns = 1",
                "f:2: relay.max_conns: there is no such key here; it belongs into [database]",
            ),
            (
                "[database]\nread_endpoints = 'a'",
                "f:2: database.read_endpoints: this is an array of tables: write its heading in "
                "[[double brackets]]",
            ),
            (
                "[relay.queue]\nretry_backoff = ['1m', 5]",
                "f:2: relay.queue.retry_backoff: 5 is not a duration: "
                'write "250ms", "30s", "15m", "1h" or "14d"',
            ),
            ("[upload]\nworkers = ", "f:2: this is not valid TOML: invalid value"),
            ("[sieve]\nextensions = ['a'\n", "f:2: this is not valid TOML: unclosed array"),
            (
                "[upload]\nworkers = 1\nworkers = 2",
                "f:3: this is not valid TOML: cannot overwrite a value",
            ),
        ):
            self.assertEqual(problems(text), expected, text)

    def test_all_problems_are_told_at_once_in_the_order_of_the_file(self) -> None:
        """The operator mends them together."""
        text = "[s3]\nuse_ssl = 1\n[database]\nport = 'x'\nprot = 5\n"
        self.assertEqual(
            [line.split(": ")[:2] for line in problems(text).splitlines()],
            [["f:2", "s3.use_ssl"], ["f:4", "database.port"], ["f:5", "database.prot"]],
        )

    def test_a_mistake_in_a_types_table_is_told_once(self) -> None:
        """And not for every server of the type."""
        server = '[[servers]]\ntype = "imap"\naddr = ":1"\n'
        text = server + server + "[servers.imap.auth_rate_limit]\nenabeld = true\n"
        self.assertEqual(
            problems(text),
            "f:8: servers.imap.auth_rate_limit.enabeld: there is no such key; "
            "did you mean `enabled`?",
        )

    def test_a_wrong_secret_is_not_shown(self) -> None:
        """G69"""
        self.assertNotIn("314159", problems("[database]\npassword = 314159"))

    def test_a_file_that_cannot_be_read_is_named(self) -> None:
        """Absent, a directory, not a text, far too long, far too deep."""
        directory = Path(self.mktemp())
        directory.mkdir()
        latin = directory / "latin.toml"
        latin.write_bytes(b"# caf\xe9\n")
        long, deep = directory / "long.toml", directory / "deep.toml"
        long.write_text("#" * (1 << 20) + "\n")
        deep.write_text("a = " + "[" * 2_000 + "]" * 2_000 + "\n")
        for file, expected in (
            (directory / "absent.toml", "there is no such file"),
            (directory, "cannot be read: Is a directory"),
            (latin, "not a text in UTF-8"),
            (long, "longer than 1 MiB"),
            (deep, "nested too deeply"),
        ):
            error = self.assertRaises(ConfigError, load, file)
            self.assertIn(str(file), str(error))
            self.assertIn(expected, str(error))


class OverrideTests(SynchronousTestCase):
    """`--set` counts most, then the environment, then the file."""

    def test_the_order_of_precedence(self) -> None:
        """Each layer hides the one below."""
        text = "[database]\nhost = 'file'\nuser = 'file'\ndbname = 'file'"
        environment = {"SORA_DATABASE_HOST": "environment", "SORA_DATABASE_USER": "environment"}
        config = loads(text, "f", environment, ["database.host=set"]).config.database
        self.assertEqual((config.host, config.user, config.dbname), ("set", "environment", "file"))

    def test_values_are_read_as_their_key_wants_them(self) -> None:
        """Truths, numbers, lists, durations."""
        config = loads(
            "",
            settings=[
                "database.port=6432",
                "s3.use_ssl=no",
                "upload.staging_max_size=2mb",
                "sieve.extensions=fileinto, vacation",
                'cluster.peers=["10.0.0.1:1"]',
                "process.workers=4",
                "relay_queue.batch_size=5",
                "tls.letsencrypt.email=a=b@example.com",
            ],
        ).config
        self.assertEqual(config.database.port, 6432)
        self.assertFalse(config.s3.use_ssl)
        self.assertEqual(config.upload.staging_max_size, 2 << 20)
        self.assertEqual(config.sieve.extensions, ("fileinto", "vacation"))
        self.assertEqual(config.cluster.peers, (Endpoint("10.0.0.1", 1),))
        self.assertEqual(config.process.workers, 4)
        self.assertEqual(config.relay.queue.batch_size, 5)
        self.assertEqual(config.tls.letsencrypt.email, "a=b@example.com")

    def test_environment_names_are_resolved_against_the_keys(self) -> None:
        """Underscores separate tables and are part of keys, too."""
        server = '[[servers]]\ntype = "imap_proxy"\naddr = ":1"\n'
        config = loads(
            server,
            "f",
            {
                "SORA_TLS_LETSENCRYPT_EMAIL": "a@example.com",
                "SORA_TLS_LETSENCRYPT_S3_BUCKET": "certificates",
                "SORA_S3_SECRET_KEY": "k",
                "SORA_SERVERS_0_API_KEY": "key",
                "SORA_SERVERS_IMAP_PROXY_PROXY_PROTOCOL": "true",
                "SORA_SHARED_MAILBOXES_ENABLED": "true",
                "SORA_CLUSTER_RATE_LIMIT_SYNC_SYNC_BLOCKS": "false",
            },
        ).config
        self.assertEqual(config.tls.letsencrypt.email, "a@example.com")
        self.assertEqual(config.tls.letsencrypt.s3.bucket, "certificates")
        self.assertEqual(config.s3.secret_key, "k")
        self.assertEqual(config.servers[0].api_key, "key")
        self.assertTrue(config.servers[0].proxy_protocol)
        self.assertTrue(config.shared_mailboxes.enabled)
        self.assertFalse(config.cluster.rate_limit_sync.sync_blocks)

    def test_a_variable_that_sets_nothing_is_a_warning(self) -> None:
        """It may belong to something else, or be misspelt."""
        loaded = loads("", "f", {"SORA_DATABSE_HOST": "x", "SORA_TEST_POSTGRES": "y", "PATH": "z"})
        self.assertEqual(
            [str(warning) for warning in loaded.warnings],
            ["SORA_DATABSE_HOST: this environment variable sets no key; ignored"],
        )

    def test_a_wrong_override_is_named_as_it_was_given(self) -> None:
        """The file is not to blame."""
        for environment, settings, expected in (
            ({}, ["database.prot=1"], "--set database.prot: there is no such key; did you mean"),
            ({}, ["database.port=x"], '--set database.port: database.port: "x" is not a whole'),
            ({}, ["database"], "--set database: write --set table.key=value"),
            ({}, ["database=1"], "--set database: this is a table; name a key of it"),
            ({}, ["database.host.x=1"], "--set database.host.x: `host` is a key, and not a table"),
            ({}, ["servers.addr=:1"], "name the entry by its number"),
            ({}, ["servers.3.addr=:1"], "there are only 0 entries"),
            ({}, ["sieve.extensions=[1"], "this is not a list as TOML has it"),
            ({"SORA_S3_USE_SSL": "perhaps"}, [], 'SORA_S3_USE_SSL: s3.use_ssl: "perhaps" is not'),
        ):
            error = self.assertRaises(ConfigError, loads, "", "f", environment, settings)
            self.assertIn(expected, str(error))

    def test_entries_of_arrays_and_whole_types_can_be_set(self) -> None:
        """By number, counted from 0, and by type."""
        server = '[[servers]]\ntype = "imap"\naddr = ":1"\n'
        config = loads(
            server + server,
            settings=["servers.1.addr=:2", "servers.imap.max_connections=5", "servers.0.start=off"],
        ).config
        self.assertEqual([one.addr.port for one in config.servers], [1, 2])
        self.assertEqual([one.max_connections for one in config.servers], [5, 5])
        self.assertEqual([one.start for one in config.servers], [False, True])


class SecretFileTests(SynchronousTestCase):
    """`password_file` beside `password`."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.secret = self.directory / "secret"
        self.secret.write_text("  hush\n")
        self.secret.chmod(0o600)

    def test_a_secret_is_read_from_its_file_and_stripped(self) -> None:
        """A relative name is looked for beside the configuration."""
        file = self.directory / "config.toml"
        file.write_text('[database]\npassword_file = "secret"\n')
        self.assertEqual(load(file).config.database.password, "hush")

    def test_secrets_of_every_table_can_stand_in_files(self) -> None:
        """Also those of entries of arrays, and of a type's defaults."""
        config = loads(
            f"""
            [s3]
            encryption_keys = [{{id = "2026", key_file = "{self.secret.absolute()}"}}]
            [[servers]]
            type = "http_api"
            addr = ":8080"
            [servers.http_api]
            api_key_file = "{self.secret.absolute()}"
            """
        ).config
        self.assertEqual(config.s3.encryption_keys[0].key, "hush")
        self.assertEqual(config.servers[0].api_key, "hush")

    def test_the_environment_replaces_either_spelling(self) -> None:
        """A file in the configuration gives way to a secret of the environment, and back."""
        text = '[database]\npassword_file = "absent"\n'
        loaded = loads(text, "f", {"SORA_DATABASE_PASSWORD": "env"})
        self.assertEqual(loaded.config.database.password, "env")
        environment = {"SORA_DATABASE_PASSWORD_FILE": str(self.secret.absolute())}
        loaded = loads('[database]\npassword = "file"', "f", environment)
        self.assertEqual(loaded.config.database.password, "hush")

    def test_a_wrong_file_is_an_error_that_names_it(self) -> None:
        """Absent, empty, or beside a secret in clear."""
        empty = self.directory / "empty"
        empty.write_text("\n")
        for text, expected in (
            ('password_file = "absent"', "absent cannot be read: No such file or directory"),
            (f'password_file = "{empty.absolute()}"', "is empty: write the secret into it"),
            ('password_file = "absent"\npassword = "x"', "keep only one of them"),
            ("password_file = 5", "this is not the name of a file: write a text"),
        ):
            self.assertIn(expected, problems("[database]\n" + text))
            self.assertIn("f:2: database.password_file", problems("[database]\n" + text))

    def test_a_file_that_everybody_can_read_is_a_warning(self) -> None:
        """It says the command that mends it."""
        self.secret.chmod(0o644)
        loaded = loads(f'[database]\npassword_file = "{self.secret.absolute()}"', "f")
        self.assertEqual(loaded.config.database.password, "hush")
        command = f"chmod o-rwx {self.secret.absolute()}"
        self.assertEqual(loaded.warnings[0].mend, command)
        self.assertTrue(str(loaded.warnings[0]).endswith(command))

    def test_a_file_that_sora_reads_as_everybody_does_is_given_to_its_group(self) -> None:
        """Else the command would take it from Sora, too."""
        if os.geteuid():
            raise SkipTest("only root can give a file away")
        self.patch(secrets, "_reader", lambda: (4_001, 4_002))
        self.secret.chmod(0o644)
        name = str(self.secret.absolute())
        self.assertEqual(closed_by(self.secret), f"chgrp 4002 {name} && chmod 0640 {name}")
        os.chown(self.secret, 0, 4_002)
        self.assertEqual(closed_by(self.secret), f"chmod o-rwx {name}")
        os.chown(self.secret, 4_001, 0)
        self.assertEqual(closed_by(self.secret), f"chmod o-rwx {name}")

    def test_a_configuration_with_secrets_that_everybody_can_read_is_a_warning(self) -> None:
        """One without secrets is not."""
        file = self.directory / "config.toml"
        for text, count in (('[database]\npassword = "x"', 1), ('[database]\nhost = "x"', 0)):
            file.write_text(text)
            os.chmod(file, 0o644)
            self.assertEqual(len(load(file).warnings), count)


def problems(text: str) -> str:
    """All problems of a file called `f`."""
    try:
        loads(text, "f")
    except ConfigError as error:
        return str(error)
    return ""
