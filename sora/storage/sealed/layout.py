"""The form of an encrypted object (pure).

An object is a head of 96 octets, and the body in chunks of 64 KiB, each encrypted by itself with
AES-256-GCM and followed by its tag, so that a range of a large body is read without the rest:

    octets   what
    0-5      "SORAE" and the octet 1, the version of this form
    6        the logarithm of a chunk's size to the base 2: 16
    7        how many octets of the next field but one are the key's id, 1 to 32
    8-15     the size of the body, big endian
    16-47    the id of the key, in ASCII, filled up with NULs
    48-79    salt
    80-95    check: proves that the head is whole, and that the key is the one it names
    96-      chunk 0, its tag of 16 octets, chunk 1, its tag, ...

All chunks but the last have 65,536 octets; an empty body has one chunk of none. So the size of
an object says the size of its body, and the other way round.

What a configured key of 32 octets is used for comes by HKDF with SHA-256 (RFC 5869): its
extraction, with "sora objects 1" as salt, gives a root, and its expansion of the root, 32 octets
for each of these texts:

    salt     "salt", the object's UUID, the body's size (8 octets), the body's BLAKE3
    check    "check", the object's UUID, octets 0 to 79 of the head; the first 16 octets of it
    key      "chunks", the object's UUID, octets 0 to 79 of the head

The nonce of a chunk is its number in 11 octets, big endian, and 1 for the last chunk, else 0 (the
construction STREAM of Hoang, Reyhanitabar, Rogaway and Vizár). What is authenticated with each
chunk is the object's UUID.

Why so:

- A nonce never repeats with its key. The key of an object is its own: it comes from the salt, and
  that from the object's name and its bytes. The same bytes written again under the same name
  (another attempt of an upload, G4) are the same object octet by octet; other bytes under that
  name have another key. Nothing depends on a good source of random numbers, and there is no number
  of objects after which a key is worn out.
- The salt tells nothing about the body to who has no key: it is a pseudorandom function of it.
- A chunk that is changed, left out, moved, or taken from another object does not open, and neither
  does one after the last: number, end and size are part of what is authenticated. An object under
  the name of another has the wrong check.
- Who has the bucket alone learns sizes, and when what was read.
"""

from hmac import digest
from typing import Final
from uuid import UUID

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sora.errors import ObjectDamaged

CHUNK: Final = 65_536
"""Octets of a body in one chunk."""
TAG: Final = 16
HEAD: Final = 96
MAX_ID: Final = 32
"""Octets of the id of a key."""

_MAGIC: Final = b"SORAE\x01\x10"
_SEALED_CHUNK: Final = CHUNK + TAG
_EXTRACTING: Final = b"sora objects 1"
_BEFORE_CHECK: Final = HEAD - 16


@frozen
class SealingKey:
    """A configured key: its `id`, at most 32 octets of ASCII, and what comes from it."""

    id: str
    root: bytes = field(repr=False)


def sealing_key(id: str, octets: bytes) -> SealingKey:
    """A key from its 32 octets."""
    return SealingKey(id, digest(_EXTRACTING, octets, "sha256"))


def sealed_size(size: int) -> int:
    """How large the object of a body is, in octets."""
    return HEAD + size + TAG * _chunks(size)


