"""Imports and exports over HTTP, of directories of the disk."""

import os
from pathlib import Path
from typing import Any
from unittest.mock import ANY

from sora.exchange import folder_import
from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.protocols.http.desk import READING, Answer, DeskTestCase

ANN = "ann@example.com"
HERE = f"/admin/accounts/{ANN}"


class ExchangeTestCase(DeskTestCase):
    """An account, a directory that is open, and a maildir in it."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        self.open = self.root / "open"
        self.directories = [str(self.open)]
        self.maildir = self.open / "ann"
        self.folder(self.maildir)
        super().setUp()
        new = {"email": ANN, "password": "correct horse", "hash": "ssha512"}
        self.assertEqual(self.ask("POST", "/admin/accounts", new).status, 201)

    def folder(self, directory: Path) -> Path:
        for sub in ("cur", "new", "tmp"):
            (directory / sub).mkdir(parents=True)
        return directory

    def put(self, *names: str, folder: Path | None = None) -> None:
        """Messages, by the names of their files."""
        for name in names:
            text = f"Subject: {name}\nFrom: a@example.org\n\nHello\n"
            ((folder or self.maildir) / "cur" / name).write_text(text)

    def imports(self, what: str = "maildir", **wanted: Any) -> Answer:
        """What is said of an import."""
        body = {"path": str(self.maildir), **wanted}
        return self.ask("POST", f"{HERE}/import/{what}", body)

    def task(self, begun: Answer) -> Any:
        """A task that was begun, now."""
        self.assertEqual(begun.status, 202, begun.body)
        return self.ask("GET", begun.headers["location"]).json

    def counts(self, task: Any, of: str = "result") -> tuple[int, int, int, int]:
        """Those of a task, which add up."""
        found = task[of]
        self.assertEqual(
            found["seen"], found["done"] + found["skipped"] + found["failed"] + found["left"]
        )
        return found["seen"], found["done"], found["skipped"], found["failed"]

    def messages(self, mailbox: str = "INBOX") -> int:
        """How many are in a mailbox."""
        return int(self.ask("GET", f"{HERE}/mailboxes/{mailbox}").json["messages"])


class ImportTests(ExchangeTestCase):
    """What `import-maildir`, `import-mbox` and `import-imap` do, as tasks."""

    def test_a_maildir_once(self) -> None:
        """Tried, imported, and again only what is new; scripts come along."""
        self.put("1.a:2,S", "2.b:2,")
        scripts = self.open / "sieve"
        scripts.mkdir()
        (scripts / "main.sieve").write_text("keep;")
        tried = self.task(self.imports(dry_run=True))
        self.assertEqual((tried["state"], self.counts(tried)), ("done", (2, 2, 0, 0)))
        self.assertIn("as a trial", tried["about"])
        self.assertEqual(self.messages(), 0)
        done = self.task(self.imports(sieve_path=str(scripts)))
        self.assertEqual((done["kind"], done["percent"]), ("import-maildir", 100))
        self.assertEqual(done["about"], f"import {self.maildir} for {ANN}")
        self.assertEqual(self.counts(done), (2, 2, 0, 0))
        self.assertEqual((done["result"]["complete"], done["result"]["problems"]), (True, []))
        self.assertEqual(done["result"]["scripts"]["done"], 1)
        self.put("3.c:2,")
        self.assertEqual(self.counts(self.task(self.imports())), (3, 1, 2, 0))
        self.assertEqual(self.messages(), 3)

    def test_options(self) -> None:
        """As those of the command: UIDs, names, a choice."""
        self.put("1.a:2,")
        (self.maildir / "dovecot-uidlist").write_text("3 V77 N31 Gabc\n30 :1.a\n")
        self.put("9.z:2,", folder=self.folder(self.maildir / ".Gesendet"))
        self.put("8.y:2,", folder=self.folder(self.maildir / ".Other"))
        done = self.task(
            self.imports(
                layout="maildir++",
                preserve_uids=True,
                update_flags=True,
                mailbox=["INBOX", "Gesendet"],
                rename={"Gesendet": "Post"},
                jobs=1,
            )
        )
        self.assertEqual((done["state"], self.counts(done)), ("done", (2, 2, 0, 0)), done)
        inbox = self.ask("GET", f"{HERE}/mailboxes/INBOX").json
        self.assertEqual((inbox["uidvalidity"], inbox["uidnext"]), (77, 31))
        self.assertEqual(self.messages("Post"), 1)
        other = self.ask("GET", f"{HERE}/mailboxes/Other")
        self.has_problem(other, 404, "not-found")

    def test_mbox(self) -> None:
        """A file, to the mailbox that is named."""
        file = self.open / "old.mbox"
        file.write_text("From a@example.org Sat Jan  3 01:05:34 2009\nSubject: x\n\nHello\n\n")
        done = self.task(self.imports("mbox", path=str(file), into="Archive"))
        self.assertEqual((done["state"], self.counts(done)), ("done", (1, 1, 0, 0)))
        self.assertEqual(self.messages("Archive"), 1)
        done = self.task(self.imports("mbox", path=str(file)))
        self.assertEqual(self.messages("old"), 1)

    def test_what_fails_is_named(self) -> None:
        """The task is done, and not complete; what is no source at all fails."""
        self.put("1.a:2,")
        (self.maildir / "cur" / "2.b:2,").write_bytes(b"")
        done = self.task(self.imports())
        self.assertEqual((done["state"], self.counts(done)), ("done", (2, 1, 0, 1)))
        self.assertFalse(done["result"]["complete"])
        self.assertEqual(
            done["result"]["problems"],
            [{"where": f"{self.maildir}/cur/2.b:2,", "text": "is empty"}],
        )
        (self.open / "empty").mkdir()
        failed = self.task(self.imports(path=str(self.open / "empty")))
        self.assertEqual((failed["state"], failed["result"]), ("failed", None))
        self.assertIn("is not a maildir", failed["error"])

    def test_many_problems(self) -> None:
        """A task names a hundred, and counts all."""
        for number in range(120):
            (self.maildir / "cur" / f"{number}.x:2,").write_bytes(b"")
        done = self.task(self.imports())
        self.assertEqual(self.counts(done), (120, 0, 0, 120))
        self.assertEqual((len(done["result"]["problems"]), done["result"]["unnamed"]), (100, 20))

    def test_over_quota(self) -> None:
        """It fails, and has counted what is left; with more room it goes on."""
        self.put("1.a:2,", "2.b:2,")
        limits = {"storage": None, "messages": 1, "mailboxes": None}
        self.assertEqual(self.ask("PUT", f"{HERE}/quota", limits).status, 200)
        failed = self.task(self.imports())
        self.assertEqual(failed["state"], "failed")
        self.assertIn("quota", failed["error"])
        self.assertEqual(self.counts(failed, "progress"), (2, 0, 0, 0))
        self.ask("PUT", f"{HERE}/quota", {**limits, "messages": None})
        self.assertEqual(self.counts(self.task(self.imports())), (2, 2, 0, 0))

    def test_ended_and_gone_on_with(self) -> None:
        """Between two batches, also while what it needs is away: then what is there stays, and the
        next import brings the rest, once."""
        self.patch(folder_import, "MAX_BATCH", 2)
        self.put(*[f"{number}.m:2," for number in range(6)])
        put, waiting = self.storage.importing.put, []

        def put_and_end(*args: Any) -> Any:
            for task in self.ask("GET", "/admin/tasks?state=running").json["items"]:
                waiting.append(self.ask("POST", f"/admin/tasks/{task['id']}/cancel").status)
            return put(*args)

        self.patch(self.storage.importing, "put", put_and_end)
        ended = self.task(self.imports())
        self.assertEqual((ended["state"], waiting), ("cancelled", [200]))
        seen, done, _, failed = self.counts(ended, "progress")
        self.assertEqual((seen, done, failed), (6, 2, 0))
        self.assertEqual(self.messages(), 2)
        self.patch(self.storage.importing, "put", put)
        self.assertEqual(self.counts(self.task(self.imports())), (6, 4, 2, 0))
        self.assertEqual(self.messages(), 6)

    def test_it_is_begun_once(self) -> None:
        """With an idempotency key."""
        self.put("1.a:2,")
        same = ('Idempotency-Key: "1"',)
        body = {"path": str(self.maildir)}
        found = {
            self.ask("POST", f"{HERE}/import/maildir", body, headers=same).json["id"] for _ in "ab"
        }
        self.assertEqual(len(found), 1)

    def test_another_server_that_is_not_there(self) -> None:
        """Its password is in nothing that is shown."""
        server = {"host": "127.0.0.1", "port": 1, "user": "ann", "password": "hunter2hunter2"}
        begun = self.ask("POST", f"{HERE}/import/imap", {**server, "insecure": True})
        self.assertEqual(
            (begun.status, begun.json["about"]), (202, f"import ann on 127.0.0.1 for {ANN}")
        )
        self.assertNotIn(b"hunter2", begun.body)
        self.ask("POST", f"{begun.headers['location']}/cancel")

    def test_what_does_not_fit(self) -> None:
        """All flaws at once, and no task."""
        wrong = {"jobs": 17, "tls": "yes", "port": 70000, "host": "a b", "user": ""}
        answer = self.ask("POST", f"{HERE}/import/imap", wrong)
        self.has_problem(answer, 400, "bad-request")
        self.assertEqual(
            {one["pointer"] for one in answer.json["errors"]},
            {"/jobs", "/tls", "/port", "/host", "/user", "/password"},
        )
        for body in ({}, {"path": ""}, {"path": "/x\0"}, {"path": "/x", "rename": {"a": 1}}):
            self.has_problem(self.ask("POST", f"{HERE}/import/mbox", body), 400, "bad-request")
        nobody = "/admin/accounts/bob@example.com/import/maildir"
        answer = self.ask("POST", nobody, {"path": str(self.maildir)})
        self.has_problem(answer, 404, "not-found")
        reading = self.ask("POST", f"{HERE}/import/maildir", {"path": "/"}, key=READING)
        self.has_problem(reading, 403, "not-permitted")
        self.assertEqual(self.ask("GET", "/admin/tasks").json["items"], [])


class PlaceTests(ExchangeTestCase):
    """Only directories that the operator has opened are read and written (G38)."""

    def refused(self, path: object, kind: str, detail: str, status: int = 403) -> None:
        """For reading and for writing."""
        body = {"path": str(path)}
        for what in ("import/maildir", "import/mbox", "export/maildir", "export/mbox"):
            answer = self.ask("POST", f"{HERE}/{what}", body)
            self.has_problem(answer, status, kind, detail)

    def test_outside(self) -> None:
        """Whatever it is written like, and whether it is there or not."""
        beside = self.root / "open-too"
        self.folder(beside)
        for path in (
            "/etc",
            "/",
            self.root,
            beside,
            self.root / "nothing",
            f"{self.open}/../open-too",
            f"{self.open}/ann/../../../etc",
        ):
            self.refused(path, "not-permitted", "exchange_directories")
        self.refused("ann", "cannot-be-done", "absolute", 422)
        self.refused("../etc", "cannot-be-done", "absolute", 422)

    def test_links_that_lead_out(self) -> None:
        """From the open directory, or from below it."""
        outside = self.folder(self.root / "outside")
        (self.open / "link").symlink_to(outside)
        (self.open / "deep").mkdir()
        (self.open / "deep" / "up").symlink_to("../..")
        (self.open / "round").symlink_to("round")
        self.refused(self.open / "link", "not-permitted", "exchange_directories")
        self.refused(self.open / "deep/up/outside", "not-permitted", "exchange_directories")
        self.refused(self.open / "deep/up/outside/new/x", "not-permitted", "exchange_directories")
        answer = self.imports(path=str(self.open / "round"))
        self.has_problem(answer, 422, "cannot-be-done", "no directory")

    def test_links_in_a_maildir(self) -> None:
        """Nothing that they lead to is imported, nor what files of Dovecot's names lead to."""
        outside = self.folder(self.root / "outside")
        self.put("1.secret:2,", folder=outside)
        (self.root / "config").write_text("INBOX\npassword = hunter2\n")
        (self.maildir / "new").rmdir()
        (self.maildir / "new").symlink_to(outside / "cur")
        (self.maildir / "cur" / "2.x:2,").symlink_to(outside / "cur" / "1.secret:2,")
        (self.maildir / ".Out").symlink_to(outside)
        for name in ("subscriptions", "dovecot-keywords", "dovecot-uidlist"):
            (self.maildir / name).symlink_to(self.root / "config")
        done = self.task(self.imports())
        self.assertEqual((self.counts(done)[1], self.messages()), (0, 0))
        self.assertNotIn("hunter2", str(self.ask("GET", f"{HERE}/subscriptions").json))
        self.assertNotIn("hunter2", str(done))

    def test_links_that_stay_inside(self) -> None:
        """They may be."""
        self.put("1.a:2,")
        (self.open / "same").symlink_to(self.maildir)
        self.assertEqual(self.counts(self.task(self.imports(path=f"{self.open}/same")))[1], 1)

    def test_scripts_and_authorities(self) -> None:
        """Other paths are bounded, too."""
        answer = self.imports(sieve_path="/etc/passwd")
        self.has_problem(answer, 403, "not-permitted", "exchange_directories")
        server = {"host": "127.0.0.1", "user": "a", "password": "b", "ca_file": "/etc/passwd"}
        answer = self.ask("POST", f"{HERE}/import/imap", server)
        self.has_problem(answer, 403, "not-permitted", "exchange_directories")


