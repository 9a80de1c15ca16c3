"""Packed columns, and texts that PostgreSQL takes."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.flags import Flags
from sora.storage.postgres import packing
from sora.storage.postgres.arriving import pieces
from sora.storage.rows import PIECE


class PackingTests(SynchronousTestCase):
    def test_nothing_is_unpacked_to_nothing(self) -> None:
        states = packing.states(None, None, None, None)
        self.assertEqual((list(states.uids), states.masks, list(states.modseqs)), ([], [], []))

    def test_columns_are_unpacked_with_sparse_keywords(self) -> None:
        every = "".join(chr(64 + mask) for mask in range(32))
        uids = ",".join(str(uid) for uid in range(10, 42))
        states = packing.states(uids, every, 7, "11:0.58,41:3")
        self.assertEqual(list(states.uids), list(range(10, 42)))
        self.assertEqual(list(states.modseqs), [7] * 32)
        self.assertEqual(states.masks[0], 0)
        self.assertEqual(states.masks[1], 1 | 1 << 5 | 1 << 63)
        self.assertEqual(states.masks[31], 31 | 1 << 8)
        self.assertEqual(states.masks[2:31], list(range(2, 31)))

    def test_keywords_are_known_once_by_their_first_spelling(self) -> None:
        names, keys = packing.keyword_names(Flags(0, ("$Junk", "a", "$JUNK")))
        self.assertEqual((names, keys), (["$Junk", "a"], ["$junk", "a"]))

    def test_only_used_keywords_are_told(self) -> None:
        words = ((0, "a"), (1, "b"), (60, "c"))
        self.assertEqual(packing.used(words, (1, 1 << 6, 1 << 65)), ((1, "b"), (60, "c")))

    def test_texts_lose_what_cannot_be_stored(self) -> None:
        """G18"""
        for text, clean in (
            ("abc", "abc"),
            ("a\0b", "ab"),
            ("ä\0\N{GRINNING FACE}", "ä\N{GRINNING FACE}"),
            ("a\ud800ä", "a?ä"),
        ):
            self.assertEqual(packing.clean(text), clean)

    def test_a_body_is_cut_into_pieces(self) -> None:
        self.assertEqual([len(piece) for piece in pieces(b"x" * (2 * PIECE))], [PIECE, PIECE])
        self.assertEqual(pieces(b""), [""])
