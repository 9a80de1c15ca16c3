"""The socket of a service manager, as systemd has it (sd_notify(3))."""

import socket
import threading
from pathlib import Path


class NotifySocket:
    """Hears what a process says about itself, from the beginning to `close`."""

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "notify")
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while words := self._socket.recv(4096):
            self.heard.append(words.decode())

    def close(self) -> None:
        """Hear nothing more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()
