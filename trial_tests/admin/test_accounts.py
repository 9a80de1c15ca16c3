"""Commands about accounts and their addresses."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime

from sora.addresses import parse_address
from sora.admin.times import moment_or_age
from sora.auth.passwords import verify
from sora.storage.rows import NewLogin
from trial_tests.admin.desk import CommandDesk
from trial_tests.auth.test_passwords import KNOWN

ANN = "ann@example.com"


class AccountCommandTests(CommandDesk):
    """One account among others, from being made to being disabled."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("ann", "bob", "carl"):
            self.done(f"accounts create --email {name}@example.com --hash ssha512", "secret\n")

    def verifiers(self, email: str) -> list[str]:
        """What is stored for an address."""
        rows = self.successResultOf(self.storage.credentials.list(parse_address(email)))
        row = next(row for row in rows if row.address == email)
        return [secret.verifier for secret in row.secrets if secret.kind == "password"]

    def test_an_account_is_shown_as_a_whole(self) -> None:
        """By any of its addresses; of its secrets, the schemes."""
        self.done(
            f"accounts credentials add --email {ANN} --alias a@example.com --hash sha512", "x\n"
        )
        self.done(f"aliases create --email {ANN} --alias sales@example.com")
        self.done(f"quota set --email {ANN} --storage 10gb --mailboxes 20")
        for email in (ANN, "A@EXAMPLE.com", "sales@example.com"):
            lines = self.done(f"accounts show --email {email}").splitlines()
            self.assertEqual(
                [line.partition("  ")[2].strip() for line in lines if "created" not in line],
                [
                    ANN,
                    "open",
                    "never",
                    f"{ANN} (SSHA512; SCRAM-SHA-256, 10000 iterations)",
                    "a@example.com (SHA512; SCRAM-SHA-256, 10000 iterations)",
                    "sales@example.com",
                    "6 (of 20)",
                    "0 (no limit)",
                    "0 B (of 10.0 GB)",
                    "none is active",
                    "all: never (says server)",
                ],
            )
        told = self.told(f"accounts show --email {ANN}")
        self.assertEqual(told["quota_mailboxes"], 20)
        self.assertEqual(told["aliases"], ["sales@example.com"])
        self.assertEqual([one["primary"] for one in told["addresses"]], [True, False])
        self.assertNotIn(self.verifiers(ANN)[0], str(told))

    def test_a_deleted_account_says_until_when(self) -> None:
        """And that it is deleted, to those who would change it."""
        self.done(f"accounts delete --email {ANN} --yes")
        self.assertIn("can be restored until", self.done(f"accounts show --email {ANN}"))
        told = self.told(f"accounts show --email {ANN}")
        self.assertIn("2027-01-29", told["restorable_until"])
        self.refused(f"accounts disable --email {ANN}", "is deleted: restore it first")
        self.refused(f"accounts delete --email {ANN} --yes", "is deleted already")
        self.assertEqual(self.type(f"accounts exists --email {ANN}")[0], 1)

    def test_a_purged_account_is_gone_and_its_address_is_free(self) -> None:
        """Whether it was deleted before or not; others that are deleted stay."""
        self.done("accounts delete --email carl@example.com --yes")
        self.refused(f"accounts delete --email {ANN} --purge", "nothing brings it back")
        self.done(f"accounts delete --email {ANN} --yes")
        for email in (ANN, "bob@example.com"):
            said = self.done(f"accounts delete --email {email} --purge --yes")
            self.assertEqual(said, f"removed {email} for good, with 0 messages\n")
        self.refused(f"accounts delete --email {ANN} --purge --yes", f"no account {ANN}")
        [left] = self.told("accounts list --deleted")
        self.assertEqual(left["email"], "carl@example.com")
        self.done(f"accounts create --email {ANN} --hash ssha512", "again\n")

    def test_disabled_and_enabled(self) -> None:
        """With the reason, which is shown."""
        line = f"accounts disable --email {ANN.upper()} --reason unpaid"
        self.assertEqual(self.done(line), f"disabled {ANN}\n")
        self.assertIn("disabled since", self.done(f"accounts show --email {ANN}"))
        [listed] = self.told("accounts list --disabled")
        self.assertEqual((listed["email"], listed["disabled_reason"]), (ANN, "unpaid"))
        self.assertEqual(self.done(f"accounts enable --email {ANN}"), f"enabled {ANN}\n")
        self.assertEqual(self.told("accounts list --disabled"), [])
        self.refused(f"accounts disable --email {ANN} --reason {'x' * 201}", "200 characters")
        self.refused("accounts disable --email dan@example.com", "no account dan@example.com")

    def log_in(self, email: str, age: float) -> None:
        """Somebody has logged in so many seconds ago."""
        row = self.successResultOf(self.storage.credentials.show(parse_address(email)))
        new = NewLogin(row.account_id, row.id, age, "imap", "192.0.2.1")
        self.successResultOf(self.storage.credentials.note_logins([new]))

    def test_when_somebody_was_here_last(self) -> None:
        """As the account that was used, or as an address of it."""
        self.log_in(ANN, 3600)
        shown = self.done(f"accounts show --email {ANN}")
        self.assertIn("last login  2027-01-15 07:00 by imap from 192.0.2.1\n", shown)
        told = self.told(f"accounts show --email {ANN}")
        self.assertEqual(
            (told["last_login"], told["last_login_protocol"], told["last_login_address"]),
            ("2027-01-15T07:00:00+00:00", "imap", "192.0.2.1"),
        )
        self.done(f"accounts credentials add --email {ANN} --alias a@example.com", "secret\n")
        self.log_in("a@example.com", 60)
        shown = self.done(f"accounts show --email {ANN}")
        self.assertIn(" by imap from 192.0.2.1 as a@example.com\n", shown)
        [told] = self.told("credentials show --email a@example.com")
        self.assertEqual(told["last_login"], "2027-01-15T07:59:00+00:00")

    def test_who_was_not_here_for_long(self) -> None:
        """Those who never were are among them; since a moment, or for a while."""
        self.log_in(ANN, 86400)
        self.log_in("bob@example.com", 3600)

        def listed(options: str) -> list[str]:
            rows = self.told(f"accounts list --inactive-since {options}")
            return [row["email"].partition("@")[0] for row in rows]

        self.assertEqual(listed("2027-01-01"), ["carl"])
        self.assertEqual(listed("2027-01-15T00:00Z"), ["ann", "carl"])
        self.assertEqual(listed("2027-01-15T00:00Z --limit 1"), ["ann"])
        self.assertEqual(listed("2027-01-15T00:00Z --after ann@example.com"), ["carl"])
        self.assertEqual(listed("90d"), ["carl"])
        table = self.done("accounts list --inactive-since 90d").splitlines()
        self.assertEqual(table[0].split()[-2:], ["DISABLED", "LAST_LOGIN"])
        self.storage.tables.logins_since = datetime(2027, 1, 10, tzinfo=UTC)
        self.assertEqual(self.type("accounts list --inactive-since 2027-01-11T00:00Z")[2], "")
        noted = self.type("accounts list --inactive-since 2027-01-09T00:00Z --json")
        self.assertEqual(noted[0], 0)
        self.assertIn("logins are noted since 2027-01-10", noted[2])
        for text, why in (("never", "is not a time"), ("999999999999d", "longer ago")):
            with self.assertRaises(ArgumentTypeError) as caught:
                moment_or_age(text)
            self.assertIn(why, str(caught.exception))

    def test_whether_an_account_exists_is_an_exit_code(self) -> None:
        """0 and 1; nothing is printed when that is wanted; 2 is for those who typed no address."""
        self.assertEqual(self.type(f"accounts exists --email {ANN} --quiet"), (0, "", ""))
        self.assertEqual(self.type("accounts exists --email x@example.com --quiet"), (1, "", ""))
        code, stdout, stderr = self.type("accounts exists --email x@example.com")
        self.assertEqual(
            (code, stdout, stderr), (1, "x@example.com is not the address of an account\n", "")
        )
        self.assertTrue(self.told(f"accounts exists --email {ANN}")["exists"])
        code, _, stderr = self.type("accounts exists --email nonsense")
        self.assertEqual(code, 2)
        self.assertIn("is not an address", stderr)

    def test_lists_are_filtered_sorted_and_cut(self) -> None:
        """In the order of addresses, or by what there is most of."""

        def listed(options: str) -> list[str]:
            rows = self.told(f"accounts list {options}")
            return [row["email"].partition("@")[0] for row in rows]

        self.assertEqual(listed("--prefix B"), ["bob"])
        self.assertEqual(listed("--limit 2"), ["ann", "bob"])
        self.assertEqual(listed("--limit 2 --after bob@example.com"), ["carl"])
        self.assertEqual(listed("--domain EXAMPLE.com --sort size --limit 1"), ["ann"])
        self.clock.advance(60)
        self.done("accounts create --email dan@example.com --hash ssha512", "secret\n")
        self.assertEqual(listed("--sort created --limit 1"), ["dan"])
        self.refused("accounts list --after ann@example.com --sort size", "--after")
        self.refused("accounts list --domain exmaple.com", "exmaple.com")

    def test_an_alias_domain_is_told_apart(self) -> None:
        """Accounts are in the domain that it is a name of."""
        self.done("domains create --domain example.net")
        self.done("domains set --domain example.net --alias-of example.com")
        for line in ("accounts list --domain example.net", "accounts show --email ann@example.net"):
            self.refused(line, "another name of example.com")

    def test_domains_of_other_scripts(self) -> None:
        """Are the same in U-labels and A-labels."""
        self.done("accounts create --email ann@bücher.example --hash ssha512", "secret\n")
        for email in ("ann@bücher.example", "ANN@xn--bcher-kva.example"):
            self.assertEqual(
                self.told(f"accounts show --email {email}")["email"], "ann@xn--bcher-kva.example"
            )

    def test_a_password_comes_from_a_file_or_as_a_hash(self) -> None:
        """Never needed on the command line (G69)."""
        path = self.in_a_file("from a file\nand more\n")
        self.done(f"accounts update --email {ANN} --password-file {path} --hash ssha512")
        self.assertTrue(verify("from a file", self.verifiers(ANN)[0]))
        password, verifier = KNOWN[0]
        self.done(f"accounts update --email {ANN} --password-hash -", f"{verifier}\n")
        self.assertEqual(self.verifiers(ANN), [verifier])
        told = self.told("accounts credentials list --email ann@example.com")
        self.assertEqual(told[0]["schemes"], ["bcrypt, cost 5"])
        self.done(f"accounts create --email eve@example.com --password-hash {verifier}")
        self.assertTrue(verify(password, self.verifiers("eve@example.com")[0]))
        self.refused(
            "accounts create --email fay@example.com --password-hash {PLAIN}x", "is a password"
        )
        self.refused(f"accounts update --email {ANN} --password-file nowhere", "cannot be read")
        empty = self.in_a_file("\n")
        self.refused(f"accounts update --email {ANN} --password-file {empty}", "is empty")
        self.refused(f"accounts update --email {ANN}", "no password")

    def test_another_address_becomes_the_primary_one(self) -> None:
        """By which the account is known then."""
        add = f"accounts credentials add --email {ANN} --hash ssha512"
        self.done(f"{add} --alias ann.b@example.com --make-primary", "secret\n")
        self.assertEqual(self.told(f"accounts show --email {ANN}")["email"], "ann.b@example.com")
        self.done(f"credentials make-primary --email {ANN}")
        self.assertEqual(self.told("accounts show --email ann.b@example.com")["email"], ANN)
        self.done(f"{add} --alias ann@example.org", "secret\n")
        self.refused("credentials make-primary --email ann@example.org", "of another domain")


