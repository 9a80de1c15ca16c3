"""External lists of Sieve: RFC 6134, over annotations of the server."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.annotations import parse_entry
from sora.mailbox.address_books import annotation_of, first_among, members_of
from trial_tests.mailbox.test_filtering import FilteringTestCase

BOOK = "urn:ietf:params:sieve:addrbook:"


class BookTests(SynchronousTestCase):
    def test_where_a_list_is(self) -> None:
        for name, expected in (
            (BOOK + "default", "/private/vendor/sora/addrbook/default"),
            (BOOK + "Family", "/private/vendor/sora/addrbook/family"),
            (BOOK + "%66amily", "/private/vendor/sora/addrbook/family"),
            (BOOK + "a/b", None),
            (BOOK + "", None),
            (BOOK + "a" * 65, None),
            (BOOK + "%2e%2e%2f", None),
            ("tag:example.com,2010-05-28:mylist", None),
            ("urn:other", None),
        ):
            self.assertEqual(annotation_of(name), expected, name)
            if expected is not None:
                self.assertTrue(parse_entry(expected.encode()).has_value)

    def test_members(self) -> None:
        text = "ann@example.com\r\n\nBob <bob@EXAMPLE.com>\nnobody\nann@example.com\n"
        self.assertEqual(members_of(BOOK + "family", text), ("ann@example.com", "bob@example.com"))
        self.assertEqual(members_of(BOOK + "family", None), None)
        self.assertEqual(members_of(BOOK + "default", None), ())

    def test_case_makes_no_difference(self) -> None:
        members = ("ann@example.com", "Bob@example.com")
        self.assertEqual(first_among(["x", " BOB@example.COM"], members), "Bob@example.com")
        self.assertIsNone(first_among(["carl@example.com"], members))


class DeliveryTests(FilteringTestCase):
    async def write(self, book: str, text: bytes) -> None:
        entry = parse_entry(f"/private/vendor/sora/addrbook/{book}".encode())
        await self.world.storage.metadata.write(
            self.row.id, None, self.row.id, {entry: text}, 10, 1000, self.operation()
        )

    async def test_a_book_is_read_once(self) -> None:
        await self.write("family", b"carl@example.net\neve@example.net")
        await self.run_script(
            'require ["extlists", "envelope", "fileinto"];'
            'if envelope :list "from" ":addrbook:family" {'
            ' if not envelope :list "to" ":addrbook:family" { fileinto "Work"; } }'
        )
        self.assertEqual(await self.counts(), {"Work": 1})
        self.assertEqual(self.spent["metadata.read"], 1)

    async def test_the_default_book_is_always_there(self) -> None:
        await self.run_script(
            'require ["extlists", "fileinto"];'
            'if allof (valid_ext_list ":addrbook:default", not valid_ext_list ":addrbook:other",'
            ' not header :list "from" ":addrbook:default") { fileinto "Work"; }'
        )
        self.assertEqual(await self.counts(), {"Work": 1})

    async def test_redirect_to_all(self) -> None:
        await self.write("team", b"bob@example.net\neve@example.net")
        await self.run_script('require "extlists"; redirect :list ":addrbook:team";')
        sent = [one.outgoing.recipients[0].address for one in self.relay.sent]
        self.assertEqual(sent, ["bob@example.net", "eve@example.net"])

    async def test_dsn_is_told_to_the_owner(self) -> None:
        """RFC 6009 §6.1, §7.1: who asks for it is who is told; a null sender stays null."""
        for tags, sender, expected in (
            (':notify "FAILURE"', "carl@example.net", "ann@example.com"),
            (':ret "HDRS"', "carl@example.net", "ann@example.com"),
            (":bytimerelative 600", "carl@example.net", "ann@example.com"),
            (':notify "NEVER"', "", ""),
            ("", "carl@example.net", "carl@example.net"),
        ):
            self.relay.sent.clear()
            requires = 'require ["redirect-dsn", "redirect-deliverby"];'
            data = f"Subject: {tags}{sender}\r\n\r\n".encode()
            await self.run_script(f'{requires} redirect {tags} "bob@example.net";', data, sender)
            self.assertEqual([one.outgoing.sender for one in self.relay.sent], [expected], tags)
