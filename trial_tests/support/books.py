"""The books of who is connected, for a connection without a listener."""


class Books:
    """Writes down why a connection was ended (`sora.net.connection.Registration`)."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def identify(self, user: str) -> None:
        """Anybody may log in."""

    def unidentify(self) -> None:
        """And out."""

    def timed_out(self, reason: str) -> None:
        """The client took too long."""
        self.reasons.append(reason)

    def leave(self) -> None:
        """It is gone."""
