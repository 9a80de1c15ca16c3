"""Two clients of a server that is about to end: one idles over IMAP, one is in the middle of a message
over LMTP.

    python -m trial_tests.deployment.sessions HOST IMAPS-PORT LMTP-PORT USER PASSWORD

It prints `open` when both are so far; a line of the standard input tells it that the server was told to
end. It sends the rest of the message, and prints what either heard until its connection was closed, as
one line of JSON: `{"lmtp": [...], "imap": [...]}`.
"""

import json
import socket
import ssl
import sys
import time
from typing import BinaryIO, Final

PATIENCE: Final = 60
LATER: Final = 1.0
"""seconds from the word to end until the rest of the message"""


def _said(reader: BinaryIO) -> str:
    return reader.readline().decode("utf-8", "replace").rstrip("\r\n")


def _idling(host: str, port: int, user: str, password: str) -> tuple[ssl.SSLSocket, BinaryIO]:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    connection = trusting.wrap_socket(socket.create_connection((host, port), PATIENCE))
    reader = connection.makefile("rb")
    _said(reader)
    for line, end in (
        (f'a LOGIN {user} "{password}"', "a OK"),
        ("b SELECT INBOX", "b OK"),
        ("c IDLE", "+ "),
    ):
        connection.sendall(f"{line}\r\n".encode())
        while not (said := _said(reader)).startswith(end):
            if not said.startswith("*"):
                raise SystemExit(f"{line.split()[1]}: {said}")
    return connection, reader


def _in_data(host: str, port: int, user: str) -> tuple[socket.socket, BinaryIO]:
    connection = socket.create_connection((host, port), PATIENCE)
    reader = connection.makefile("rb")
    _said(reader)
    for line in ("LHLO client", "MAIL FROM:<you@example.org>", f"RCPT TO:<{user}>", "DATA"):
        connection.sendall(f"{line}\r\n".encode())
        while (said := _said(reader))[3:4] == "-":
            pass
        if said[:1] not in "23":
            raise SystemExit(f"{line}: {said}")
    connection.sendall(b"Subject: in the middle\r\n\r\nthe first half\r\n")
    return connection, reader


def main(host: str, imap: str, lmtp: str, user: str, password: str) -> None:
    """See above."""
    client, idle = _idling(host, int(imap), user, password)
    sender, replies = _in_data(host, int(lmtp), user)
    print("open", flush=True)
    sys.stdin.readline()
    time.sleep(LATER)
    sender.sendall(b"the second half\r\n.\r\n")
    heard = {"lmtp": _rest(replies), "imap": _rest(idle)}
    print(json.dumps(heard), flush=True)
    client.close()
    sender.close()


def _rest(reader: BinaryIO) -> list[str]:
    lines = []
    while line := _said(reader):
        lines.append(line)
    return lines


if __name__ == "__main__":
    main(*sys.argv[1:])
