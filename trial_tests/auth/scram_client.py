"""SCRAM-SHA-256 as a client speaks it (RFC 5802 §3), written for tests from the RFC."""

from base64 import b64decode, b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import digest


class ScramClient:
    """One exchange."""

    def __init__(
        self, user: str, password: str, nonce: str = "rOprNGfwEbeRWgbNEkqO", header: str = "n,,"
    ) -> None:
        self.header = header
        self.bare = f"n={user},r={nonce}"
        self.password = password
        self.bound = b""

    def first(self) -> bytes:
        """The first message."""
        return (self.header + self.bare).encode()

    def final(self, challenge: bytes) -> bytes:
        """The final message; `server` is then what the server has to answer."""
        parts = dict(part.split("=", 1) for part in challenge.decode().split(","))
        channel = b64encode(self.header.encode() + self.bound).decode()
        without = f"c={channel},r={parts['r']}"
        text = f"{self.bare},{challenge.decode()},{without}".encode()
        salted = pbkdf2_hmac(
            "sha256", self.password.encode(), b64decode(parts["s"]), int(parts["i"])
        )
        key = digest(salted, b"Client Key", "sha256")
        signature = digest(sha256(key).digest(), text, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        server = digest(digest(salted, b"Server Key", "sha256"), text, "sha256")
        self.server = b"v=" + b64encode(server)
        return f"{without},p={b64encode(proof).decode()}".encode()
