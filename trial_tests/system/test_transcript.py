"""What operators type, as the contract with them has it: each command of the command line, and what
they look for in health, log and metrics when they are paged."""

import imaplib
import io
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import redirect_stdout
from mailbox import Maildir
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.admin.commands import GROUPS, all_words
from sora.admin.main import parse
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.quick_twistd import QuickTwistd
from trial_tests.support.scram_postgres import DATABASE, PASSWORD, ROLE, ScramPostgres
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.tcp_proxy import TcpProxy
from trial_tests.support.typed import type_again

KEY = "what-operators-type-and-grep"
WAIT_SECONDS = 60

ACCOUNTS = r"""
$ twistd sora-admin accounts create --config config.toml --email ann@example.com --password secret-1
created ann@example\.com
$ twistd sora-admin accounts create --config config.toml --email bob@example.com --password secret-2 --hash bcrypt
created bob@example\.com
$ twistd sora-admin accounts create --config config.toml --email eve@example.com --password secret-3 --hash ssha512
created eve@example\.com
$ twistd sora-admin accounts create --config config.toml --email joe@example.com --password secret-4 --hash sha512
created joe@example\.com
$ twistd sora-admin accounts create --config config.toml --email joe@example.com --password secret-4
^sora-admin: .*joe@example\.com
[1]
$ twistd sora-admin accounts update --config config.toml --email ann@example.com --password secret-5
set a new password for ann@example\.com
$ twistd sora-admin accounts list --config config.toml
^EMAIL +MAILBOXES +MESSAGES +SIZE
^ann@example\.com +6 +0
^joe@example\.com
$ twistd sora-admin accounts delete --config config.toml --email joe@example.com
Say so with --yes
[1]
$ twistd sora-admin accounts delete --config config.toml --email joe@example.com
> y
Delete the account joe@example\.com\? .*\[y/N\]
deleted joe@example\.com
$ twistd sora-admin accounts list --config config.toml | grep -c joe@
^0$
[1]
$ twistd sora-admin accounts restore --config config.toml --email joe@example.com
restored joe@example\.com
$ twistd sora-admin accounts credentials add --config config.toml --email ann@example.com --alias sales@example.com --password secret-6
added sales@example\.com to ann@example\.com
$ twistd sora-admin accounts credentials list --config config.toml --email ann@example.com
^ann@example\.com +yes
^sales@example\.com +no
$ twistd sora-admin accounts show --config config.toml --email sales@example.com
^logs in +ann@example\.com \(bcrypt, cost 12; SCRAM-SHA-256, 10000 iterations\)
^logs in, too +sales@example\.com
^last login +never
$ twistd sora-admin accounts list --config config.toml --inactive-since 90d
^EMAIL.* LAST_LOGIN
^ann@example\.com
$ twistd sora-admin accounts disable --config config.toml --email joe@example.com --reason unpaid
disabled joe@example\.com
$ twistd sora-admin accounts enable --config config.toml --email joe@example.com
enabled joe@example\.com
$ twistd sora-admin credentials show --config config.toml --email sales@example.com
^sales@example\.com +ann@example\.com +no
$ twistd sora-admin credentials delete --config config.toml --email sales@example.com
> y
removed sales@example\.com
$ twistd sora-admin credentials show --config config.toml --email sales@example.com
[1]
$ twistd sora-admin accounts create --config config.toml --email bob@going.example --password secret-7 --hash sha512
created bob@going\.example
$ twistd sora-admin domains purge --config config.toml --domain going.example --dry-run
^accounts +1, and 0 deleted
$ twistd sora-admin domains purge --config config.toml --domain going.example
> y
removed going\.example for good, with 1 accounts and 0 messages
$ twistd sora-admin domains list --config config.toml | grep -c going
^0$
[1]
"""

MAIL = r"""
$ twistd sora-admin import-maildir --config config.toml --email ann@example.com --path old/Maildir --preserve-uids --sieve-path old/sieve
1 mailboxes: 3 messages seen, 3 imported .*, 0 skipped, 0 failed
1 Sieve scripts seen, 1 imported
$ twistd sora-admin import-maildir --config config.toml --email ann@example.com --path old/Maildir
3 messages seen, 0 imported .*, 3 skipped, 0 failed
$ twistd sora-admin export-maildir --config config.toml --email ann@example.com --path new/Maildir
3 messages seen, 3 exported .*, 0 failed
$ head -1 new/Maildir/dovecot-uidlist
^3 V1700000000 N8
"""

