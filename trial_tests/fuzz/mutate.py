"""Octets -> other octets: cut, doubled, spliced, and with words of the protocol put in."""

from collections.abc import Sequence
from random import Random

from trial_tests.fuzz.corpus import PIECES


def mutated(random: Random, corpus: Sequence[bytes], words: Sequence[bytes], limit: int) -> bytes:
    """One of the corpus with some things done to it, of at most `limit` octets."""
    data = random.choice(corpus)
    for _ in range(random.choice((0, 1, 1, 2, 3, 5, 8))):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice((0, 1, 1, 2, 4, 16, 64)))
        match random.randrange(8):
            case 0:
                piece = random.choice(PIECES)
            case 1:
                piece = random.choice(words)
            case 2:
                piece = bytes([random.randrange(256)])
            case 3:
                piece = data[start:end] * random.choice((2, 2, 3, 50))
            case 4:
                other = random.choice(corpus)
                place = random.randint(0, len(other))
                piece = other[place : place + random.choice((2, 8, 40, 400))]
            case 5:
                piece = data[start:end][::-1]
            case 6:
                piece = data[start:end].swapcase()
            case _:
                piece = b""
        data = data[:start] + piece + data[end:]
    return data[:limit]
