"""Requests to Sora's HTTP API, from tests that block."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def ask(port: int, key: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request: the status, and the body, as JSON where it is. Raises OSError when nobody
    answers."""
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urlopen(request, timeout=20) as answer:
            status, kind, octets = answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        status, kind, octets = error.code, error.headers["Content-Type"], error.read()
    return status, json.loads(octets) if kind and "json" in kind else octets