LIVE = r"""
$ twistd sora-admin connections list --config config.toml
ann@example\.com +imap .*127\.0\.0\.1
$ twistd sora-admin stats connection --config config.toml
, 1 logged in, of 1 users
^  imap: 1
$ twistd sora-admin stats connection --config config.toml --user ann@example.com
^1 connections
$ twistd sora-admin stats auth --config config.toml
^1 logins in the last 24h
imap: 1 ok
$ twistd sora-admin stats auth --config config.toml --window 24h
imap: 1 ok
$ printf 'Subject: Hello\n\nHi\n' | twistd sora-admin messages deliver --config config.toml --email ann@example.com --email eve@nowhere.example
ann@example\.com: 250 2\.0\.0 Delivered
eve@nowhere\.example: 550 5\.1\.1
[1]
$ twistd sora-admin connections kick --config config.toml --user ann@example.com --protocol imap --server imap-1
^1 connections were told to end
$ twistd sora-admin connections kick --config config.toml --user bob@example.com
^0 connections were told to end
$ twistd sora-admin connections kick --config config.toml --protocol pop3
^0 connections were told to end
$ twistd sora-admin connections kick --config config.toml --server imap-2
^0 connections were told to end
$ twistd sora-admin connections kick --config config.toml
say whose
[1]
$ twistd sora-admin cache metrics --config config.toml
HIT RATIO
$ twistd sora-admin cache stats --config config.toml
cache of .*: \d+ bodies
$ twistd sora-admin cache purge --config config.toml
> y
bodies were removed
$ twistd sora-admin health --config config.toml
^healthy: the server at http://127\.0\.0\.1:
^  database +healthy
$ twistd sora-admin health --config config.toml --detailed
server_version
"""

PAGED = r"""
$ twistd sora-admin health --config config.toml | grep -i cluster
cluster +healthy
$ twistd sora-admin health --config config.toml | grep -i member
only member
$ openssl s_client -connect localhost:$IMAPS -servername localhost </dev/null 2>/dev/null
^-----BEGIN CERTIFICATE-----
subject=.*localhost
$ curl --silent --fail localhost:$HTTP/metrics | grep '^# TYPE sora_'
sora_connections_current
sora_authentication_attempts_total
sora_db_pool_in_use_conns
sora_s3_operations_total
sora_cache_size_bytes
sora_commands_total
sora_queue_depth
sora_component_health_status
sora_memory_mailboxes_bytes
"""

HELP = r"""
$ twistd sora-admin help --config config.toml accounts create
usage: twistd sora-admin accounts create
$ twistd sora-admin version --config config.toml
^sora \d
$ twistd sora-admin --help
^commands:
$ twistd sora-admin accounts --help
accounts credentials add
$ twistd sora-admin accounts create --help
^examples:
$ twistd sora-admin walk
^sora-admin: .*walk
[2]
"""


class Stranger(imaplib.IMAP4):
    """A client from an address that nothing is known of."""

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection(
            (self.host, self.port), timeout, source_address=("127.0.0.2", 0)
        )


