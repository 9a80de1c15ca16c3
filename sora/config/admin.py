"""`[admin]`: how sora-admin reaches running servers."""

from attrs import frozen

from sora.config.keys import key


@frozen
class AdminConfig:
    """How `sora-admin` reaches running servers, for what the database alone cannot tell."""

    api_url: str = key("http://127.0.0.1:8080", "The address of a server of type http_api.")
    api_key: str = key("", "The `api_key` of that server.", secret=True)
