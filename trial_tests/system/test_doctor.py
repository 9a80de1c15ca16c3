"""Who is paged at night asks one command: PostgreSQL, the object store and the relay's target go away
one by one, and health, metrics, log and `doctor` name the culprit, and how to mend it."""

import contextlib
import imaplib
import json
import shutil
import smtplib
import socketserver
import tempfile
import threading
import time
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.s3_front import METHODS, S3Front
from trial_tests.support.scram_postgres import (
    DATABASE,
    PASSWORD,
    ROLE,
    ScramPostgres,
)
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY, seaweedfs
from trial_tests.support.sora_node import SoraNode
from trial_tests.support.sora_process import EMAIL
from trial_tests.support.sora_process import PASSWORD as LOGIN
from trial_tests.support.tcp_proxy import TcpProxy

KEY = "a-key-for-the-doctor-s-own-test"
WAIT_SECONDS = 60


class _Smarthost(socketserver.StreamRequestHandler):
    """What a relay speaks to, as far as a look at it goes."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # what leads here is cut
            self.wfile.write(b"220 smarthost.example ESMTP\r\n")
            while line := self.rfile.readline(1000):
                self.wfile.write(
                    b"250 smarthost.example\r\n" if line[:4] == b"EHLO" else b"221 bye\r\n"
                )


class DoctorTests(SynchronousTestCase):
    timeout = 300

    def setUp(self) -> None:
        self.server = postgres = ScramPostgres(
            temporary_directory("sora-test-doctor-"), settings={}
        )
        self.addCleanup(postgres.remove)
        postgres.start()
        self.postgres = self.proxy((postgres.host, postgres.port))
        host, _, port = seaweedfs(self).endpoint.partition(":")
        self.store = self.proxy((host, int(port)))
        smarthost = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smarthost)
        smarthost.daemon_threads = True
        threading.Thread(target=smarthost.serve_forever, daemon=True).start()
        self.addCleanup(smarthost.server_close)
        self.addCleanup(smarthost.shutdown)
        self.smarthost = self.proxy(smarthost.server_address)
        directory = tempfile.mkdtemp(prefix="sora-doctor-")
        self.addCleanup(shutil.rmtree, directory, True)
        Path(directory, "relay").mkdir(mode=0o700)
        self.node = self.node_in(directory)
        self.addCleanup(self.node.cleanup)
        self.node.start()
        self.node.admin("accounts", "create", "--email", EMAIL, "--password", LOGIN)

    def proxy(self, target: Any) -> TcpProxy:
        proxy = TcpProxy((target[0], target[1]))
        proxy.start()
        self.addCleanup(proxy.stop)
        return proxy

    def node_in(self, directory: str) -> SoraNode:
        self.http = free_port()
        node = SoraNode(
            directory,
            {
                "database": {
                    "host": "127.0.0.1",
                    "port": self.postgres.port,
                    "dbname": DATABASE,
                    "user": ROLE,
                    "password": PASSWORD,
                    "acquire_timeout": "1s",
                },
                "s3": {
                    "endpoint": f"127.0.0.1:{self.store.port}",
                    "bucket": BUCKET,
                    "access_key": ACCESS_KEY,
                    "secret_key": SECRET_KEY,
                    "use_ssl": False,
                    "path_style": True,
                    "timeout": "2s",
                },
                "relay": {
                    "type": "smtp",
                    "smtp_host": f"127.0.0.1:{self.smarthost.port}",
                    "tls_use_starttls": False,
                    "queue": {"path": f"{directory}/relay"},
                },
                "health": {"check_interval": "1s", "database_timeout": "2s", "s3_timeout": "3s"},
                "admin": {"api_url": f"http://127.0.0.1:{self.http}", "api_key": KEY},
            },
        )
        node.servers.append({"type": "http_api", "addr": f"127.0.0.1:{self.http}", "api_key": KEY})
        node.write()
        return node

    # ------------------------------------------------------------------ what is asked

    def doctor(self, well: bool) -> tuple[str, str]:
        """The part to mend first, and all that was printed."""
        said = self.node.admin("doctor", "--json", succeeds=well)
        found, _ = json.JSONDecoder().raw_decode(said)
        return str(found["first"]), self.node.admin("doctor", succeeds=well)

    def metric(self, component: str) -> str:
        """The state of a part, as `/metrics` has it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        start = f'sora_component_health_status{{component="{component}",status="'
        found = [line.removeprefix(start) for line in lines if line.startswith(start)]
        return "".join(line.partition('"')[0] for line in found if line.endswith(" 1.0"))

    def until_metric(self, component: str, status: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while self.metric(component) != status:
            self.assertLess(time.monotonic(), deadline, f"{component} is {self.metric(component)}")
            time.sleep(0.2)

    def test_the_culprit_is_named(self) -> None:
        """Each of the three, with the mend; and all is well before and after."""
        self.until_metric("relay", "healthy")
        first, said = self.doctor(well=True)
        self.assertEqual(first, "None", said)

        for culprit, way, mend in (
            ("object store s3", self.store, "Look at [s3]"),
            ("relay", self.smarthost, "[relay] smtp_host"),
            ("database", self.postgres, "whether PostgreSQL runs"),
        ):
            way.refuse()
            way.cut()
            self.until_metric(culprit, "unhealthy")
            log = self.node.messages_of_log()
            self.assertIn(f"health: {culprit} is unhealthy", log)
            self.assertIn(culprit, self.node.admin("health", succeeds=False))
            first, said = self.doctor(well=False)
            self.assertEqual(first, culprit, said)
            self.assertIn(mend, said)
            if culprit == "database":
                self.assert_told_once(said)
            way.heal()
            self.until_metric(culprit, "healthy")
        deadline = time.monotonic() + WAIT_SECONDS
        while self.doctor_says_ill():
            self.assertLess(time.monotonic(), deadline, self.doctor_says_ill())
            time.sleep(0.5)

    def assert_told_once(self, said: str) -> None:
        """What stands on the database was not looked at; the reason is told where it is to be
        mended, and at the top."""
        self.assertEqual(said.count("Connection refused"), 2, said)
        self.assertIn("Not looked at while database is unhealthy: schema, database settings", said)
        self.assertIn("The running server finds the same: database", said)
        self.assertEqual(said.splitlines()[-1], "sora-admin: not healthy: database")
        log = self.node.messages_of_log()
        self.assertNotIn("uploads is unhealthy", log)

    def test_who_is_refused_is_told_why(self) -> None:
        """The database and the store answer, but not as they should: each has a mend of its own."""
        self.server.administer("CREATE DATABASE bare OWNER mail")
        bucket, key = "s3.bucket=nowhere", "s3.secret_key=wrong"
        for culprit, mend, change in (
            ("database", "password_file", "database.password=wrong"),
            ("database", "createdb", "database.dbname=nowhere"),
            ("schema", "migrate up", "database.dbname=bare"),
            ("object store s3", "make the bucket", bucket),
            ("object store s3", "access_key and secret_key", key),
        ):
            self.assert_culprit(culprit, mend, "--set", change)
        self.server.administer(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
        self.assert_culprit("database settings", "RESET it")
        self.server.administer(f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only")
        self.server.administer(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
        self.assert_culprit("database", "put PgBouncer between")

    def test_a_store_that_refuses_says_why_and_loses_nothing(self) -> None:
        """G5, G6: mail is taken and staged, whatever the store says; doctor and health name the
        store and the mend, and all of it is uploaded when it is mended."""
        front = S3Front(seaweedfs(self).endpoint)
        self.addCleanup(front.stop)
        self.store.target = ("127.0.0.1", front.port)
        self.store.cut()
        date = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
        for status, code, headers, methods, mend in (
            (403, "RequestTimeTooSkewed", {"Date": date}, METHODS, "set this machine's clock"),
            (403, "AccessDenied", {}, "DELETE", "allow the key s3:DeleteObject"),
            (507, "XMinioStorageFull", {}, "PUT POST", "make room in the store"),
        ):
            front.refuse(status, code, headers=headers, methods=methods)
            with smtplib.LMTP("127.0.0.1", self.node.lmtp, timeout=60) as client:
                client.sendmail("a@example.org", [EMAIL], f"Subject: {code}\r\n\r\nx\r\n")
            self.assert_culprit("object store s3", mend)
        self.until_metric("object store s3", "degraded")
        self.assertRegex(self.node.admin("health"), "refuses to put|make room in the store")
        front.pass_on()
        self.node.admin("uploader", "retry")
        self.wait_until_uploaded()
        self.until_metric("object store s3", "healthy")
        with closing(imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=60)) as reader:
            reader.login(EMAIL, LOGIN)
            self.assertEqual(reader.select("INBOX", readonly=True)[1], [b"3"])

    def wait_until_uploaded(self) -> None:
        waiting = "SELECT count(*) FROM contents WHERE staging_slot IS NOT NULL"
        deadline = time.monotonic() + WAIT_SECONDS
        while self.server.administer(waiting, DATABASE)[0][0]:
            self.assertLess(time.monotonic(), deadline, self.node.admin("uploader", "status"))
            time.sleep(0.2)

    def assert_culprit(self, culprit: str, mend: str, *options: str) -> None:
        said = self.node.admin("doctor", "--json", *options, succeeds=False)
        found, _ = json.JSONDecoder().raw_decode(said)
        self.assertEqual(found["first"], culprit, said)
        told = next(one for one in found["components"] if one["name"] == culprit)
        self.assertIn(mend, told["text"] + told["remedy"])
        self.assertNotIn("Traceback", said)

    def doctor_says_ill(self) -> str:
        said = self.node.admin("health", "--json")
        found = json.loads(said)
        return ", ".join(one["name"] for one in found["components"] if one["status"] != "healthy")

    def test_what_is_wrong_with_the_configuration_comes_first(self) -> None:
        """A file that was edited after the start, before anybody is woken by a restart."""
        Path(self.node.file).write_text(
            self.node.file.read_text().replace('smtp_host = "127.0.0.1:', 'smtp_host = ":')
        )
        first, said = self.doctor(well=False)
        self.assertEqual(first, "configuration", said)
        self.assertIn("smtp_host", said)
        self.node.stop()
        said = self.node.admin("health", succeeds=False)
        self.assertIn("not healthy: the running server", said)
