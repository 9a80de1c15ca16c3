"""A small blocking IMAP and LMTP client, as thin as a client can be.

It is the same for every server, and does so little that the server is what is measured:
commands go out in one write, answers are read until the line with the tag, nothing is
parsed that is not asked for.
"""

import re
import socket


class Unexpected(Exception):
    """The server did not answer as it should."""


class Wire:
    """A socket with lines."""

    def __init__(self, port: int, timeout: float = 120) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def line(self) -> bytes:
        """The next line, with its end."""
        while (end := self.buffer.find(b"\n")) < 0:
            self._fill()
        line = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        return line

    def _fill(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise Unexpected("the server hung up")
        self.buffer += data

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


class IMAP(Wire):
    """An IMAP session."""

    def __init__(self, port: int, user: str = "", password: str = "") -> None:
        super().__init__(port)
        self.count = 0
        self.line()
        if user:
            self.command(b'LOGIN "%s" "%s"' % (user.encode(), password.encode()))

    def send(self, text: bytes) -> bytes:
        """Send a command and give its tag."""
        self.count += 1
        tag = b"a%d" % self.count
        self.socket.sendall(tag + b" " + text + b"\r\n")
        return tag

    def answer(self, tag: bytes) -> bytes:
        """Everything up to and with the tagged line, which has to be OK."""
        # Plain octets are searched for, and the pattern tried only there: a pattern that looks
        # at every line takes longer than the server.
        mark = b"\r\n" + tag + b" "
        done = re.compile(tag + rb" (OK|NO|BAD)[^\r\n]*\r\n")
        start = 0
        while True:
            place = self.buffer.find(mark, start)
            found = done.match(self.buffer, 0 if place < 0 else place + 2)
            if found:
                status, end = found.group(1), found.end()
                del found  # it holds on to the buffer
                return self._cut(end, status == b"OK")
            start = place if place >= 0 else max(start, len(self.buffer) - len(mark))
            self._fill()

    def _cut(self, end: int, is_ok: bool) -> bytes:
        with memoryview(self.buffer) as view:
            data = bytes(view[:end])
        del self.buffer[:end]
        if not is_ok:
            raise Unexpected(data[-300:].decode("latin-1"))
        return data

    def command(self, text: bytes) -> bytes:
        """Send a command and take its whole answer."""
        return self.answer(self.send(text))

    def append(self, mailbox: bytes, message: bytes) -> bytes:
        """APPEND with a non-synchronising literal (both servers have LITERAL+)."""
        tag = self.send(b"APPEND %s {%d+}\r\n%s" % (mailbox, len(message), message))
        return self.answer(tag)


class LMTP(Wire):
    """An LMTP session."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._reply(b"2")
        self.socket.sendall(b"LHLO bench.example\r\n")
        self._reply(b"2")

    def _reply(self, first: bytes) -> bytes:
        while True:
            line = self.line()
            if line[3:4] != b"-":
                if line[:1] != first:
                    raise Unexpected(line.decode("latin-1"))
                return line

    def deliver(self, message: bytes, recipients: list[str]) -> None:
        """One transaction; returns when each recipient was answered with 250."""
        rcpt = b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in recipients)
        self.socket.sendall(b"MAIL FROM:<sender@bench.example>\r\n" + rcpt + b"DATA\r\n")
        self._reply(b"2")
        for _ in recipients:
            self._reply(b"2")
        self._reply(b"3")
        self.socket.sendall(dotted(message))
        for _ in recipients:
            self._reply(b"2")


class POP3(Wire):
    """A POP3 session, logged in."""

    def __init__(self, port: int, user: str, password: str) -> None:
        super().__init__(port)
        self._status()
        self.ask(b"USER " + user.encode())
        self.ask(b"PASS " + password.encode())

    def _status(self) -> bytes:
        line = self.line()
        if not line.startswith(b"+OK"):
            raise Unexpected(line.decode("latin-1"))
        return line

    def ask(self, command: bytes) -> bytes:
        """Send a command and take the one line of its answer."""
        self.socket.sendall(command + b"\r\n")
        return self._status()

    def lines(self, command: bytes) -> bytes:
        """Send a command and take the lines of its answer, with the dots they are stuffed with."""
        self.socket.sendall(command + b"\r\n")
        self._status()
        start = 0
        while (end := self.buffer.find(b"\r\n.\r\n", start)) < 0:
            if self.buffer.startswith(b".\r\n"):
                end = -2
                break
            start = max(0, len(self.buffer) - 4)
            self._fill()
        data = bytes(self.buffer[: end + 2])
        del self.buffer[: end + 5]
        return data


def dotted(message: bytes) -> bytes:
    """A message as DATA sends it (RFC 5321 §4.5.2)."""
    body = re.sub(rb"\r?\n", b"\r\n", message)
    body = body.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"
