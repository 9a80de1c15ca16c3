"""A last login, as the command line and the HTTP API name it."""

from typing import Any

from sora.storage.rows import LastLogin


def login_fields(login: LastLogin | None) -> dict[str, Any]:
    """A last login among the fields of what it was with."""
    return {
        "last_login": None if login is None else login.at,
        "last_login_protocol": None if login is None else login.protocol,
        "last_login_address": None if login is None else login.address,
    }
