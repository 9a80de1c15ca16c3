"""sora.storage.sealed.layout and keyring"""

from itertools import cycle
from uuid import UUID

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import KeyMissing, ObjectDamaged
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.layout import (
    CHUNK,
    HEAD,
    Opening,
    Seal,
    body_size,
    close_all,
    open_range,
    seal_for,
    seal_of,
    sealed_size,
    sealing_key,
    span,
)
from trial_tests.support.properties import SETTINGS

OCTETS = bytes(range(32))
KEY = sealing_key("2026", OCTETS)
NAME = UUID("0f9e8d7c-6b5a-4938-8271-605f4e3d2c1b")
OTHER = UUID("1f9e8d7c-6b5a-4938-8271-605f4e3d2c1b")
PATTERN = bytes(n * 7 % 251 for n in range(251)) * 1200  # 301,200 octets: more than four chunks

SIZES = st.one_of(
    st.integers(0, len(PATTERN)),
    st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 1]),
)


def closed(body: bytes, name: UUID = NAME) -> bytes:
    return close_all(seal_for(KEY, name, len(body), blake3(body).digest()), body)


def opened(octets: bytes, name: UUID = NAME) -> bytes:
    """All of an object, as `SealedObjects` opens it."""
    seal = seal_of(Keyring([("2026", OCTETS)]).key_for(name, octets[:HEAD]), name, octets[:HEAD])
    if not seal.size:
        return b""
    wanted = span(seal.size, 0, seal.size)
    return open_range(seal, 0, seal.size, octets[wanted.start : wanted.end])


class FormTests(SynchronousTestCase):
    """The form is what the page on top of the module says, octet by octet."""

    def test_an_object_is_what_is_written(self) -> None:
        """Made here once more, with nothing of the module."""
        body = PATTERN[: CHUNK + 5]

        def derived(purpose: bytes, about: bytes) -> bytes:
            info = purpose + NAME.bytes + about
            return HKDF(SHA256(), 32, b"sora objects 1", info).derive(OCTETS)

        size = len(body).to_bytes(8, "big")
        head = b"SORAE\x01\x10\x04" + size + b"2026" + bytes(28)
        head += derived(b"salt", size + blake3(body).digest())
        chunks = AESGCM(derived(b"chunks", head))
        head += derived(b"check", head)[:16]
        self.assertEqual(len(head), 96)
        first = chunks.encrypt(bytes(12), body[:CHUNK], NAME.bytes)
        last = chunks.encrypt(bytes(10) + b"\x01\x01", body[CHUNK:], NAME.bytes)
        self.assertEqual(closed(body), head + first + last)

    def test_the_same_bytes_are_the_same_object_and_others_have_another_key(self) -> None:
        """G4: another attempt writes the same object; a nonce is never used twice with a key."""
        self.assertEqual(closed(b"one"), closed(b"one"))
        heads = {closed(b"one")[:HEAD], closed(b"two")[:HEAD], closed(b"one", OTHER)[:HEAD]}
        self.assertEqual(len({head[48:80] for head in heads}), 3)

    @given(SIZES)
    @SETTINGS
    def test_a_size_says_the_other(self, size: int) -> None:
        body = PATTERN[:size]
        self.assertEqual(len(closed(body)), sealed_size(size))
        self.assertEqual(body_size(sealed_size(size)), size)

    def test_sizes_that_no_object_has(self) -> None:
        for stored in (0, HEAD, HEAD + 15, sealed_size(CHUNK) + 1, sealed_size(CHUNK) + 16):
            with self.assertRaises(ObjectDamaged):
                body_size(stored)