def body_size(stored: int) -> int:
    """How large the body of an object of `stored` octets is. Raises ObjectDamaged."""
    rest = stored - HEAD
    size = rest - TAG * -(-rest // _SEALED_CHUNK)
    if rest < TAG or sealed_size(size) != stored:
        raise ObjectDamaged(f"No encrypted object has {stored} octets")
    return size


@frozen
class Span:
    """Where the chunks of a range of a body are in the object: the octets [start, end), from
    chunk `first` on."""

    first: int
    start: int
    end: int


def span(size: int, start: int, end: int) -> Span:
    """The chunks that hold the octets [start, end) of a body of `size`; at least one octet."""
    first, last = start // CHUNK, (end - 1) // CHUNK
    return Span(
        first,
        HEAD + first * _SEALED_CHUNK,
        min(HEAD + (last + 1) * _SEALED_CHUNK, sealed_size(size)),
    )


class Seal:
    """What one object is encrypted with: made for a body (`seal_for`), or from the head of an
    object (`seal_of`)."""

    __slots__ = ("_aead", "_last", "_name", "head", "size")

    def __init__(self, key: SealingKey, name: UUID, head: bytes, size: int) -> None:
        self.head = head
        self.size = size
        self._name = name.bytes
        self._last = _chunks(size) - 1
        self._aead = AESGCM(_expand(key, b"chunks", self._name + head[:_BEFORE_CHECK]))

    def close(self, number: int, octets: bytes) -> bytes:
        """A chunk of the body, encrypted."""
        return self._aead.encrypt(self._nonce(number), octets, self._name)

    def open(self, number: int, octets: bytes) -> bytes:
        """A chunk of the object, decrypted. Raises ObjectDamaged."""
        try:
            return self._aead.decrypt(self._nonce(number), octets, self._name)
        except InvalidTag:
            raise ObjectDamaged(
                f"Object {UUID(bytes=self._name)} is damaged in its chunk {number}"
            ) from None

    def length(self, number: int) -> int:
        """How many octets a chunk has in the object."""
        if number < self._last:
            return _SEALED_CHUNK
        return self.size - self._last * CHUNK + TAG if number == self._last else 0

    def _nonce(self, number: int) -> bytes:
        return number.to_bytes(11, "big") + (b"\1" if number == self._last else b"\0")


def seal_for(key: SealingKey, name: UUID, size: int, hash: bytes) -> Seal:
    """The seal of a new object: of a body of `size` octets with this BLAKE3."""
    octets = size.to_bytes(8, "big")
    salt = _expand(key, b"salt", name.bytes + octets + hash)
    id_ = key.id.encode("ascii")
    head = _MAGIC + bytes((len(id_),)) + octets + id_.ljust(MAX_ID, b"\0") + salt
    return Seal(key, name, head + _check(key, name, head), size)


def key_id_of(name: UUID, head: bytes) -> str:
    """The id of the key that the head of an object names. Raises ObjectDamaged."""
    length = head[7] if len(head) >= HEAD else 0
    if not head.startswith(_MAGIC) or not 1 <= length <= MAX_ID:
        raise ObjectDamaged(f"Object {name} is not an encrypted object, or its head is damaged")
    return head[16 : 16 + length].decode("ascii", "replace")


def seal_of(key: SealingKey, name: UUID, head: bytes) -> Seal:
    """The seal of an object that is there, from its first 96 octets. Raises ObjectDamaged."""
    if head[_BEFORE_CHECK:HEAD] != _check(key, name, head[:_BEFORE_CHECK]):
        raise ObjectDamaged(
            f"The head of object {name} is damaged, or the key {key.id} is not the one that it was"
            " encrypted with"
        )
    return Seal(key, name, head[:HEAD], int.from_bytes(head[8:16], "big"))


class Opening:
    """Decrypts a range of a body from the octets of its `span`, as they come.

    A chunk is handed out when all of it is here: nothing that is not proven leaves.
    """

    def __init__(self, seal: Seal, start: int, end: int) -> None:
        self._seal = seal
        self._number = start // CHUNK
        self._skip = start % CHUNK
        self._left = end - start
        self._waiting = bytearray()

    @property
    def is_complete(self) -> bool:
        """Whether all of the range was handed out."""
        return not self._left

    def take(self, octets: bytes) -> bytes:
        """The next octets of the object; gives those of the body that they complete.

        Raises ObjectDamaged.
        """
        self._waiting += octets
        found: list[bytes] = []
        place = 0
        while self._left:
            length = self._seal.length(self._number)
            if len(self._waiting) - place < length:
                break
            chunk = self._seal.open(self._number, bytes(self._waiting[place : place + length]))
            place += length
            cut = chunk[self._skip : self._skip + self._left]
            found.append(cut)
            self._left -= len(cut)
            self._skip = 0
            self._number += 1
        del self._waiting[:place]
        return b"".join(found)


def close_all(seal: Seal, body: bytes) -> bytes:
    """The object of a whole body."""
    pieces = [seal.head]
    for number in range(_chunks(len(body))):
        pieces.append(seal.close(number, body[number * CHUNK : (number + 1) * CHUNK]))
    return b"".join(pieces)


def open_range(seal: Seal, start: int, end: int, octets: bytes) -> bytes:
    """The octets [start, end) of a body from those of their `span`. Raises ObjectDamaged."""
    opening = Opening(seal, start, end)
    found = opening.take(octets)
    if not opening.is_complete:
        raise ObjectDamaged(f"The octets {start} to {end} of an encrypted object are not all there")
    return found


def _chunks(size: int) -> int:
    return max(1, -(-size // CHUNK))


def _expand(key: SealingKey, purpose: bytes, about: bytes) -> bytes:
    """The first block of HKDF-Expand (RFC 5869 section 2.3)."""
    return digest(key.root, purpose + about + b"\1", "sha256")


def _check(key: SealingKey, name: UUID, head: bytes) -> bytes:
    return _expand(key, b"check", name.bytes + head)[:16]
