"""The HTTP API of a running server, over sockets: what it changes counts at once for IMAP."""

import imaplib
import json
import time
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from sora.protocols.http.endpoint import Scope
from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.support.http_api import KEY, LOOKING, ApiTestCase

EMAIL = "ann@example.com"


class HttpApiTests(ApiTestCase):
    """One life of a server."""

    def test_an_operators_day(self) -> None:
        """An account is made and logs in, is seen and kicked; metrics tell of it; the log has who
        did what, and no secret."""
        new = {"email": EMAIL, "password": "correct horse", "hash": "ssha512"}
        status, problem = self.ask("POST", "/admin/accounts", new, LOOKING)
        self.assertEqual((status, problem["type"]), (403, "urn:sora:problem:not-permitted"))
        self.assertEqual(self.ask("POST", "/admin/accounts", new)[0], 201)
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(EMAIL, "correct horse")
        status, listed = self.ask("GET", f"/admin/connections?user={EMAIL}", key=LOOKING)
        self.assertEqual([one["protocol"] for one in listed["items"]], ["imap"])
        self.assertGreater(listed["items"][0]["octets_in"], 20)
        self.assertEqual(
            self.ask("POST", "/admin/connections/kick", {"user": EMAIL})[1], {"kicked": 1}
        )
        client.sock.settimeout(20)
        self.assertIn(b"* BYE An administrator ended this session", client.file.read())
        client.shutdown()
        self.check_every_list()
        self.check_delivery()
        self.check_restoring()
        self.check_tasks()
        self.assertEqual(self.ask("DELETE", f"/admin/accounts/{EMAIL}"), (204, b""))
        again = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        with self.assertRaises(imaplib.IMAP4.error):
            again.login(EMAIL, "correct horse")
        again.shutdown()
        self.assertEqual(self.ask("GET", "/readyz", key="")[0], 200)
        self.check_metrics(self.ask("GET", "/metrics", key="")[1].decode())
        self.check_log()
        self.postgres.stop()
        deadline = time.monotonic() + 20
        while self.ask("GET", "/readyz", key="")[0] != 503:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(self.ask("GET", "/livez", key="")[0], 200)
        status, problem = self.ask("GET", "/admin/accounts")
        self.assertEqual((status, problem["type"]), (503, "urn:sora:problem:unavailable"))

    def check_delivery(self) -> None:
        """A session is told of a message that is larger than other bodies may be, once; a script
        files it as it files what comes by LMTP."""
        source = 'require "fileinto"; if header "subject" "Note" {fileinto "Archive";}'
        path = f"/admin/accounts/{EMAIL}"
        self.assertEqual(self.ask("PUT", f"{path}/scripts/main", {"source": source})[0] // 100, 2)
        done = self.ask("PUT", f"{path}/script-positions/active", {"script": "main"})
        self.assertEqual(done[0] // 100, 2, done)
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(EMAIL, "correct horse")
        client.select("Archive")
        client.response("EXISTS")
        message = b"Subject: Note\r\n\r\n" + b"x" * 998 * 2000 + b"\r\n"
        to = f"/admin/mail/deliver?recipient={EMAIL}&sender=carl@example.net"
        for _ in range(2):
            status, done = self.ask("POST", to, message)
            self.assertEqual((status, done["size"]), (200, len(message)), done)
        client.noop()
        self.assertEqual(client.response("EXISTS")[1], [b"1"])
        found = client.fetch("1", "(BODY[])")[1][0][1]
        self.assertTrue(found.endswith(message))
        self.assertRegex(found[:1000], b"Return-Path: <carl@example.net>\r\n")
        self.assertRegex(found[:1000], b"with HTTP\r\n\tfor <ann@example.com>")
        client.store("1", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.logout()
        self.assertEqual(self.ask("DELETE", f"{path}/script-positions/active")[0], 204)

    def check_restoring(self) -> None:
        """A session is told of what was restored as of a new message."""
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(EMAIL, "correct horse")
        client.append("Drafts", "(\\Flagged)", "", b"Subject: Lost\r\n\r\nHello\r\n")
        client.select("Drafts")
        client.store("1", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.response("EXISTS")
        path = f"/admin/accounts/{EMAIL}/deleted/messages/restore"
        status, done = self.ask("POST", path, {"subject": "lost"})
        self.assertEqual((status, done["messages"]), (200, 1), done)
        client.noop()
        self.assertEqual(client.response("EXISTS")[1], [b"1"])
        found = client.fetch("1", "(UID FLAGS)")[1][0]
        self.assertRegex(found, rb"UID 2 FLAGS \([^)]*\\Flagged")
        client.store("1", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.logout()

    def check_tasks(self) -> None:
        """What takes longer than a request: a script over a mailbox, and proof of all that is
        stored."""
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(EMAIL, "correct horse")
        client.append("INBOX", "", "", b"Subject: Report\r\n\r\nHello\r\n")
        client.logout()
        script = 'require "fileinto"; if header :contains "subject" "rep" {fileinto "Archive";}'
        for dry_run, moved in ((True, "0"), (False, "1")):
            body = {"source": script, "dry_run": dry_run}
            path = f"/admin/accounts/{EMAIL}/mailboxes/INBOX/filter"
            done = self.finished(*self.ask("POST", path, body))
            self.assertEqual((done["state"], done["result"]["moved"]), ("done", 1), done)
            shown = self.ask("GET", f"/admin/accounts/{EMAIL}/mailboxes/Archive")[1]
            self.assertEqual(str(shown["messages"]), moved)
        done = self.finished(*self.ask("POST", "/admin/verify", {"account": EMAIL}))
        self.assertEqual((done["state"], done["result"]["damaged"]), ("done", 0), done)

    def finished(self, status: int, task: Any) -> Any:
        """A task that was begun, when it has ended."""
        self.assertEqual(status, 202, task)
        deadline = time.monotonic() + 60
        while (shown := self.ask("GET", f"/admin/tasks/{task['id']}")[1])["state"] == "running":
            self.assertLess(time.monotonic(), deadline, shown)
            time.sleep(0.05)
        return shown

    def check_every_list(self) -> None:
        """Whatever can be looked at without a name, and what is below an account."""
        for endpoint in ENDPOINTS:
            path = endpoint.path.replace("{email}", EMAIL)
            if endpoint.method == "GET" and endpoint.scope is Scope.READ and "{" not in path:
                status, answer = self.ask("GET", f"/admin{path}", key=LOOKING)
                self.assertEqual(status, 200, f"{path}: {answer}")

    def check_metrics(self, text: str) -> None:
        """Families of all kinds are there, each with a description."""
        families = {one.name: one for one in text_string_to_metric_families(text)}
        wanted = {
            "sora_connections_current",
            "sora_authentication_attempts",
            "sora_db_queries",
            "sora_commands",
            "sora_lmtp_recipients",
        }
        self.assertEqual(wanted - set(families), set())
        self.assertTrue(all(one.documentation for one in families.values()))

    def check_log(self) -> None:
        """Changes by the name of the key."""
        lines = [json.loads(line) for line in self.node.messages_of_log().splitlines()]
        changes = [line for line in lines if line.get("logger") == "sora.audit"]
        self.assertEqual(
            [(line["key"], line.get("change") or line["operation"]) for line in changes],
            [
                ("look", "createAccount"),
                ("api_key", f"made the account {EMAIL}"),
                ("api_key", f"kicked connections: {EMAIL}"),
                ("api_key", f"put the script main of the account {EMAIL}"),
                ("api_key", f"let a script run at active of the account {EMAIL}: main"),
                ("api_key", f"delivered a message to {EMAIL}"),
                ("api_key", f"delivered a message to {EMAIL}"),
                ("api_key", f"let no script run at active of the account {EMAIL}"),
                ("api_key", "restored 1 messages of the account ann@example.com"),
                ("api_key", f"began to run a script over INBOX of {EMAIL}, as a trial"),
                ("api_key", f"began to run a script over INBOX of {EMAIL}"),
                ("api_key", f"began to verify {EMAIL}"),
                ("api_key", f"deleted the account {EMAIL}"),
            ],
        )
        self.assertEqual([line["outcome"] for line in changes], ["refused"] + 12 * ["done"])
        text = self.node.messages_of_log()
        for secret in (KEY, LOOKING, "correct horse"):
            self.assertNotIn(secret, text)
