"""Tests of sora.mail.flags."""

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument, KeywordRefused, TooMany
from sora.mail.flags import ANSWERED, DELETED, SEEN, Flags, Keywords, parse_flags


class ParseTests(SynchronousTestCase):
    """Flag lists of clients."""

    def test_system_flags_are_caseless_and_recent_is_dropped(self) -> None:
        """RFC 3501 §2.3.2."""
        self.assertEqual(parse_flags(["\\SEEN", "\\deleted", "\\Recent"]), Flags(SEEN | DELETED))

    def test_keywords_are_caseless_in_identity_and_first_seen_in_spelling(self) -> None:
        """G33."""
        self.assertEqual(parse_flags(["$Fwd", "$FWD", "work"]), Flags(0, ("$Fwd", "work")))

    def test_refuses_what_cannot_be_stored(self) -> None:
        """G33: NIL and empty ones are never stored."""
        for name in (
            "",
            "NIL",
            "nil",
            "\\Unknown",
            "\\*",
            "a b",
            "a(b",
            "a\0",
            "\u00e9",
            "x" * 251,
        ):
            with self.subTest(name), self.assertRaises(BadArgument):
                parse_flags([name])
        for name in ("NIL", "nil", "x" * 251):
            # By the grammar they are keywords.
            self.assertRaises(KeywordRefused, parse_flags, [name])
        with self.assertRaises(TooMany):
            parse_flags([f"k{n}" for n in range(101)])


class KeywordsTests(SynchronousTestCase):
    """The account's dictionary."""

    def test_masks_and_names(self) -> None:
        """A mask has any number of keywords."""
        keywords = Keywords([(0, "$Forwarded"), (1, "Work"), (200, "far")])
        mask = keywords.mask(Flags(SEEN | ANSWERED, ("work", "FAR", "unknown")))
        self.assertEqual(keywords.names(mask), ["Work", "far"])
        self.assertEqual(keywords.text(mask), "\\Answered \\Seen Work far")
        self.assertEqual(keywords.known, 2, "up to the first gap")
        self.assertEqual(keywords.bit("unknown"), 0)

    def test_a_keyword_learnt_later_gets_its_name_in_texts(self) -> None:
        """A text made before the name was known is not kept."""
        keywords = Keywords()
        self.assertEqual(keywords.text(1 << 5), "")
        keywords.learn([(0, "New")])
        self.assertEqual(keywords.text(1 << 5), "New")
