"""A proxy before an S3 store that answers some requests itself, as stores of all kinds refuse them.

with S3Front(store.endpoint) as front:
    ...                                               # clients use 127.0.0.1:front.port
    front.refuse(403, "AccessDenied", methods="DELETE")
    front.pass_on()

What it passes on is unchanged, so that signatures stay right. It runs in threads of its own.
"""

import http.client
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import frozen

METHODS = "GET PUT POST DELETE HEAD"


@frozen
class Refusal:
    """An answer, to these methods."""

    status: int
    code: str
    headers: Mapping[str, str]
    methods: frozenset[str]


class S3Front:
    """Before the store at `endpoint`, a host and a port. With `tls`, clients speak TLS."""

    def __init__(self, endpoint: str, tls: ssl.SSLContext | None = None) -> None:
        self.endpoint = endpoint
        self.refusal: Refusal | None = None
        self.refused = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> "S3Front":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Where clients find it, on 127.0.0.1."""
        return int(self._server.server_address[1])

    def refuse(
        self,
        status: int,
        code: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        methods: str = METHODS,
    ) -> None:
        """Answer with this from now on."""
        words = frozenset(methods.split())
        self.refusal = Refusal(status, code, dict(headers or {}), words)

    def pass_on(self) -> None:
        """Be a proxy and no more."""
        self.refusal = None

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(front: S3Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            refusal = front.refusal
            if refusal is not None and self.command in refusal.methods:
                front.refused += 1
                self._refuse(refusal)
                return
            store = http.client.HTTPConnection(front.endpoint, timeout=30)
            try:
                store.request(self.command, self.path, body, dict(self.headers.items()))
                self._answer(store.getresponse())
            except OSError:
                self.close_connection = True
            finally:
                store.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

        def _refuse(self, refusal: Refusal) -> None:
            text = f"<Error><Code>{refusal.code}</Code></Error>".encode()
            self.send_response_only(refusal.status)
            for name, value in refusal.headers.items():
                self.send_header(name, value)
            self._end(text)

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            text = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self._end(text)

        def _end(self, text: bytes) -> None:
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing is said."""

    return Handler
