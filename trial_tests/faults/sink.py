"""Where redirected mail ends: a server that takes everything over SMTP, and remembers what it took.

It lives in a thread of its own, as proxies do, and has all messages until it is stopped.
"""

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from typing import Final

from trial_tests.faults.ledger import digest_of, key_of

GREETING: Final = b"220 sink.example\r\n"
_SAID: Final = {
    b"EHLO": b"250-sink.example\r\n250 SIZE\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Sink:
    """An SMTP server on 127.0.0.1:`port`. `taken` counts messages by their key and the digest of
    what stands from the key on; what is counted was answered with 250, or was about to be."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: Counter[tuple[str, str]] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sink", daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=4 * 1024 * 1024)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(30)
        self.port = server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """End the thread; who is connected is cut off."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(30)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _cut(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write(GREETING)
            while line := await reader.readline():
                word = line[:4].upper().strip()
                writer.write(_SAID.get(word, b"250 ok\r\n"))
                if word == b"DATA":
                    await self._take(reader)
                    writer.write(b"250 taken\r\n")
                await writer.drain()
                if word == b"QUIT":
                    break
        writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line.endswith(b"\r\n"):
                raise asyncio.IncompleteReadError(line, None)
            lines.append(line[1:] if line.startswith(b".") else line)
        octets = b"".join(lines)
        self.taken[key_of(octets), digest_of(octets)] += 1