class NoPlaceTests(ExchangeTestCase):
    """Unless an operator says so, no directory is open."""

    def setUp(self) -> None:
        super().setUp()
        self.directories = []
        self.site._nouns = self.make_nouns()

    def test_all_is_refused(self) -> None:
        """With the mend."""
        for what in ("import/maildir", "import/mbox", "export/maildir", "export/mbox"):
            answer = self.ask("POST", f"{HERE}/{what}", {"path": "/etc"})
            self.has_problem(answer, 403, "not-permitted", "[admin] exchange_directories")


class ExportTests(ExchangeTestCase):
    """What `export-maildir` and `export-mbox` do."""

    def setUp(self) -> None:
        super().setUp()
        self.put("1.a:2,S", "2.b:2,")
        self.task(self.imports())
        self.out = self.open / "out"

    def exports(self, what: str, **wanted: Any) -> Any:
        """The task."""
        body = {"path": str(self.out), **wanted}
        return self.task(self.ask("POST", f"{HERE}/export/{what}", body))

    def test_a_maildir(self) -> None:
        """And again nothing."""
        done = self.exports("maildir")
        self.assertEqual((done["state"], self.counts(done)), ("done", (2, 2, 0, 0)), done)
        self.assertEqual(len(os.listdir(self.out / "cur")), 2)
        self.assertEqual(self.counts(self.exports("maildir")), (2, 0, 2, 0))

    def test_mbox(self) -> None:
        """Only what is chosen."""
        done = self.exports("mbox", mailbox=["INBOX"], jobs=1)
        self.assertEqual((done["kind"], self.counts(done)), ("export-mbox", (2, 2, 0, 0)))
        self.assertEqual(os.listdir(self.out), ["INBOX.mbox"])
        self.assertEqual((self.out / "INBOX.mbox").read_bytes().count(b"\nSubject: "), 2)

    def test_a_mailbox_that_is_not_there(self) -> None:
        done = self.exports("mbox", mailbox=["Nothing"])
        self.assertFalse(done["result"]["complete"])
        self.assertEqual(done["result"]["problems"], [{"where": "Nothing", "text": ANY}])

    def test_ended(self) -> None:
        """Nothing half done is left, and it can be gone on with."""
        bodies = self.nouns.exporting.rooms.bodies
        read = bodies.read_many

        def read_and_end(*args: Any) -> Any:
            [task] = self.ask("GET", "/admin/tasks?state=running").json["items"]
            self.ask("POST", f"/admin/tasks/{task['id']}/cancel")
            return read(*args)

        self.patch(bodies, "read_many", read_and_end)
        ended = self.exports("mbox")
        left = [name for name in os.listdir(self.out) if "INBOX" in name]
        self.assertEqual((ended["state"], left), ("cancelled", []))
        self.counts(ended, "progress")
        self.patch(bodies, "read_many", read)
        self.assertEqual(self.counts(self.exports("mbox")), (2, 2, 0, 0))


class SecretTests(DeskTestCase):
    """A password of another server is only taken (G69)."""

    def test_it_is_shown_nowhere(self) -> None:
        [endpoint] = [one for one in ENDPOINTS if one.name == "importImap"]
        assert endpoint.body is not None
        body = endpoint.body(host="h", user="u", password="hunter2")
        self.assertNotIn("hunter2", repr(body))
        schema = self.described["components"]["schemas"]["ImapImport"]
        self.assertTrue(schema["properties"]["password"]["writeOnly"])
