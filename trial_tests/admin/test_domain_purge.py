"""`sora-admin domains purge`, on storage in memory."""

from sora.errors import Unavailable
from trial_tests.admin.desk import CommandDesk

PURGE = "domains purge --domain going.example"


class DomainPurgeTests(CommandDesk):
    """Two accounts in the domain, one in another; each domain has something in the other."""

    def setUp(self) -> None:
        super().setUp()
        for email in ("ann@going.example", "bob@going.example", "zoe@other.example"):
            self.done(f"accounts create --email {email} --hash ssha512", "secret\n")
        self.done("accounts delete --email bob@going.example --yes")
        for email, alias in (
            ("ann@going.example", "ann@other.example"),
            ("zoe@other.example", "zoe@going.example"),
        ):
            self.done(f"aliases create --email {email} --alias {alias}")
        self.done("domains set --domain other.example --catch-all ann@going.example")
        self.done("domains create --domain name.example")
        self.done("domains set --domain name.example --alias-of going.example")

    def test_what_would_go_is_said(self) -> None:
        """And nobody need confirm that."""
        lines = self.done(f"{PURGE} --dry-run").splitlines()
        self.assertEqual(
            [line.split("  ", 1)[0] + ": " + line.split("  ", 1)[1].strip() for line in lines],
            [
                "domain: going.example",
                "accounts: 1, and 1 deleted",
                "mailboxes: 12, of which 0 are the domain's",
                "messages: 0",
                "storage: 0 B",
                "its own: 0 scripts, 0 retention rules",
                "aliases: 1",
                "rights: 0 on mailboxes of others",
                "address elsewhere: ann@other.example",
                "catch-all of: other.example",
                "address of others: zoe@going.example",
                "alias domain: name.example",
            ],
        )
        told = self.told(f"{PURGE} --dry-run")
        self.assertEqual((told["accounts"], told["deleted_accounts"]), (1, 1))
        self.assertEqual(told["addresses_of_others"], ["zoe@going.example"])
        self.assertEqual(len(self.told("accounts list")), 2)
        self.refused("domains purge --domain none.example --dry-run", "no domain none.example")

    def test_it_goes_with_all_that_is_in_it(self) -> None:
        """And nothing else, but for what leads into it."""
        self.refused(PURGE, "nothing brings it back")
        said = self.done(f"{PURGE} --yes")
        self.assertEqual(said, "removed going.example for good, with 2 accounts and 0 messages\n")
        rows = self.told("domains list")
        self.assertEqual([row["domain"] for row in rows], ["name.example", "other.example"])
        self.assertEqual([row["alias of"] for row in rows], [None, None])
        self.assertEqual([row["catch-all"] for row in rows], [None, None])
        self.assertEqual(self.told("aliases list"), [])
        [left] = self.told("accounts list")
        self.assertEqual(left["email"], "zoe@other.example")
        self.refused(f"{PURGE} --yes", "no domain going.example")

    def test_it_is_gone_on_with(self) -> None:
        """After the process was killed: said again, it ends."""
        remove = self.storage.cleaning.remove_account
        asked: list[object] = []

        def breaks(*arguments: object) -> object:
            asked.append(arguments)
            if len(asked) == 2:
                raise Unavailable("away")
            return remove(*arguments)

        object.__setattr__(self.store.cleaning, "cleaning", Breaking(breaks))
        self.refused(f"{PURGE} --yes", "away")
        [row] = self.told("domains show --domain going.example")
        self.assertIsNotNone(row["purging_since"])
        self.assertIn("purging since", self.done(f"{PURGE} --dry-run"))
        self.refused(
            "accounts create --email new@going.example --hash ssha512", "is being removed", "x\n"
        )
        self.done(f"{PURGE} --yes")
        self.assertEqual(len(self.told("domains list")), 2)


class Breaking:
    """A cleaning that breaks."""

    def __init__(self, remove: object) -> None:
        self.remove_account = remove
