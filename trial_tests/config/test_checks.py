"""What must be right before a configuration is started."""

from base64 import b64encode
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.config.checks import check, is_placeholder
from sora.config.load import load, loads
from sora.config.problems import ConfigError
from sora.operations.api_keys import digest_of

GOOD = '[s3]\nprovider = "filesystem"\n[[servers]]\ntype = "imap"\naddr = ":143"\n'
KEY = b64encode(bytes(32)).decode()


def keys(*ids_and_keys: str) -> str:
    """A configuration with these keys of objects."""
    pairs = zip(ids_and_keys[::2], ids_and_keys[1::2], strict=True)
    tables = "".join(f'[[s3.encryption_keys]]\nid = "{id_}"\nkey = "{key}"\n' for id_, key in pairs)
    return GOOD + tables


class CheckTests(SynchronousTestCase):
    """Loading is generous, starting is not (G52)."""

    def complaints(self, text: str) -> str:
        loaded = loads(text, "f")
        try:
            check(loaded.config, loaded.where)
        except ConfigError as error:
            return str(error)
        return ""

    def test_a_small_good_one(self) -> None:
        """Nothing is said."""
        self.assertEqual(self.complaints(GOOD), "")

    def test_sieve(self) -> None:
        """What is nested too deeply would be too much for Python (G49)."""
        self.assertEqual(self.complaints(GOOD + "[sieve]\nmax_nesting = 60\n"), "")
        text = self.complaints(GOOD + "[sieve]\nmax_nesting = 61\nmax_include_depth = 31\n")
        self.assertIn("sieve.max_nesting: at most 60 levels", text)
        self.assertIn("sieve.max_include_depth: at most 30 levels", text)

    def test_tracing(self) -> None:
        """A collector that cannot be is told before the start; where tracing is off, nothing is."""
        for line, said in (
            ('endpoint = "collector:4318"', "tracing.endpoint: say where the collector is"),
            ('endpoint = "grpc://collector:4317"', "tracing.endpoint: say where the collector is"),
            ('endpoint = "http://:4318"', "tracing.endpoint: say where the collector is"),
            ('endpoint = "http://a:x"', "tracing.endpoint: say where the collector is"),
            ('endpoint = "http://me:pw@a"', "tracing.endpoint: write what authenticates"),
            ('headers = "Authorization"', "tracing.headers: write headers as"),
            ('headers = "a b=c"', "tracing.headers: write headers as"),
            ('headers = "a=c\\nd"', "tracing.headers: write headers as"),
            ('headers = "<token>"', "tracing.headers: this is a placeholder"),
        ):
            text = self.complaints(f"{GOOD}[tracing]\nenabled = true\n{line}\n")
            self.assertIn(said, text, line)
            self.assertEqual(self.complaints(f"{GOOD}[tracing]\n{line}\n"), "", line)

    def test_the_collector(self) -> None:
        """Its address, and what it is sent besides."""
        text = 'headers = "Authorization=Bearer a=b, X-Scope-OrgID=7"\n'
        tracing = loads(f"[tracing]\n{text}sample_ratio = 0.25\n", "f").config.tracing
        wanted = {"Authorization": "Bearer a=b", "X-Scope-OrgID": "7"}
        self.assertEqual(tracing.header_map, wanted)
        self.assertEqual(tracing.url, "http://127.0.0.1:4318/v1/traces")
        self.assertEqual(tracing.sample_ratio, 0.25)
        other = loads('[tracing]\nendpoint = "https://[::1]/otlp/v1/traces?x=y"\n', "f")
        self.assertEqual(other.config.tracing.url, "https://[::1]/otlp/v1/traces?x=y")
        for value in ('"much"', "1.01", "-0.1", "true", '""', '"nan"'):
            with self.assertRaises(ConfigError) as raised:
                loads(f"[tracing]\nsample_ratio = {value}\n", "f")
            self.assertIn("write a number from 0 to 1", str(raised.exception))

    def test_where_scripts_are_managed(self) -> None:
        """It is a word of a capability: without spaces or a path."""
        for url, is_good in (
            ("sieve://mail.example.com", True),
            ("sieve://[::1]:4190", True),
            ("mail.example.com", False),
            ("sieve://a b", False),
            ("sieve://a/b", False),
        ):
            text = self.complaints(f'{GOOD}[sieve]\nimapsieve_url = "{url}"\n')
            self.assertEqual("sieve.imapsieve_url: write sieve://host" in text, not is_good, url)

    def test_the_placeholders_of_the_example_are_refused(self) -> None:
        """Each with its line and its mend."""
        loaded = load(Path(__file__).parent / "data" / "product.toml")
        error = self.assertRaises(ConfigError, check, loaded.config, loaded.where)
        keys = [problem.key for problem in error.problems]
        self.assertEqual(
            keys,
            [
                "database.password",
                "s3.access_key",
                "s3.secret_key",
                "servers[1].api_key",
                "cluster.secret_key",
            ],
        )
        self.assertIn("product.toml:6", error.problems[0].where)
        self.assertIn("`password_file`", error.problems[0].text)

    def test_placeholders_are_known_in_any_case(self) -> None:
        """And what stands in angle brackets."""
        for text in ("your-password", "...", "CHANGEME", "<secret>", " secret "):
            self.assertTrue(is_placeholder(text), text)
        for text in ("", "s3cr3t-indeed", "correct horse"):
            self.assertFalse(is_placeholder(text), text)

    def test_what_cannot_be_started(self) -> None:
        """A table of configurations that are well formed and wrong."""
        for text, expected in (
            ('[[servers]]\ntype = "imap"\naddr = ":143"', "s3.bucket: name a bucket"),
            (GOOD + "tls = true", "f:6: servers[0].tls: no certificate"),
            (GOOD + 'tls_cert_file = "a"', "go together"),
            (GOOD + '[[servers]]\ntype = "lmtp"\naddr = ":143"', "servers[0] listens on :143, too"),
            (
                GOOD + '[[servers]]\ntype = "imap"\naddr = "127.0.0.1:143"',
                "another server is called imap-143, too",
            ),
            (GOOD + '[[servers]]\ntype = "http_api"\naddr = ":1"', "openssl rand -hex 32"),
            (GOOD + '[[servers]]\ntype = "imap_proxy"\naddr = ":1"', "at least one server behind"),
            (GOOD + '[cluster]\nenabled = true\nsecret_key = "AAAA"', "32 octets in base64"),
            (GOOD + "[cluster]\nenabled = true", "32 octets in base64"),
            (GOOD + "[database]\nmin_conns = 9\nmax_conns = 3", "more than max_conns"),
            (GOOD + "[tls]\nenabled = true", "tls.cert_file: name a PEM file"),
            (GOOD + '[relay]\ntype = "smtp"', "relay.smtp_host: name the server"),
            (GOOD + '[relay]\ntype = "smtp"\nsmtp_host = "a b:c"', "relay.smtp_host: name the"),
            (
                GOOD + '[relay]\ntype = "smtp"\nsmtp_host = "a"\nusername = "u"',
                "relay.username: username and password go together",
            ),
            (GOOD + '[relay]\ntype = "http"\nhttp_url = "ftp://a"', "relay.http_url: say where"),
            (
                GOOD + '[relay]\ntype = "smtp"\nsmtp_host = "a"\n[relay.queue]\npath = "q"',
                "relay.queue.path: name a directory",
            ),
            (
                GOOD + '[relay]\ntype = "smtp"\nsmtp_host = "a"\ntls_cert_file = "c"',
                "relay.tls_cert_file: tls_cert_file and tls_key_file go together",
            ),
            (
                GOOD.replace("[[servers]]", '[[s3.encryption_keys]]\nid="1"\nkey="x"\n[[servers]]'),
                "s3.encryption_keys[0].key: this must be 32 octets",
            ),
            (GOOD + '[s3.second]\nbucket = "b"\nmode = "sync"', "s3.second.mode: with a directory"),
            (
                GOOD + '[s3.second]\nbucket = "b"\naccess_key = "a"',
                "s3.second.access_key: access_key and secret_key go together",
            ),
            (
                GOOD.replace('provider = "filesystem"', 'bucket = "b"')
                + '[s3.second]\nbucket = "b"',
                "s3.second.bucket: this is the first bucket",
            ),
            (keys("2026", "base64-encoded-32-byte-key"), "this is a placeholder"),
            (keys("2026", KEY, "2026", KEY), "another key is called 2026, too"),
            (keys("a b", KEY), "s3.encryption_keys[0].id: this must be 1 to 32 letters"),
            (keys("x" * 33, KEY), "s3.encryption_keys[0].id: this must be 1 to 32 letters"),
        ):
            self.assertIn(expected, self.complaints(text), text)

    def test_a_key_of_the_http_api_is_long(self) -> None:
        """G52: one that could be guessed is refused; what is written has no need to be the key."""
        server = '[[servers]]\ntype = "http_api"\naddr = ":143"\n'
        short = 'api_key = "0123456789abcde"\n'
        self.assertIn("too short to be safe", self.complaints(GOOD + server + short))
        for right in (
            'api_key = "0123456789abcdef"\n',
            f'[[servers.api_keys]]\nname = "a"\ndigest = "{digest_of("k")}"\n',
        ):
            self.assertNotIn("api_key", self.complaints(GOOD + server + right))

    def test_what_is_not_started_is_not_checked(self) -> None:
        """Nor what is not used."""
        off = '[[servers]]\nstart = false\ntype = "http_api"\naddr = ":143"\napi_key = "..."\n'
        unused = '[cluster]\nsecret_key = "..."\n[relay]\npassword = "..."\n'
        self.assertEqual(self.complaints(GOOD + off + unused), "")

    def test_where_mail_is_handed_to(self) -> None:
        """The port is the usual one unless it is said."""
        for keys, wanted in (
            ('smtp_host = "mx:2525"', ("mx", 2525)),
            ('smtp_host = "mx"', ("mx", 587)),
            ('smtp_host = "mx"\ntls = true', ("mx", 465)),
            ('smtp_host = "mx"\ntls_use_starttls = false', ("mx", 25)),
            ('smtp_host = "[::1]:25"', ("::1", 25)),
        ):
            text = f'{GOOD}[relay]\ntype = "smtp"\n{keys}'
            self.assertEqual(self.complaints(text), "")
            self.assertEqual(loads(text).config.relay.smtp_target, wanted)

    def test_right_keys_are_accepted(self) -> None:
        """32 octets in base64."""
        self.assertEqual(self.complaints(keys("2026-11.b_1", KEY, "2025", KEY)), "")
        cluster = f'[cluster]\nenabled = true\nsecret_key = "{KEY}"\n'
        self.assertEqual(self.complaints(GOOD + cluster), "")