class RangeTests(SynchronousTestCase):
    """Any range of any body, from its own chunks alone."""

    @given(st.data())
    @SETTINGS
    def test_any_range_of_any_size(self, data: st.DataObject) -> None:
        size = data.draw(SIZES.filter(bool))
        start = data.draw(st.integers(0, size - 1))
        end = data.draw(st.integers(start + 1, size))
        octets = closed(PATTERN[:size])
        seal = seal_of(KEY, NAME, octets)
        wanted = span(size, start, end)
        self.assertLess(wanted.end - wanted.start, end - start + 2 * (CHUNK + 16))
        found = open_range(seal, start, end, octets[wanted.start : wanted.end])
        self.assertEqual(found, PATTERN[start:end])

    @given(st.data())
    @SETTINGS
    def test_the_octets_come_in_any_pieces(self, data: st.DataObject) -> None:
        body = PATTERN[: CHUNK * 2 + 77]
        octets = closed(body)
        start = data.draw(st.integers(0, len(body) - 1))
        steps = cycle(data.draw(st.lists(st.integers(20, 100_000), min_size=1, max_size=5)))
        opening = Opening(seal_of(KEY, NAME, octets), start, len(body))
        wanted = span(len(body), start, len(body))
        place, found = wanted.start, b""
        while place < wanted.end:
            step = next(steps)
            found += opening.take(octets[place : min(place + step, wanted.end)])
            place += step
        self.assertTrue(opening.is_complete)
        self.assertEqual(found, body[start:])


class DamageTests(SynchronousTestCase):
    """G8, G9: what is not what was stored is refused; it is never other octets, or none."""

    @given(st.data())
    @SETTINGS
    def test_any_flipped_bit(self, data: st.DataObject) -> None:
        size = data.draw(st.sampled_from([1, 100, CHUNK, CHUNK + 1, 2 * CHUNK + 9]))
        octets = bytearray(closed(PATTERN[:size]))
        place = data.draw(st.one_of(st.integers(0, HEAD - 1), st.integers(0, len(octets) - 1)))
        octets[place] ^= 1 << data.draw(st.integers(0, 7))
        with self.assertRaises((ObjectDamaged, KeyMissing)):
            opened(bytes(octets))

    @given(st.data())
    @SETTINGS
    def test_any_cut(self, data: st.DataObject) -> None:
        size = data.draw(st.sampled_from([1, CHUNK, CHUNK + 1, 2 * CHUNK]))
        octets = closed(PATTERN[:size])
        with self.assertRaises(ObjectDamaged):
            opened(octets[: data.draw(st.integers(0, len(octets) - 1))])

    def test_chunks_that_changed_places(self) -> None:
        octets = closed(PATTERN[: 3 * CHUNK])
        head, rest = octets[:HEAD], octets[HEAD:]
        one, two, three = (rest[n * (CHUNK + 16) : (n + 1) * (CHUNK + 16)] for n in range(3))
        for order in ((two, one, three), (one, two, two), (one, three, two), (three,)):
            with self.assertRaises(ObjectDamaged):
                opened(head + b"".join(order))

    def test_an_object_under_the_name_of_another(self) -> None:
        with self.assertRaises(ObjectDamaged):
            opened(closed(b"of another", OTHER))

    def test_a_chunk_of_another_object(self) -> None:
        """The same place and the same bytes, but another object."""
        one, other = closed(PATTERN[: 2 * CHUNK]), closed(PATTERN[: 2 * CHUNK], OTHER)
        with self.assertRaises(ObjectDamaged):
            opened(one[: HEAD + CHUNK + 16] + other[HEAD + CHUNK + 16 :])

    def test_a_plain_object(self) -> None:
        with self.assertRaises(ObjectDamaged):
            opened(b"Subject: x\r\n\r\n" * 40)

    def test_a_key_of_the_same_name_that_is_another(self) -> None:
        octets = closed(b"body")
        keys = Keyring([("2026", bytes(32))])
        with self.assertRaises(ObjectDamaged) as caught:
            seal_of(keys.key_for(NAME, octets), NAME, octets)
        self.assertIn("the key 2026 is not the one", caught.exception.text)

    def test_a_key_that_is_not_configured(self) -> None:
        """It is named, with the mend; and remembered for who asks how things are."""
        keys = Keyring([("2027", bytes(32))])
        with self.assertRaises(KeyMissing) as caught:
            keys.key_for(NAME, closed(b"body"))
        self.assertIn("the key 2026", caught.exception.text)
        self.assertIn("[[s3.encryption_keys]]", caught.exception.text)
        self.assertEqual(keys.missing, {"2026"})

    def test_nothing_shows_a_key(self) -> None:
        """G69"""
        self.assertNotIn("root", repr(KEY))
        self.assertIsInstance(seal_of(KEY, NAME, closed(b"x")), Seal)
