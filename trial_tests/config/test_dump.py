"""sora.config.dump: a configuration written back, without its secrets."""

from twisted.trial.unittest import SynchronousTestCase

from sora.config.document import example
from sora.config.dump import MASK, as_tables, as_toml
from sora.config.load import loads

FILE = """\
[database]
password = "geheim-geheim"
[s3]
secret_key = ""
[[servers]]
type = "http_api"
addr = "127.0.0.1:8080"
api_key = "quite-a-long-api-key"
trusted_networks = ["10.0.0.0/8"]
[[servers.api_keys]]
name = "dash\\"board"
key = "another-long-api-key"
"""


class DumpTests(SynchronousTestCase):
    def test_no_secret_is_shown(self) -> None:
        """G69: not one of them, wherever it stands; and one that is empty is seen to be empty."""
        tables = as_tables(loads(FILE, "f.toml").config)
        text = as_toml(tables)
        for secret in ("geheim-geheim", "quite-a-long-api-key", "another-long-api-key"):
            self.assertNotIn(secret, text)
        self.assertEqual(tables["database"]["password"], MASK)
        self.assertEqual(tables["s3"]["secret_key"], "")

    def test_what_is_written_is_read_as_the_same(self) -> None:
        """With all defaults, and with what a file says; units as operators write them."""
        for text in ("", FILE, example()):
            config = loads(text, "f.toml").config
            again = loads(as_toml(as_tables(config)), "g.toml").config
            self.assertEqual(as_tables(again), as_tables(config))
        self.assertEqual(as_tables(loads("").config)["health"]["check_interval"], "30s")

    def test_what_was_changed_says_where(self) -> None:
        """The line of the file, the variable, or the option."""
        loaded = loads(FILE, "f.toml", {"SORA_CACHE_CAPACITY": "2gb"}, ["limits.login_timeout=9s"])
        text = as_toml(as_tables(loaded.config, changed=True), loaded.where)
        self.assertIn(f'password = "{MASK}"  # f.toml:2\n', text)
        self.assertIn('capacity = "2gb"  # SORA_CACHE_CAPACITY\n', text)
        self.assertIn('login_timeout = "9s"  # --set limits.login_timeout\n', text)
        self.assertNotIn("[upload]", text)
        self.assertEqual(as_tables(loads("").config, changed=True), {})
