"""What is said to the client: replies on one line each (RFC 5321 §4.2, RFC 2034)."""

from collections.abc import Sequence

from sora.errors import MessageRefused, SoraError
from sora.net.connection import Connection
from sora.protocols.lmtp.errors import Reply, reply_to


class Replies:
    """The replies of one connection. `owed` is how many the command in hand has to have: one, or
    after a message one for each of its recipients (RFC 2033 §4.2)."""

    def __init__(self, connection: Connection, rejects_over_quota: bool) -> None:
        """`rejects_over_quota`: whether mail for somebody who is over quota goes back."""
        self._connection = connection
        self._rejects_over_quota = rejects_over_quota
        self.owed = 1

    def say(self, code: int, status: str, text: str) -> None:
        """A reply that is no error; greetings and 354 have no `status`."""
        space = " " if status else ""
        self._connection.write(f"{code} {status}{space}{text}\r\n".encode())

    def reply_to(self, error: SoraError) -> Reply:
        """The reply that says an error."""
        return reply_to(error, self._rejects_over_quota)

    def refuse(self, error: SoraError, address: str = "") -> Reply:
        """Say an error, about an address if there is one; gives the reply. A reason that a user has
        written keeps its lines (RFC 5429 §2.5)."""
        reply = self.reply_to(error)
        if isinstance(error, MessageRefused):
            text = f"<{address}> {reply.text}"
            self._connection.write(Reply(reply.code, reply.status, text).lines())
        else:
            self.tell(reply, address)
        return reply

    def tell(self, reply: Reply, address: str = "") -> None:
        """A reply, about an address if there is one."""
        text = f"<{address}> {reply.text}" if address else reply.text
        self._connection.write(Reply(reply.code, reply.status, text).line())

    def fail(self, reply: Reply) -> None:
        """The command failed as a whole: each reply that it owes is the same (G41)."""
        for _ in range(self.owed):
            self.tell(reply)

    def lines(self, code: int, lines: Sequence[str]) -> None:
        """A reply of several lines."""
        last = len(lines) - 1
        text = "".join(
            f"{code}{' ' if number == last else '-'}{line}\r\n" for number, line in enumerate(lines)
        )
        self._connection.write(text.encode())
