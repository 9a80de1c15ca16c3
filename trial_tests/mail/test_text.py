"""Folding, cleaning, previews."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.text import MAX_PREVIEW, casemap, clean, fold, one_line, preview
from trial_tests.support.properties import SETTINGS


class FoldTests(SynchronousTestCase):
    def test_texts_that_mean_the_same_fold_to_the_same(self) -> None:
        for one, other in (
            ("HeLLo", "hello"),
            ("GRÜSSE", "grüße"),
            ("e\u0301", "É"),
            ("ﬁne", "FINE"),
            ("Ⅷ", "viii"),
            ("ΣΑΣ", "σας"),
        ):
            with self.subTest(one):
                self.assertEqual(fold(one), fold(other))

    def test_accents_are_kept(self) -> None:
        self.assertNotEqual(fold("naive"), fold("naïve"))

    @SETTINGS
    @given(st.text())
    def test_folding_twice_is_folding_once(self, text: str) -> None:
        self.assertEqual(fold(fold(text)), fold(text))

    @SETTINGS
    @given(st.text(alphabet=st.characters(max_codepoint=127)))
    def test_ascii_takes_the_short_way_to_the_same_result(self, text: str) -> None:
        # The character at the end makes the text take the long way.
        self.assertEqual(fold(text) + "e\u0301", fold(text + "é"))


class CasemapTests(SynchronousTestCase):
    def test_the_comparator_of_rfc_5051(self) -> None:
        """Titlecase, one character for one, then decomposed."""
        for text, expected in (
            ("aZ_z", "AZ_Z"),
            ("é", "E\u0301"),
            ("ﬁ", "fi"),
            ("ß", "ß"),
            ("ǆ", "Dz\u030c"),
            ("ı", "I"),
            ("가", "\u1100\u1161"),
        ):
            with self.subTest(text):
                self.assertEqual(casemap(text), expected)

    @SETTINGS
    @given(st.text())
    def test_what_is_equal_for_it_is_found_by_a_search(self, text: str) -> None:
        """RFC 5255 §4.2: what `fold` makes of a text depends on no more than `casemap` leaves."""
        self.assertEqual(fold(casemap(text)), fold(text))


class CleanTests(SynchronousTestCase):
    def test_nul_and_lone_surrogates_go(self) -> None:
        self.assertEqual(clean("a\0b\ud800c"), "ab\ufffdc")


class PreviewTests(SynchronousTestCase):
    def test_a_preview_is_one_line(self) -> None:
        self.assertEqual(preview(" Hello,\r\n\r\n\tworld. \n"), "Hello, world.")

    def test_a_long_text_is_cut_after_a_word(self) -> None:
        cut = preview("wonderful " * 100)
        self.assertLessEqual(len(cut), MAX_PREVIEW)
        self.assertTrue(cut.endswith("wonderful"))

    def test_a_text_without_spaces_is_cut_anyway(self) -> None:
        self.assertEqual(len(preview("x" * 1000)), MAX_PREVIEW)

    def test_one_line_collapses_all_white_space(self) -> None:
        self.assertEqual(one_line("\ta \r\n  b\u00a0c "), "a b c")
