"""GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314), with the RFC's examples."""

from sora.addresses import parse_address
from trial_tests.support.sharing import WORK, SharingTestCase
from trial_tests.support.transcript import TranscriptTestCase


class AclTests(SharingTestCase):
    def test_rights_are_set_added_and_taken(self) -> None:
        """RFC 4314 §2.1.1 and §3.1: David and Byron, `c` and `d`."""
        self.converse("""
            C: A001 SeTacl Work bob lrswida
            S: A001 OK SETACL completed
            C: A002 getacl Work
            S: * ACL Work fred@example.com lrswipkxtecda bob@example.com lrswiteda
            S: A002 OK GETACL completed
            C: A003 Setacl Work bob lrswikda
            S: A003 OK SETACL completed
            C: A004 getAcl Work
            S: * ACL Work fred@example.com lrswipkxtecda bob@example.com lrswiktecda
            S: A004 OK GETACL completed
            C: A005 SETACL Work bob lrswi
            S: A005 OK SETACL completed
            C: A006 SETACL Work bob +cda
            S: A006 OK SETACL completed
            C: A007 GETACL Work
            S: * ACL Work fred@example.com lrswipkxtecda bob@example.com lrswikxtecda
            S: A007 OK GETACL completed
            C: A008 SETACL Work bob -c
            S: A008 OK SETACL completed
            C: A009 SETACL Work anyone l
            S: A009 OK SETACL completed
            C: A010 GETACL Work
            S: * ACL Work fred@example.com lrswipkxtecda anyone l bob@example.com lrswiteda
            S: A010 OK GETACL completed
            C: A035 SETACL Work bob lrQswicda
            S: A035 BAD Rights are written in lower case
            C: A036 SETACL Work bob lrqswicda
            S: A036 BAD There is no right 'q'
        """)

    def test_deleteacl(self) -> None:
        """RFC 4314 §3.2"""
        self.share("lrs")
        self.converse("""
            C: B002 DeleteAcl Work bob@EXAMPLE.com
            S: B002 OK DELETEACL completed
            C: B003 GETACL Work
            S: * ACL Work fred@example.com lrswipkxtecda
            S: B003 OK GETACL completed
            C: B004 DELETEACL Work bob
            S: B004 OK DELETEACL completed
        """)

    def test_listrights(self) -> None:
        """RFC 4314 §3.4: nothing is tied; the owner has all in any case."""
        self.converse("""
            C: a001 LISTRIGHTS Work bob
            S: * LISTRIGHTS Work bob "" l r s w i p k x t e c d a
            S: a001 OK LISTRIGHTS completed
            C: a002 LISTRIGHTS Work FRED@example.com
            S: * LISTRIGHTS Work FRED@example.com lrswipkxtecda
            S: a002 OK LISTRIGHTS completed
            C: a005 listrights Work anyone
            S: * LISTRIGHTS Work anyone "" l r s w i p k x t e c d a
            S: a005 OK LISTRIGHTS completed
            C: a006 LISTRIGHTS Work nobody
            S: a006 NO [NONEXISTENT] ...
        """)

    def test_myrights(self) -> None:
        """RFC 4314 §3.5"""
        self.share("lrs")
        self.converse("""
            C: A003 MYRIGHTS INBOX
            S: * MYRIGHTS INBOX lrswipkxtecda
            S: A003 OK MYRIGHTS completed
            C: A004 MYRIGHTS Nowhere
            S: A004 NO [NONEXISTENT] ...
        """)
        self.say(f"""
            C: a MYRIGHTS {WORK}
            S: * MYRIGHTS {WORK} lrs
            S: a OK MYRIGHTS completed
            C: b MYRIGHTS Shared/fred@example.com/INBOX
            S: b NO [NONEXISTENT] ...
        """)

    def test_setacl_and_myrights_in_a_pipeline(self) -> None:
        """RFC 4314 §5.1.1: the one is done before the other begins."""
        self.share("lra")
        self.say(f"""
            C: a SETACL {WORK} anyone +s
            C: b MYRIGHTS {WORK}
            S: a OK SETACL completed
            S: * MYRIGHTS {WORK} lrsa
            S: b OK MYRIGHTS completed
        """)

    def test_identifiers(self) -> None:
        """Users of the domain, by any of their addresses; no negative rights (RFC 4314 §2)."""
        added = self.server.storage.credentials.add(
            parse_address("bob@example.com"), parse_address("robert@example.net"), []
        )
        self.successResultOf(added)
        self.converse("""
            C: a SETACL Work robert@example.net lr
            S: a OK SETACL completed
            C: b GETACL Work
            S: * ACL Work fred@example.com lrswipkxtecda bob@example.com lr
            S: b OK GETACL completed
            C: c SETACL Work -bob r
            S: c NO [CANNOT] There are no negative rights here: ...
            C: d SETACL Work dan@example.org lr
            S: d NO [NONEXISTENT] There is no user dan@example.org in this domain.
            C: e SETACL Work nobody lr
            S: e NO [NONEXISTENT] ...
            C: f SETACL Work $team lr
            S: f NO [NONEXISTENT] ...
            C: g SETACL Work "" lr
            S: g BAD The identifier is empty
            C: h SETACL Work fred lr
            S: h NO [CANNOT] The owner of a mailbox has all rights; they cannot be changed.
            C: i SETACL Work bob@@x lr
            S: i NO [CANNOT] ...
            C: j SETACL Nowhere bob lr
            S: j NO [NONEXISTENT] ...
            C: k SETACL Work bob
            S: k BAD ...
            C: l SETACL Work {4+}
            C: b\x07ob lr
            S: l BAD The identifier has characters that are no text
        """)

    def test_nothing_is_told_of_what_may_not_be_seen(self) -> None:
        """RFC 4314 §6: the answer is that for a mailbox that does not exist."""
        self.share("r")
        for command in (
            "GETACL {}",
            "LISTRIGHTS {} bob",
            "SETACL {} bob lr",
            "DELETEACL {} bob",
        ):
            hidden = self.bob.ask(f"a {command.format(WORK)}".encode())
            missing = self.bob.ask(f"a {command.format(WORK[:-4] + 'None')}".encode())
            self.assertEqual(hidden.replace(b"Work", b"None"), missing)
        self.share("lr")
        self.say(f"""
            C: a GETACL {WORK}
            S: a NO [NOPERM] ...
            C: b SETACL {WORK} bob +a
            S: b NO [NOPERM] ...
            C: c LISTRIGHTS {WORK} bob
            S: c NO [NOPERM] ...
        """)

    def test_an_administrator_may_what_the_owner_may(self) -> None:
        self.share("la")
        self.say(f"""
            C: a SETACL {WORK} eve lr
            S: a OK SETACL completed
            C: b GETACL {WORK}
            S: * ACL {WORK} fred@example.com lrswipkxtecda bob@example.com la eve@example.com lr
            S: b OK GETACL completed
            C: c SETACL {WORK} bob -a
            S: c OK SETACL completed
            C: d GETACL {WORK}
            S: d NO [NOPERM] ...
        """)

    def test_capabilities(self) -> None:
        """RFC 4314 §2.2, §5.1"""
        said = self.client.ask(b"1 CAPABILITY")
        self.assertIn(b" ACL ", said)
        self.assertIn(b" RIGHTS=kxte", said)
        lesser = self.dialect.without(b"ACL")
        self.assertFalse(lesser.has(b"RIGHTS=kxte") or lesser.has(b"LIST-MYRIGHTS"))
        self.assertNotIn(b"SETACL", lesser.commands)


class NothingSharedTests(TranscriptTestCase):
    """Without `[shared_mailboxes]` there are rights on one's own mailboxes, and nobody to give
    them to."""

    def test_rights_are_ones_own(self) -> None:
        self.add_account("bob@example.com")
        self.converse("""
            C: a MYRIGHTS INBOX
            S: * MYRIGHTS INBOX lrswipkxtecda
            S: a OK MYRIGHTS completed
            C: b SETACL INBOX bob lr
            S: b NO [CANNOT] Mailboxes are not shared on this server
            C: c GETACL INBOX
            S: * ACL INBOX fred@example.com lrswipkxtecda
            S: c OK GETACL completed
            C: d NAMESPACE
            S: * NAMESPACE (("" "/")) NIL NIL
            S: d OK NAMESPACE completed
            C: e CREATE Shared/bob@example.com
            S: e OK [MAILBOXID (...)] CREATE completed
        """)
