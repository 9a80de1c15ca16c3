"""Tests of sora.addresses."""

from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import Address, fold_domain, parse_address
from sora.errors import BadArgument


class AddressTests(SynchronousTestCase):
    """G22, G50: one folding; what is checked is what is recorded."""

    def test_reads_local_part_detail_and_domain(self) -> None:
        """RFC 5233: the detail is no part of the identity."""
        for text, local, domain, detail, key in (
            ("a@b.c", "a", "b.c", None, "a@b.c"),
            ("User@Example.COM", "User", "example.com", None, "user@example.com"),
            ("user+lists@example.com", "user", "example.com", "lists", "user@example.com"),
            ("user+a+b@example.com", "user", "example.com", "a+b", "user@example.com"),
            ("+odd@example.com", "+odd", "example.com", None, "+odd@example.com"),
            ('"two words"@example.com', "two words", "example.com", None, "two words@example.com"),
            (
                "jörg@bücher.example",
                "jörg",
                "xn--bcher-kva.example",
                None,
                "jörg@xn--bcher-kva.example",
            ),
            ("STRASSE@example.com", "STRASSE", "example.com", None, "strasse@example.com"),
            ("root@localhost", "root", "localhost", None, "root@localhost"),
        ):
            with self.subTest(text):
                address = parse_address(text)
                self.assertEqual(address, Address(local, domain, detail))
                self.assertEqual(address.key, key)

    def test_equal_addresses_have_equal_keys(self) -> None:
        """Case and composition do not matter."""
        for one, other in (
            ("A@B.C", "a@b.c"),
            ("J\u00f6rg@x.y", "jo\u0308rg@X.Y"),
            ("a+x@b.c", "a@b.c."),
            ("straße@x.y", "STRASSE@x.y"),
        ):
            self.assertEqual(parse_address(one).key, parse_address(other).key)

    def test_refuses_what_is_no_address(self) -> None:
        """Each with a BadArgument, whatever it is."""
        for text in (
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a b@c.d",
            "a@b c",
            "a@-b.c",
            "a@b-.c",
            "a@b..c",
            "a\0@b.c",
            "a\n@b.c",
            ".a@b.c",
            "a..b@c.d",
            "x" * 65 + "@b.c",
            "a@" + "b." * 150,
            "a@" + "b" * 64,
            "<a@b.c>",
            "a@[192.0.2.1]",
            "a@\u2028.c",
            '"a\0"@b.c',
        ):
            with self.subTest(text), self.assertRaises(BadArgument):
                parse_address(text)

    def test_what_needs_quotes_is_written_with_them(self) -> None:
        """RFC 5321 §4.1.2; what is written can be read again."""
        for text, written in (
            ('"two words"@b.c', '"two words"@b.c'),
            ('"plain"@b.c', "plain@b.c"),
            (r'"a\"b\\c"@b.c', r'"a\"b\\c"@b.c'),
            ('"a..b+x y"@b.c', '"a..b+x y"@b.c'),
            ('"<b>@"@b.c', '"<b>@"@b.c'),
        ):
            with self.subTest(text):
                address = parse_address(text)
                self.assertEqual(str(address), written)
                self.assertEqual(parse_address(str(address)), address)
                self.assertEqual(parse_address(address.base).key, address.key)

    def test_no_separator_means_no_details(self) -> None:
        """A plus is then a letter like any other."""
        self.assertEqual(parse_address("a+b@c.d", separator="").key, "a+b@c.d")

    def test_domains_are_a_labels(self) -> None:
        """RFC 5891."""
        self.assertEqual(fold_domain("BÜCHER.Example."), "xn--bcher-kva.example")

    def test_a_domain_is_the_same_in_either_form(self) -> None:
        """RFC 5891 §4, UTS 46: U-labels, A-labels, full width, other dots; sharp s is a letter."""
        for written, folded in (
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("Bu\u0308cher.example", "xn--bcher-kva.example"),
            ("\uff22ücher\u3002example", "xn--bcher-kva.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("\u2603.example", "xn--n3h.example"),
        ):
            with self.subTest(written):
                self.assertEqual(fold_domain(written), folded)
