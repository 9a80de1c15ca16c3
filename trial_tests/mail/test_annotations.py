"""Names of annotations (RFC 5464 §3.2)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadSyntax
from sora.mail.annotations import Entry, parse_entry


class EntryTests(SynchronousTestCase):
    def test_names(self) -> None:
        for name, entry, has_value in (
            (b"/private/comment", Entry(True, "/comment"), True),
            (b"/SHARED/Comment", Entry(False, "/comment"), True),
            (b"/shared/vendor/a/B", Entry(False, "/vendor/a/b"), True),
            (b"/shared/vendor/a", Entry(False, "/vendor/a"), False),
            (b"/shared/vendor", Entry(False, "/vendor"), False),
            (b"/private", Entry(True, ""), False),
            (b"/private/a b", Entry(True, "/a b"), True),
        ):
            with self.subTest(name=name):
                self.assertEqual(parse_entry(name), entry)
                self.assertEqual(entry.name.encode(), name.lower())
                self.assertEqual(entry.has_value, has_value)

    def test_what_is_none(self) -> None:
        for name in (
            b"",
            b"/",
            b"private/a",
            b"/privates/a",
            b"/private/",
            b"/private//a",
            b"/private/a/",
            b"/private/a*",
            b"/private/%",
            b"/private/\xc3\xbc",
            b"/private/\x7f",
            b"/private/a\n",
            b"/private/" + b"a" * 1000,
        ):
            with self.subTest(name=name[:20]), self.assertRaises(BadSyntax):
                parse_entry(name)

    def test_what_is_below(self) -> None:
        """§4.2.2"""
        a = Entry(True, "/a")
        for path, at_zero, at_one in (
            ("/a", True, True),
            ("/a/b", False, True),
            ("/a/b/c", False, False),
            ("/ab", False, False),
            ("", False, False),
        ):
            entry = Entry(True, path)
            self.assertEqual((entry.is_below(a, 0), entry.is_below(a, 1)), (at_zero, at_one), path)
            self.assertEqual(entry.is_below(a, None), path.startswith("/a") and path != "/ab")
        self.assertFalse(Entry(False, "/a").is_below(a, None))