class TranscriptTests(SynchronousTestCase):
    """One node with a configuration file, and somebody at a shell."""

    timeout = 300

    def setUp(self) -> None:
        require_program(self, "openssl", "openssl")
        require_program(self, "curl", "curl")
        postgres = ScramPostgres(temporary_directory("sora-test-typed-"))
        self.addCleanup(postgres.remove)
        postgres.start()
        self.database = TcpProxy((postgres.host, postgres.port))
        self.database.start()
        self.addCleanup(self.database.stop)
        self.directory = Path(tempfile.mkdtemp(prefix="sora-typed-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.twistd = QuickTwistd(self.directory)
        self.addCleanup(self.twistd.stop)
        self.http = free_port()
        self.node = self.configured()
        self.addCleanup(self.node.cleanup)
        self.node.start()
        self.twistd.wait()
        programs = f"{self.twistd.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {
            "PATH": programs,
            "IMAPS": str(self.node.imaps),
            "HTTP": str(self.http),
            "COLUMNS": "200",
        }

    def configured(self) -> SoraNode:
        (self.directory / "objects").mkdir()
        node = SoraNode(
            str(self.directory),
            {
                "database": {
                    "host": "127.0.0.1",
                    "port": self.database.port,
                    "dbname": DATABASE,
                    "user": ROLE,
                    "password": PASSWORD,
                    "acquire_timeout": "1s",
                },
                "s3": {"provider": "filesystem", "path": f"{self.directory}/objects"},
                "logging": {"output": f"{self.directory}/sora.log"},
                "health": {"check_interval": "1s", "database_timeout": "2s"},
                "admin": {"api_url": f"http://127.0.0.1:{self.http}", "api_key": KEY},
            },
        )
        node.servers.append({"type": "http_api", "addr": f"127.0.0.1:{self.http}", "api_key": KEY})
        limit = {"max_attempts_per_ip": 2, "progressive_delay_enabled": False}
        node.servers[0] |= {"name": "imap-1", "imap": {"auth_rate_limit": limit}}
        node.servers[1]["name"] = "imap-2"
        node.servers[2]["trusted_networks"] = ["127.0.0.1"]
        node.write()
        return node

    def type(self, transcript: str) -> str:
        return type_again(self, transcript, self.directory, self.environment)

    def test_everything_that_is_typed(self) -> None:
        """Each command exactly as it is written, then what is looked for at night."""
        self.type(ACCOUNTS)
        self.old_maildir()
        self.type(MAIL)
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=30)
        client.login("ann@example.com", "secret-5")
        self.type(LIVE)
        client.shutdown()
        metrics = self.type(PAGED)
        self.assertGreaterEqual(len(metrics.splitlines()), 26)
        self.type(HELP)
        self.plainly()
        self.certificate_is_renewed()
        self.somebody_guesses()
        self.database_goes_away()

    def old_maildir(self) -> None:
        old = self.directory / "old"
        (old / "sieve").mkdir(parents=True)
        (old / "sieve" / "main.sieve").write_text('require "fileinto";\nfileinto "Junk";\n')
        (self.directory / "new").mkdir()
        maildir = Maildir(old / "Maildir")
        names = []
        for number in range(3):
            key = maildir.add(f"Subject: {number}\r\n\r\nText\r\n".encode())
            names.append(f"{number + 5} :{key}\n")
        uidlist = "".join(["3 V1700000000 N8 G0123456789abcdef0123456789abcdef\n", *names])
        (old / "Maildir" / "dovecot-uidlist").write_text(uidlist)

    def plainly(self) -> None:
        """By a `twistd` that nobody has prepared."""
        said = self.node.admin("accounts", "list")
        self.assertIn("joe@example.com", said)

    # ------------------------------------------------------------------ the log

    def grep(self, command: str) -> None:
        """A line of the log that is found within a while, as it is looked for."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                self.type(f"$ {command}")
                return
            except self.failureException:
                self.assertLess(time.monotonic(), deadline, self.node.messages_of_log())
                time.sleep(0.2)

    def certificate_is_renewed(self) -> None:
        assert self.node.process is not None
        self.node.process.send_signal(signal.SIGHUP)
        self.grep(r"""grep "certificate\|renewal" sora.log""")

    def somebody_guesses(self) -> None:
        for _ in range(3):
            client = Stranger("127.0.0.1", self.node.imap, timeout=30)
            self.assertRaises(client.error, client.login, "ann@example.com", "wrong")
            client.shutdown()
        self.grep(r"""grep "rate limit\|cluster-limiter" sora.log""")

    def database_goes_away(self) -> None:
        self.database.refuse()
        self.database.cut()
        self.grep(r"""grep "circuit breaker" sora.log""")
        self.grep(r"""grep "database" sora.log | grep -i "pool\|connection" """)
        self.database.heal()


class HelpTests(SynchronousTestCase):
    def test_every_command_and_group_has_help(self) -> None:
        """With examples for each command."""
        for words in [
            *all_words(),
            *(tuple(g.split()) for g in GROUPS),
        ]:
            said = io.StringIO()
            with redirect_stdout(said):
                ended = self.assertRaises(SystemExit, parse, [*words, "--help"])
            self.assertEqual(ended.code, 0)
            self.assertRegex(said.getvalue(), rf"^usage: twistd sora-admin {' '.join(words)}")
            if words not in {tuple(group.split()) for group in GROUPS}:
                self.assertTrue(re.search(r"^examples:\n  twistd", said.getvalue(), re.M), words)
