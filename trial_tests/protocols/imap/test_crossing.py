"""COPY and MOVE between accounts that store their mail apart (`[s3] dedup = "account"`)."""

from sora.storage.memory.store import Dedup
from sora.storage.rows import QuotaLimits
from trial_tests.support.sharing import WORK, SharingTestCase

EVERY = "lrswipkxtea"


class CrossingTests(SharingTestCase):
    dedup: Dedup = "account"

    def setUp(self) -> None:
        super().setUp()
        self.share(EVERY)
        self.client.ask(b"s SELECT Work")
        self.client.ask(b"t STORE 2 FLAGS (\\Flagged $Work)")
        self.bob.ask(f"s SELECT {WORK}".encode())

    def cost(self, command: bytes) -> int:
        statements = self.server.storage.tables.statements
        before = sum(statements.values())
        said = self.bob.ask(b"a " + command)
        self.assertIn(b"\na OK ", b"\n" + said)
        return sum(statements.values()) - before

    def test_everything_goes_along(self) -> None:
        """G39: flags, keywords by their names, date, e-mail id, and every octet."""
        items = b"(FLAGS INTERNALDATE EMAILID RFC822.SIZE ENVELOPE BODY.PEEK[])"
        before = self.bob.ask(b"f FETCH 2 " + items)
        self.say("""
            C: a COPY 2 Mine
            S: a OK [COPYUID ... 2 1] COPY completed
        """)
        self.bob.ask(b"s SELECT Mine")
        after = self.bob.ask(b"f FETCH 1 " + items)
        self.assertEqual(
            after.replace(b"* 1 ", b"* 2 ").replace(b" \\Recent", b""),
            before.replace(b" \\Recent", b""),
        )
        self.assertIn(b"\\Flagged $Work", after)

    def test_a_move_and_back(self) -> None:
        self.say("""
            C: a MOVE 1:3 Mine
            S: * OK [COPYUID ... 1:3 1:3] Moved
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: a OK MOVE completed
        """)
        self.assertIn(b"* 3 EXISTS", self.bob.ask(b"s SELECT Mine"))
        # The contents are in both places now: nothing is carried again.
        self.assertEqual(self.cost(f"MOVE 1:3 {WORK}".encode()), 1)
        said = self.client.ask(b"n NOOP")
        self.assertIn(b"* 3 EXISTS", said)

    def test_a_large_message(self) -> None:
        """It is not held in memory as a whole, and every octet arrives."""
        large = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 100_000
        self.append(large, "Work")
        self.bob.ask(b"n NOOP")
        self.assertIn(b"a OK [COPYUID", self.bob.ask(b"a COPY 4 Mine"))
        self.bob.ask(b"s SELECT Mine")
        self.assertIn(large, self.bob.ask(b"f FETCH 1 BODY.PEEK[]"))

    def test_quota_is_looked_at_before_anything_is_carried(self) -> None:
        bob = self.account("bob").identity.account_id
        self.successResultOf(self.server.storage.quotas.set(bob, QuotaLimits(messages=2), None))
        contents = len(self.server.storage.tables.contents)
        self.assertIn(b"a NO [OVERQUOTA]", self.bob.ask(b"a COPY 1:3 Mine"))
        self.assertEqual(len(self.server.storage.tables.contents), contents)

    def test_what_cannot_be_read_now_is_not_copied(self) -> None:
        """G8: nothing was copied, nothing is lost, and it can be tried again."""
        self.server.objects.down = True
        for command in (b"COPY 1:3 Mine", b"MOVE 1:3 Mine"):
            self.assertIn(b"a NO [UNAVAILABLE]", self.bob.ask(b"a " + command))
        self.server.objects.down = False
        self.say(f"""
            C: a STATUS Mine (MESSAGES)
            S: * STATUS Mine (MESSAGES 0)
            S: a OK STATUS completed
            C: b STATUS {WORK} (MESSAGES)
            S: * STATUS {WORK} (MESSAGES 3)
            S: b OK STATUS completed
            C: c COPY 1:3 Mine
            S: c OK [COPYUID ... 1:3 1:3] COPY completed
        """)

    def test_who_may_not_insert_stores_nothing(self) -> None:
        self.bob.ask(b"0 APPEND Mine {2+}\r\nhi")
        self.bob.ask(b"s SELECT Mine")
        self.share("lr")
        contents = len(self.server.storage.tables.contents)
        self.assertIn(b"a NO [NOPERM]", self.bob.ask(f"a COPY 1 {WORK}".encode()))
        self.assertEqual(len(self.server.storage.tables.contents), contents)

    def test_append_stores_in_the_owners_scope(self) -> None:
        self.assertIn(b"a OK", self.bob.ask(f"a APPEND {WORK} {{2+}}\r\nhi".encode()))
        fred = self.account().identity
        tables = self.server.storage.tables
        [message] = [
            tables.contents[one.content_id]
            for mailbox in tables.mailboxes_of(fred.account_id)
            for one in mailbox.messages.values()
            if one.uid == 4
        ]
        self.assertEqual(message.scope_id, fred.scope_id)
