"""Rights as values (RFC 4314 §2.1)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadRights
from sora.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags
from sora.mail.rights import (
    ALL,
    Rights,
    flags_of,
    letters,
    may_change,
    parse_change,
    parse_rights,
    permitted,
    told,
)


class RightsTests(SynchronousTestCase):
    def test_letters(self) -> None:
        for text, kept, said in [
            ("", "", ""),
            ("lrswipkxtea", "lrswipkxtea", "lrswipkxtecda"),
            ("aetxkpiwsrl", "lrswipkxtea", "lrswipkxtecda"),
            ("lrswida", "lrswitea", "lrswiteda"),  # RFC 4314 §2.1.1, David
            ("lrswikda", "lrswiktea", "lrswiktecda"),  # Byron
            ("c", "kx", "kxc"),
            ("x", "x", "xc"),
            ("d", "te", "ted"),
            ("t", "t", "td"),
            ("ll", "l", "l"),
        ]:
            rights = parse_rights(text)
            self.assertEqual((letters(rights), told(rights)), (kept, said), text)
        self.assertEqual(parse_rights("lrswipkxtea"), ALL)

    def test_what_is_no_right_is_refused(self) -> None:
        """RFC 4314 §3.1"""
        for text in ("lrQswicda", "lrqswicda", "0", "l r", "+l", "ä"):
            self.assertRaises(BadRights, parse_rights, text)
        self.assertIn("lower case", self.assertRaises(BadRights, parse_rights, "lQ").text)

    def test_changes(self) -> None:
        """RFC 4314 §3.1"""
        for old, change, new in [
            ("lrswi", "+cda", "lrswikxtea"),
            ("lrswi", "-sw", "lri"),
            ("lrswi", "lr", "lr"),
            ("lrswi", "", ""),
            ("lrswi", "+", "lrswi"),
            ("lrswi", "-", "lrswi"),
            ("kxa", "-c", "a"),
        ]:
            self.assertEqual(letters(parse_change(change).applied(parse_rights(old))), new)
        self.assertRaises(BadRights, parse_change, "+-l")

    def test_flags_by_right(self) -> None:
        """RFC 4314 §4"""
        others = ANSWERED | FLAGGED | DRAFT
        for text, system, keywords in [
            ("lr", 0, False),
            ("s", SEEN, False),
            ("t", DELETED, False),
            ("w", others, True),
            ("swt", SEEN | DELETED | others, True),
        ]:
            self.assertEqual(flags_of(parse_rights(text)), (system, keywords))
        flags = Flags(SEEN | FLAGGED, ("$Work",))
        self.assertEqual(permitted(flags, parse_rights("s")), Flags(SEEN))
        self.assertEqual(permitted(flags, parse_rights("w")), Flags(FLAGGED, ("$Work",)))
        self.assertTrue(may_change(flags, parse_rights("s")))
        self.assertFalse(may_change(flags, parse_rights("t")))
        self.assertTrue(may_change(Flags(), parse_rights("t")))
        self.assertFalse(may_change(Flags(), Rights.READ))
