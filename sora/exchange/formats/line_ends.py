"""Line ends: LF on disks, CRLF in messages that are sent (RFC 5322 §2.1)."""


class ToCRLF:
    """Makes CRLF of each LF that has no CR before it, piece by piece; all else stays."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The next piece; a CR at its end is held back."""
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held


class ToLF:
    """Makes LF of each CRLF, piece by piece; counts octets as they are with CRLF everywhere."""

    def __init__(self) -> None:
        self._held = b""
        self.size = 0
        self.size_crlf = 0

    def feed(self, data: bytes) -> bytes:
        """The next piece; a CR at its end is held back."""
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return self._counted(data.replace(b"\r\n", b"\n"))

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return self._counted(held)

    def _counted(self, data: bytes) -> bytes:
        self.size += len(data)
        self.size_crlf += len(data) + data.count(b"\n")
        return data
