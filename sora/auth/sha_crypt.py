"""SHA-256 and SHA-512 crypt hashes (`$5$`, `$6$`), as other mail servers store passwords.

The algorithm is Drepper's "Unix crypt using SHA-256 and SHA-512". It is written out here
because the standard library's `crypt` ends with Python 3.12 and knew only what the C library
does. Its steps have the letters of that document.
"""

from hashlib import sha256, sha512
from re import compile as compile_regex
from typing import Final

_FORM = compile_regex(r"\$([56])\$(?:rounds=(\d{1,9})\$)?([^$]{0,16})")
_ALPHABET: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DEFAULT_ROUNDS: Final = 5000
LEAST_ROUNDS: Final = 1000


def sha_crypt(password: bytes, setting: str, max_rounds: int) -> str:
    """The hash of `password` with the algorithm, rounds and salt of `setting`, which may be
    a whole hash: the result is then equal to it when the password is right.

    Raises:
        ValueError: `setting` is not of this form, or asks for more than `max_rounds`.
    """
    form = _FORM.match(setting)
    if form is None:
        raise ValueError("not a SHA-crypt setting")
    kind, asked, salt_text = form.groups()
    rounds = DEFAULT_ROUNDS if asked is None else max(int(asked), LEAST_ROUNDS)
    if rounds > max_rounds:
        raise ValueError("too many rounds")
    salt = salt_text.encode("utf-8")
    digest = _stretch(password, salt, rounds, kind)
    prefix = f"${kind}$" + ("" if asked is None else f"rounds={rounds}$")
    return f"{prefix}{salt_text}${_encode(digest, kind)}"


def _stretch(password: bytes, salt: bytes, rounds: int, kind: str) -> bytes:
    algorithm = sha512 if kind == "6" else sha256
    length = len(password)
    # B: steps 4 to 8
    b = algorithm(password + salt + password).digest()
    # A: steps 1 to 3, 9 to 12
    a = algorithm(password + salt + _repeat(b, length))
    bits = length
    while bits:
        a.update(b if bits & 1 else password)
        bits >>= 1
    digest = a.digest()
    # P and S: steps 13 to 20
    p = _repeat(algorithm(password * length).digest(), length)
    s = _repeat(algorithm(salt * (16 + digest[0])).digest(), len(salt))
    # step 21: what comes before and after the running digest repeats every 42 rounds
    plan = []
    for n in range(42):
        middle = (s if n % 3 else b"") + (p if n % 7 else b"")
        plan.append((p + middle, b"") if n & 1 else (b"", middle + p))
    for n in range(rounds):
        before, after = plan[n % 42]
        digest = algorithm(before + digest + after).digest()
    return digest


def _repeat(octets: bytes, length: int) -> bytes:
    return (octets * (length // len(octets) + 1))[:length] if octets else b""


def _encode(digest: bytes, kind: str) -> str:
    """Step 22: groups of three octets, each rotated by one place against the one before."""
    size, turn = (21, 1) if kind == "6" else (10, 2)
    text = []
    order = [0, size, 2 * size]
    for _ in range(size):
        text.append(_digits(bytes(digest[place] for place in order), 4))
        order = [(place + 1) for place in order[turn:] + order[:turn]]
    if kind == "6":
        text.append(_digits(digest[63:], 2))
    else:
        text.append(_digits(bytes((digest[31], digest[30])), 3))
    return "".join(text)


def _digits(octets: bytes, count: int) -> str:
    number = int.from_bytes(octets, "big")
    return "".join(_ALPHABET[number >> 6 * n & 63] for n in range(count))
