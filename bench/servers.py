"""The servers under measurement, each in a temporary directory of its own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg2

from bench.client import Unexpected
from sora.app.postgres_server import PostgresServer
from sora.workers.indexer import LEAST
from trial_tests.support.ports import free_base_port, free_port
from trial_tests.support.sora_process import descendants

USER = "bench@bench.example"
PASSWORD = "bench-password"

HAS_PIGEONHOLE = Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so").exists()
PIGEONHOLE = """
  mail_plugins = sieve
}
plugin {
  sieve = file:~/sieve;active=~/active.sieve
"""


def memory(pids: list[int]) -> int:
    """The proportional share of memory (PSS) of these processes, in octets."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


class Server:
    """A server that was started and will be stopped."""

    name: str
    imap: int
    lmtp: int
    pop3: int
    process: subprocess.Popen[bytes]
    user = USER
    password = PASSWORD

    def session_memory(self) -> int:
        """Memory of the server with all processes below it, Sora's PostgreSQL too, in octets."""
        return memory([self.process.pid, *descendants(self.process.pid)])

    def settle(self) -> None:
        """Wait until it has done what it does in the background."""

    def prepare(self, people: list[str], filtered: str, script: str) -> None:
        """Make mailboxes for these people, and for `filtered`, whose mail a script filters."""

    def stop(self) -> None:
        """Stop it and everything below it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Sora(Server):
    """`twistd -n sora` in its embedded mode."""

    def __init__(self, directory: Path, name: str = "Sora") -> None:
        self.name = name
        directory = directory / name.lower().replace(",", "")
        directory.mkdir(exist_ok=True)
        base = free_base_port()
        self.imap, self.lmtp, self.pop3 = base + 143, base + 24, base + 110
        self.log = directory / "sora.log"
        twistd = Path(sys.executable).parent / "twistd"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    str(twistd),
                    "-n",
                    "--pidfile=",
                    "sora",
                    "--dir",
                    str(directory),
                    "--base-port",
                    str(base),
                    "--account",
                    USER,
                    "--password",
                    PASSWORD,
                    "--set",
                    "limits.max_connections_per_user=2000",
                    "--set",
                    "servers.0.max_connections_per_ip=0",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
            )
        deadline = time.monotonic() + 120
        while not any(line.startswith("ready") for line in self.log.read_text().splitlines()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Sora did not start:\n" + self.log.read_text()[-3000:])
            time.sleep(0.1)
        self._database = PostgresServer(directory / "postgres").server()
        self.objects = directory / "objects"

    @property
    def dsn(self) -> dict[str, object]:
        """How its database is reached, as psycopg2 takes it."""
        return self._database.parameters()

    def settle(self) -> None:
        """Wait until few messages are left that the index of words does not know."""
        connection = psycopg2.connect(**self.dsn)
        connection.autocommit = True
        deadline = time.monotonic() + 1800
        with connection.cursor() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(
                    "select coalesce(max((select count(*) from messages m where m.mailbox_id = b.id"
                    " and m.uid > b.indexed_uid)), 0) from mailboxes b"
                )
                (left,) = cursor.fetchone()
                if left < LEAST:
                    break
                time.sleep(1)
        connection.close()

    def prepare(self, people: list[str], filtered: str, script: str) -> None:
        """Accounts without a password, by the functions that make accounts and scripts."""
        connection = psycopg2.connect(**self.dsn)
        connection.autocommit = True
        inbox = '[{"n": "INBOX", "k": "INBOX", "u": null, "s": true}]'
        with connection.cursor() as cursor:
            for name in (*people, filtered):
                cursor.execute("select from credentials where address_key = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(
                        "select create_account_v1(%s, %s, %s, 'domain', '{}', '{}', %s::jsonb,"
                        " row(gen_random_uuid(), 'bench', '', '', '')::operation_v1)",
                        (name, name, name.partition("@")[2], inbox),
                    )
            cursor.execute(
                "select put_script_v1(account_of_v1(%s), 'bench', %s, %s, 'active',"
                " 1000000, 100, 10000000)",
                (filtered, script, len(script)),
            )
        connection.close()


class Dovecot(Server):
    """Dovecot with mail_fsync = always, in its high-performance login mode."""

    name = "Dovecot"

    def __init__(self, directory: Path, format: str = "maildir") -> None:
        self.imap, self.lmtp, self.pop3 = free_port(), free_port(), free_port()
        home = directory / "dovecot"
        home.mkdir()
        self._mail = home / "mail"
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        (home / "mail").mkdir()
        os.chown(home / "mail", owner.pw_uid, owner.pw_gid)
        directory.chmod(0o755)
        location = {
            "maildir": "maildir:~/Maildir",
            "sdbox": "sdbox:~/sdbox",
            "mdbox": "mdbox:~/mdbox",
        }[format]
        config = home / "dovecot.conf"
        config.write_text(f"""
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap lmtp pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_fsync = always
mail_location = {location}
first_valid_uid = 1
mail_max_userip_connections = 2000
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={home}/mail/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 1000
  process_limit = 2
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 1000
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 1
  client_limit = 1000
  process_limit = 1
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {self.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.lmtp}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@bench.example
{PIGEONHOLE if HAS_PIGEONHOLE else ""}
}}
""")
        self._owner = owner
        program = shutil.which("dovecot") or "/usr/sbin/dovecot"
        self.process = subprocess.Popen([program, "-F", "-c", str(config)])
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.imap), 1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("Dovecot did not start: see " + str(home / "log"))
                time.sleep(0.1)

    def prepare(self, people: list[str], filtered: str, script: str) -> None:
        """Users are whoever is named; Pigeonhole (Debian: dovecot-sieve) reads the script."""
        if not HAS_PIGEONHOLE:
            raise Unexpected("Pigeonhole is not installed: apt-get install dovecot-sieve")
        home = self._mail / filtered
        home.mkdir(exist_ok=True)
        os.chown(home, self._owner.pw_uid, self._owner.pw_gid)
        (home / "active.sieve").write_text(script)
        os.chown(home / "active.sieve", self._owner.pw_uid, self._owner.pw_gid)
