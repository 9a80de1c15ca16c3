"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208), DELETED and DELETED-STORAGE, and what keeps to the
limits."""

from sora.storage.rows import QuotaLimits
from trial_tests.support.sharing import WORK, SharingTestCase


class QuotaTests(SharingTestCase):
    def limit(self, user: str = "fred", **limits: int | None) -> None:
        account_id = self.account(user).identity.account_id
        self.successResultOf(
            self.server.storage.quotas.set(account_id, QuotaLimits(**limits), None)
        )

    def allow(self, user: str) -> None:
        account_id = self.account(user).identity.account_id
        self.successResultOf(self.server.storage.quotas.allow(account_id, True))

    def test_capabilities(self) -> None:
        """RFC 9208 §3.1.1; clients of RFC 2087 look for QUOTA."""
        said = self.client.ask(b"a CAPABILITY").split()
        for name in (b"QUOTA", b"QUOTASET", b"QUOTA=RES-STORAGE", b"QUOTA=RES-MESSAGE"):
            self.assertIn(name, said)
        self.assertIn(b"QUOTA=RES-MAILBOX", said)

    def test_what_is_limited_is_told(self) -> None:
        """RFC 9208 §4.1.1, §4.1.2, §4.2"""
        self.converse("""
            C: a GETQUOTAROOT INBOX
            S: * QUOTAROOT INBOX ""
            S: * QUOTA "" ()
            S: a OK GETQUOTAROOT completed
        """)
        self.limit(storage=10 * 1024 + 1023, messages=1000)
        self.converse("""
            C: G0001 GETQUOTA ""
            S: * QUOTA "" (STORAGE 1 10 MESSAGE 3 1000)
            S: G0001 OK GETQUOTA completed
            C: G0002 GETQUOTAROOT Nowhere
            S: * QUOTAROOT Nowhere ""
            S: * QUOTA "" (STORAGE 1 10 MESSAGE 3 1000)
            S: G0002 OK GETQUOTAROOT completed
            C: G0003 GETQUOTA fred@example.com
            S: * QUOTA fred@example.com (STORAGE 1 10 MESSAGE 3 1000)
            S: G0003 OK GETQUOTA completed
        """)
        self.limit(mailboxes=7)
        self.converse("""
            C: a GETQUOTA ""
            S: * QUOTA "" (MAILBOX 2 7)
            S: a OK GETQUOTA completed
        """)

    def test_roots_of_others(self) -> None:
        for root in (
            "bob@example.com",
            "!partition/sda4",
            "nobody@example.com",
            "x@y@z",
            "example.com",
            "example.org",
        ):
            said = self.client.ask(f"a GETQUOTA {root}".encode())
            self.assertIn(b"a NO [NONEXISTENT]", said, root)

    def test_the_root_of_anothers_mailbox_is_told_to_who_may_read_it(self) -> None:
        """RFC 9208 §6"""
        self.limit(messages=10)
        for rights, code in (("", "NONEXISTENT"), ("l", "NOPERM")):
            self.share(rights)
            self.say(f"""
                C: a GETQUOTAROOT {WORK}
                S: a NO [{code}] ...
            """)
        self.share("r")
        self.say(f"""
            C: a GETQUOTAROOT {WORK}
            S: * QUOTAROOT {WORK} fred@example.com
            S: * QUOTA fred@example.com (MESSAGE 3 10)
            S: a OK GETQUOTAROOT completed
            C: b CREATE Shared/Team
            S: b OK [MAILBOXID (...)] CREATE completed
            C: c GETQUOTAROOT Shared/Team
            S: * QUOTAROOT Shared/Team example.com
            S: * QUOTA example.com ()
            S: c OK GETQUOTAROOT completed
        """)

    def test_setquota(self) -> None:
        """RFC 9208 §4.1.3: what is not named is no longer limited."""
        self.allow("bob")
        self.say("""
            C: S0000 SETQUOTA fred@example.com (STORAGE 510 MESSAGE 1000)
            S: * QUOTA fred@example.com (STORAGE 1 510 MESSAGE 3 1000)
            S: S0000 OK SETQUOTA completed
            C: S0001 SETQUOTA fred@example.com (storage 512)
            S: * QUOTA fred@example.com (STORAGE 1 512)
            S: S0001 OK SETQUOTA completed
            C: S0002 SETQUOTA "" (MAILBOX 2)
            S: * QUOTA "" (MAILBOX 2 2)
            S: S0002 OK SETQUOTA completed
            C: S0003 SETQUOTA fred@example.com ()
            S: * QUOTA fred@example.com ()
            S: S0003 OK SETQUOTA completed
            C: S0004 SETQUOTA "" (ANNOTATION-STORAGE 5)
            S: S0004 NO [CANNOT] The resource ANNOTATION-STORAGE cannot be limited
            C: S0005 SETQUOTA "" (MAILBOX 2 MAILBOX 3)
            S: S0005 BAD ...
            C: S0006 SETQUOTA "" (STORAGE 9223372036854775807)
            S: S0006 NO [CANNOT] ...
            C: S0007 SETQUOTA "" (STORAGE 9223372036854775808)
            S: S0007 BAD ...
            C: S0008 SETQUOTA dan@example.org (STORAGE 1)
            S: S0008 NO [NOPERM] ...
        """)

    def test_setquota_is_for_who_was_allowed_to(self) -> None:
        self.converse("""
            C: a SETQUOTA "" (STORAGE 99999999)
            S: a NO [NOPERM] You may not set quotas.
            C: b SETQUOTA bob@example.com (STORAGE 1)
            S: b NO [NOPERM] ...
            C: c SETQUOTA "!partition/sda4" (STORAGE 99999999)
            S: c NO [NOPERM] ...
        """)

    def test_limits_are_kept(self) -> None:
        """RFC 9208 §4.3.1"""
        self.limit(messages=4, mailboxes=2)
        self.converse("""
            C: A003 APPEND Work {2+}
            C: hi
            S: A003 OK [APPENDUID ... 4] APPEND completed
            C: A004 APPEND Work {2+}
            C: ho
            S: A004 NO [OVERQUOTA] ...
            C: A005 CREATE More
            S: A005 NO [OVERQUOTA] The account may have 2 mailboxes.
            C: A006 RENAME Work Some/Work
            S: A006 NO [OVERQUOTA] ...
        """)
        self.client.ask(b"s SELECT Work")
        self.assertIn(b"a NO [OVERQUOTA]", self.client.ask(b"a COPY 1 INBOX"))
        self.assertIn(b"a OK", self.client.ask(b"a MOVE 1 INBOX"))
        self.limit(storage=1)
        self.assertIn(b"a NO [OVERQUOTA]", self.client.ask(b"a APPEND INBOX {2+}\r\nhi"))

    def test_in_anothers_mailbox_the_owners_limits_count(self) -> None:
        self.limit(messages=3)
        self.limit("bob", messages=1)
        self.share("lrswit")
        self.say(f"""
            C: a APPEND {WORK} {{2+}}
            C: hi
            S: a NO [OVERQUOTA] ...
            C: b APPEND Mine {{2+}}
            C: hi
            S: b OK [APPENDUID ... 1] APPEND completed
        """)
        self.bob.ask(b"s SELECT Mine")
        self.assertIn(b"a NO [OVERQUOTA]", self.bob.ask(f"a MOVE 1 {WORK}".encode()))
        self.bob.ask(f"s SELECT {WORK}".encode())
        self.assertIn(b"a NO [OVERQUOTA]", self.bob.ask(b"a COPY 1 Mine"))

    def test_what_an_expunge_would_free(self) -> None:
        """RFC 9208 §4.1.4"""
        self.client.ask(b"s SELECT Work")
        self.client.ask(b"t STORE 1:2 +FLAGS.SILENT (\\Deleted)")
        size = 2 * len(b"Subject: message 1\r\n\r\nText 1\r\n")
        self.converse(f"""
            C: S0003 STATUS Work (MESSAGES DELETED DELETED-STORAGE)
            S: * STATUS Work (MESSAGES 3 DELETED 2 DELETED-STORAGE {size})
            S: S0003 OK STATUS completed
            C: a LIST "" (INBOX Work) RETURN (STATUS (DELETED-STORAGE))
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * STATUS INBOX (DELETED-STORAGE 0)
            S: * LIST (\\HasNoChildren) "/" Work
            S: * STATUS Work (DELETED-STORAGE {size})
            S: a OK LIST completed
        """)
