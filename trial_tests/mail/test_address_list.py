"""Lists of addresses, in order and in disorder."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.address_list import MISSING_DOMAIN, MISSING_MAILBOX, MailAddress, parse
from trial_tests.support.properties import SETTINGS

Row = tuple[bytes | None, bytes | None, bytes | None, bytes | None]
_END: Row = (None, None, None, None)


def rows(value: bytes) -> list[Row]:
    return [(one.name, one.route, one.mailbox, one.host) for one in parse(value)]


def person(name: bytes | None, mailbox: bytes, host: bytes) -> Row:
    return (name, None, mailbox, host)


class AddressListTests(SynchronousTestCase):
    def assert_table(self, table: tuple[tuple[bytes, list[Row]], ...]) -> None:
        for value, expected in table:
            with self.subTest(value):
                self.assertEqual(rows(value), expected)

    def test_ordinary_addresses(self) -> None:
        """RFC 5322 appendix A.1."""
        self.assert_table(
            (
                (b"", []),
                (b"mary@example.net", [person(None, b"mary", b"example.net")]),
                (b"<boss@nil.test>", [person(None, b"boss", b"nil.test")]),
                (
                    b"John Doe <jdoe@machine.example>",
                    [person(b"John Doe", b"jdoe", b"machine.example")],
                ),
                (
                    b'"Joe Q. Public" <john.q.public@example.com>, a@b',
                    [
                        person(b"Joe Q. Public", b"john.q.public", b"example.com"),
                        person(None, b"a", b"b"),
                    ],
                ),
                (
                    b'"Giant; \\"Big\\" Box" <sysservices@example.net>',
                    [person(b'Giant; "Big" Box', b"sysservices", b"example.net")],
                ),
                (b"a@[127.0.0.1]", [person(None, b"a", b"[127.0.0.1]")]),
                (b'"a b"@c.d', [person(None, b"a b", b"c.d")]),
                (b"J\xc3\xb6rg <j@x>", [person(b"J\xc3\xb6rg", b"j", b"x")]),
                (
                    b"=?utf-8?q?a?= =?utf-8?q?b?= <j@x>",
                    [person(b"=?utf-8?q?a?= =?utf-8?q?b?=", b"j", b"x")],
                ),
                (b"A  \t B <j@x>", [person(b"A B", b"j", b"x")]),
            )
        )

    def test_groups_begin_and_end_with_addresses_without_host(self) -> None:
        """RFC 3501 §7.4.2, RFC 5322 appendix A.1.3."""
        self.assert_table(
            (
                (
                    b"A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;",
                    [
                        (None, None, b"A Group", None),
                        person(b"Ed Jones", b"joe", b"where.test"),
                        person(None, b"joe", b"where.test"),
                        person(b"John", b"jdoe", b"one.test"),
                        _END,
                    ],
                ),
                (
                    b"Undisclosed recipients:;",
                    [(None, None, b"Undisclosed recipients", None), _END],
                ),
                (
                    b"one:a@b; two:;, c@d",
                    [
                        (None, None, b"one", None),
                        person(None, b"a", b"b"),
                        _END,
                        (None, None, b"two", None),
                        _END,
                        person(None, b"c", b"d"),
                    ],
                ),
                (b"open: a@b", [(None, None, b"open", None), person(None, b"a", b"b"), _END]),
            )
        )

    def test_obsolete_forms(self) -> None:
        """RFC 5322 §4.4 and appendix A.5, A.6."""
        self.assert_table(
            (
                (
                    b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
                    [person(b"Pete", b"pete", b"silly.test")],
                ),
                (
                    b"Mary Smith <@node.test,@other.test:mary@example.net>",
                    [(b"Mary Smith", b"@node.test,@other.test", b"mary", b"example.net")],
                ),
                (b"old@example.com (Old Style)", [person(b"Old Style", b"old", b"example.com")]),
                (
                    b"old@example.com (A (nested) one)",
                    [person(b"A (nested) one", b"old", b"example.com")],
                ),
                (b'"Doe, J."(x)R<a@b>', [person(b"Doe, J. R", b"a", b"b")]),
                (b"J. R. Doe <a@b>", [person(b"J. R. Doe", b"a", b"b")]),
                (b",, a@b ,, ,", [person(None, b"a", b"b")]),
                (b"a@b. c .d, e@f g", [person(None, b"a", b"b.c.d"), person(None, b"e", b"f")]),
            )
        )

    def test_broken_ones_give_what_can_be_had_and_never_a_group(self) -> None:
        self.assert_table(
            (
                (b"root", [person(None, b"root", MISSING_DOMAIN)]),
                (b"<root>", [person(None, b"root", MISSING_DOMAIN)]),
                (
                    b"broken@, x@y",
                    [person(None, b"broken", MISSING_DOMAIN), person(None, b"x", b"y")],
                ),
                (b"@nowhere", [person(None, MISSING_MAILBOX, b"nowhere")]),
                (b"Name <>", [person(b"Name", MISSING_MAILBOX, MISSING_DOMAIN)]),
                (b"<>", []),
                (b"a <b@c, d@e", [person(b"a", b"b", b"c"), person(None, b"d", b"e")]),
                (b'"never closed <x@example.com>', [person(b"never closed", b"x", b"example.com")]),
                (b"a@b.c <a@b.c>", [person(b"a@b.c", b"a", b"b.c")]),
                (b"x y z@b", [person(b"x y", b"z", b"b")]),
                (b"a@b@c", [person(None, b"a@b", b"c")]),
            )
        )

    def test_long_nonsense_is_read_in_linear_time(self) -> None:
        """Each of these is quadratic in a careless reader; the test would not end."""
        for piece in (
            b'"\\',
            b'"\\"',
            b"(",
            b"()",
            b"<",
            b"@",
            b"a@",
            b"[",
            b'"a" ',
            b"<@",
            b"(a(b)",
        ):
            with self.subTest(piece):
                self.assertIsInstance(parse(piece * 30_000), list)

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(
                [
                    '"',
                    "\\",
                    "(",
                    ")",
                    "<",
                    ">",
                    "@",
                    ",",
                    ";",
                    ":",
                    " ",
                    "a",
                    "b.c",
                    "[",
                    "]",
                    "\t",
                    "\0",
                    "é",
                ]
            ),
            max_size=30,
        )
    )
    def test_nothing_raises_and_only_groups_lack_a_host(self, pieces: list[str]) -> None:
        depth = 0
        for one in parse("".join(pieces).encode()):
            if one == MailAddress():
                depth -= 1
            elif one.host is None:
                depth += 1
            else:
                self.assertTrue(one.mailbox and one.host)
            self.assertIn(depth, (0, 1))
        self.assertEqual(depth, 0)