class ImportTests(CommandDesk):
    """Many accounts from a list."""

    hashed = KNOWN[0][1]

    def test_a_list_is_looked_at_and_then_made(self) -> None:
        """With aliases and limits; a second time, everything is there already."""
        text = (
            "Email,password_hash,aliases,quota_storage,password\r\n"
            f"ann@example.com,{self.hashed},a@example.com b@example.com,10gb,\r\n"
            "\r\n"
            'bob@example.com,,,,"sec,ret"\r\n'
        )
        path = self.in_a_file(text)
        line = f"accounts import --hash ssha512 --file {path}"
        said = "2 accounts seen, 2 would be made, 0 there already, 0 failed\n"
        self.assertEqual(self.done(f"{line} --dry-run"), said)
        self.assertEqual(self.told("accounts list"), [])
        self.assertEqual(
            self.told(line), {"seen": 2, "done": 2, "skipped": 0, "failed": 0, "problems": []}
        )
        ann = self.told("accounts show --email b@example.com")
        self.assertEqual((ann["email"], ann["quota_storage"]), ("ann@example.com", 10 << 30))
        login = self.successResultOf(
            self.storage.credentials.login(parse_address("bob@example.com"))
        )
        assert login is not None
        self.assertTrue(verify("sec,ret", login.secrets[0].verifier))
        self.assertIn("0 made, 2 there already, 0 failed", self.done(line))

    def test_what_fails_is_named_and_the_rest_is_made(self) -> None:
        """Counts add up, and the exit code says that something is missing."""
        self.done("accounts create --email old@example.com --hash ssha512", "x\n")
        self.done("accounts create --email gone@example.com --hash ssha512", "x\n")
        self.done("aliases create --email old@example.com --alias sales@example.com")
        self.done("accounts delete --email gone@example.com --yes")
        lines = [
            '{"email": "new@example.com", "password": "x", "aliases": ["sales@example.com"]}',
            '{"email": "nonsense", "password": "x"}',
            '{"email": "a@example.com"}',
            '{"email": "b@example.com", "password_hash": "{PLAIN}x"}',
            '{"email": "gone@example.com", "password": "x"}',
            '{"email": "sales@example.com", "password": "x"}',
            '{"email": "NEW@example.com", "password": "x"}',
            '{"email": "c@example.com", "password": "x", "quota": 1}',
            '{"email": "d@example.com", "password": "x", "quota_storage": "much"}',
            '{"email": 1, "password": "x"}',
            '["email"]',
            '{"email": "e@example.com", "password": "x", "aliases": "f@example.com"}',
            '{"email": "fine@example.com", "password": "x"}',
        ]
        code, stdout, stderr = self.type(
            "accounts import --hash ssha512 --jobs 3", "\n".join(lines)
        )
        self.assertEqual((code, stderr), (1, "sora-admin: 12 of 13 lines failed\n"))
        for number, reason in enumerate(
            (
                "new@example.com was made, but not all aliases: sales@example.com is the address",
                "is not an address",
                "password or a password_hash",
                "is a password and no hash",
                "deleted account",
                "is an address of old@example.com",
                "twice",
                "there is no 'quota'",
                "a size such as 10gb",
                "are texts",
                "not a JSON object",
                "aliases are addresses",
            ),
            1,
        ):
            self.assertRegex(stdout, f"failed: line {number}: .*{reason}")
        self.assertIn("13 accounts seen, 1 made, 0 there already, 12 failed", stdout)

    def test_what_is_no_list_is_refused(self) -> None:
        """Before anything is made."""
        for text, reason in (
            ("ann@example.com,secret\n", "names the columns"),
            ("email,email,password\n", "each once"),
            ("email,password,shell\n", "names the columns"),
            ("x" * 70_000, "65536 characters"),
            ("email,password\n" + "x" * 70_000, "65536 characters"),
        ):
            self.refused("accounts import", reason, text)
        self.refused("accounts import --file nowhere", "cannot be read")
        self.refused("accounts import --jobs 33", "32 at most", "")
        said = "0 accounts seen, 0 made, 0 there already, 0 failed\n"
        self.assertEqual(self.done("accounts import", ""), said)
